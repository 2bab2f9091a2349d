//! Owns a record of every packet on the lab's bridge, and the search in it.
//! Must not know what is looked for, nor why.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use crate::command::{Call, Result, Running, ensure, wait_for};
use crate::forms::Needles;
use crate::lab::{Lab, seconds};

/// Longer than any drill that makes one.
const LIMIT: Duration = Duration::from_mins(20);

#[derive(Debug)]
pub struct Capture {
    running: Running,
    dir: TempDir,
}

/// One that ended.
#[derive(Debug)]
pub struct Captured {
    pub packets: u64,
    dir: TempDir,
}

fn record(dir: &TempDir) -> PathBuf {
    dir.path().join("bridge.pcap")
}

impl Capture {
    /// What hosts say to each other passes the bridge, and so does what they and we say.
    pub fn start(lab: &Lab) -> Result<Self> {
        let dir =
            tempfile::Builder::new().prefix("hacluster-capture-").tempdir().map_err(|e| e.to_string())?;
        let file = record(&dir);
        let words = ["tcpdump", "-n", "-i", "br0", "-s", "0", "-B", "65536", "-U", "-Z", "root", "-w"];
        let running = lab.inside(LIMIT, &[&words[..], &[&file.to_string_lossy()]].concat()).start()?;
        let capture = Self { running, dir };
        // Its head is written as soon as it listens.
        let begun = || match fs::metadata(&file) {
            Ok(data) if data.len() >= 24 => Ok(()),
            _ => Err("nothing yet".to_owned()),
        };
        wait_for("the capture begins", seconds(10), Duration::from_millis(100), begun)?;
        Ok(capture)
    }

    /// A packet that the kernel had no room for could have been the one.
    pub fn stop(self) -> Result<Captured> {
        // It is handed packets once a second.
        thread::sleep(seconds(3));
        let said = self.running.end()?;
        let count = |what: &str| {
            let line = said.stderr.lines().find(|line| line.ends_with(what))?;
            line.split(' ').next()?.parse::<u64>().ok()
        };
        let (Some(packets), Some(dropped)) = (count(" captured"), count(" dropped by kernel")) else {
            return Err(format!("tcpdump does not say how much it saw: {}", said.describe()));
        };
        ensure!(dropped == 0, "{dropped} of {packets} packets were not seen");
        Ok(Captured { packets, dir: self.dir })
    }
}

impl Captured {
    /// Names of the secrets that passed in clear.
    pub fn within(&self, needles: &Needles) -> Result<BTreeSet<String>> {
        let file = record(&self.dir);
        let call = Call::new(seconds(300), ["grep", "-aoFf", "-", &file.to_string_lossy()]);
        let found = call.stdin(needles.lines()).run()?;
        ensure!(found.status < 2, "{}", found.describe());
        Ok(needles.within(&found.stdout).into_iter().map(str::to_owned).collect())
    }
}
