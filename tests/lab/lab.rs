//! Owns the lab's commands as functions: power, disks, shells on hosts.
//! Must not know the product under test.

use std::env;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use crate::command::{Call, Output, Result, Running};

pub const HOSTS: [&str; 4] = ["node1", "node2", "node3", "nas"];
pub const NODES: [&str; 3] = ["node1", "node2", "node3"];
pub const VIP: &str = "192.168.15.200";

/// Address of a host of the lab.
pub fn address(host: &str) -> &'static str {
    match host {
        "node1" => "192.168.15.101",
        "node2" => "192.168.15.102",
        "node3" => "192.168.15.103",
        "witness" => "192.168.15.51",
        "node4" => "192.168.15.104",
        _ => "192.168.15.50",
    }
}

pub fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// What hosts run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Os {
    Trixie,
    Bookworm,
}

/// The lab script and where it keeps its things.
#[derive(Debug, Clone)]
pub struct Lab {
    script: PathBuf,
    pub cache: PathBuf,
    /// Where the images of all lanes are.
    images: PathBuf,
    /// Its network's name.
    namespace: String,
    /// What hosts made from now on run.
    pub os: Os,
}

impl Lab {
    /// The lab of a lane: the first is the machine's own, each other has a network
    /// and disks of its own.
    pub fn new(lane: usize) -> Self {
        let home = env::var_os("HOME").map_or_else(|| PathBuf::from("/root"), PathBuf::from);
        let images = env::var_os("HACLUSTER_LAB_CACHE")
            .map_or_else(|| home.join(".cache/hacluster-lab"), PathBuf::from);
        let own = env::var("HACLUSTER_LAB_NAMESPACE").unwrap_or_else(|_| "hac-lab".to_owned());
        let (cache, namespace) = match lane {
            0 => (images.clone(), own),
            _ => (images.join(format!("lane-{lane}")), format!("{own}-{lane}")),
        };
        Self { script: root().join("tests/lab/lab"), cache, images, namespace, os: Os::Trixie }
    }

    /// A command that is about this lab.
    pub fn named(&self, call: Call) -> Call {
        let os = match self.os {
            Os::Trixie => "trixie",
            Os::Bookworm => "bookworm",
        };
        call.env("HACLUSTER_LAB_CACHE", &self.cache)
            .env("HACLUSTER_LAB_IMAGES", &self.images)
            .env("HACLUSTER_LAB_NAMESPACE", &self.namespace)
            .env("HACLUSTER_LAB_OS", os)
    }

    /// A lab command that may go on beside others.
    pub fn command(&self, limit: Duration, words: &[&str]) -> Call {
        let script = self.script.to_string_lossy();
        self.named(Call::new(limit, [&[script.as_ref()], words].concat()))
    }

    /// A lab command; not 0 is an error.
    pub fn call(&self, limit: Duration, words: &[&str]) -> Result<Output> {
        self.command(limit, words).run()?.ok()
    }

    /// Power, snapshots and the like: each is done within two minutes.
    pub fn power(&self, words: &[&str]) -> Result<Output> {
        self.call(seconds(180), words)
    }

    /// The image is built on a machine that has none yet.
    pub fn up(&self) -> Result<Output> {
        self.call(seconds(900), &[&["up"][..], &HOSTS].concat())
    }

    pub fn down(&self) -> Result<Output> {
        self.power(&["down"])
    }

    /// `None` where the lab is down; else what `lab status` says.
    pub fn status(&self) -> Result<Option<String>> {
        let said = self.power(&["status"])?.stdout;
        Ok((!said.contains("lab is down")).then_some(said))
    }

    /// A command of this machine inside the lab's network.
    pub fn inside(&self, limit: Duration, words: &[&str]) -> Call {
        self.command(limit, &[&["run"], words].concat())
    }

    /// A script on a host, read from standard input; whatever its exit status.
    pub fn script(&self, host: &str, limit: Duration, text: &str) -> Result<Output> {
        self.command(limit, &["sh", host, "sh", "-s"]).stdin(text).run()
    }

    /// What a script printed that came to a host beside its network; not 0 is an error.
    pub fn enter(&self, host: &str, text: &str) -> Result<String> {
        let call = self.command(seconds(30), &["enter", host, "sh", "-s"]).stdin(text);
        Ok(call.run()?.ok()?.stdout)
    }

    /// A script that goes on beside others, for at most two minutes.
    pub fn start(&self, host: &str, text: &str) -> Result<Running> {
        self.command(seconds(120), &["sh", host, "sh", "-s"]).stdin(text).start()
    }

    /// What a script on a host printed; not 0 is an error.
    pub fn sh(&self, host: &str, text: &str) -> Result<String> {
        Ok(self.script(host, seconds(60), text)?.ok()?.stdout)
    }

    /// The same script on all of `hosts` at once; in their order.
    pub fn on_all(&self, hosts: &[&str], text: &str) -> Result<Vec<String>> {
        thread::scope(|scope| {
            let jobs: Vec<_> = hosts.iter().map(|host| scope.spawn(|| self.sh(host, text))).collect();
            let join = |job: thread::ScopedJoinHandle<'_, Result<String>>| {
                job.join().unwrap_or_else(|_| Err("a thread ended badly".to_owned()))
            };
            jobs.into_iter().map(join).collect()
        })
    }

    /// The last lines of what matters on every host, for a drill that failed.
    pub fn journals(&self) -> String {
        let script = "journalctl --no-pager -q -o short-precise -n 15 -u 'etcd-patroni@*'
            journalctl --no-pager -q -o short-precise -n 15 -u patroni
            journalctl --no-pager -q -o short-precise -n 8 -u keepalived
            systemctl --failed --no-legend --plain | sed 's/^/failed unit: /'";
        let script = format!("{{ {script}; }} 2>/dev/null | cut -c-240");
        let tail = |host: &str| match self.script(host, seconds(20), &script) {
            Ok(output) => format!("=== {host}\n{}", output.both()),
            Err(why) => format!("=== {host}: {why}\n"),
        };
        HOSTS.iter().map(|host| tail(host)).collect()
    }
}

/// The project's folder.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
