//! Owns: somebody else is at apt. He is waited for and named; in the end it is given
//! up, and he is left alone.

use std::fs;
use std::time::Duration;

use super::stopped::ensure_nothing_left;
use crate::command::{Result, Running, ensure, wait_for};
use crate::lab::seconds;
use crate::runner::{Drill, Tier};
use crate::stage::{Ground, Stage};

pub const DRILLS: &[Drill] = &[Drill {
    name: "apt-lock",
    cases: &["F38"],
    tier: Tier::Full,
    ground: Ground::Synchronous,
    disturbs: true,
    expected: "16 s: done; for ever: given up in time, pid named",
    run: |stage| stage.as_another(locked),
}];

const HOST: &str = "node2";
const LOCK: &str = "/var/lib/dpkg/lock-frontend";
/// Holds apt's lock for so long as what it is called on Debian hosts at night.
const HOLDER: &str = r#"perl -e '
use Fcntl; $0 = "unattended-upgr"; open my $f, ">", "/var/lib/dpkg/lock-frontend" or die $!;
my $l = pack "s s x4 q q i x4", F_WRLCK, 0, 0, 0, 0; fcntl $f, F_SETLK, $l or die $!;
open my $p, ">", "/run/drill-holder"; print $p $$; close $p; sleep SECONDS'"#;

fn hold(stage: &Stage, for_seconds: u64) -> Result<(Running, String)> {
    stage.lab.sh(HOST, "rm -f /run/drill-holder")?;
    let holder = stage.lab.start(HOST, &HOLDER.replace("SECONDS", &for_seconds.to_string()))?;
    let pid = wait_for("a holder of apt's lock", seconds(10), Duration::from_millis(100), || {
        let pid = stage.lab.sh(HOST, "cat /run/drill-holder")?;
        if pid.is_empty() { Err("no pid yet".to_owned()) } else { Ok(pid) }
    })?;
    Ok((holder, format!("held by unattended-upgr (pid {pid})")))
}

fn ask_for(stage: &Stage, package: &str) -> Result {
    let text = format!(
        "[playbook]\nname = \"tools\"\ntitle = \"the drill's\"\non = \"base\"\n\n[[step]]\nname = \"tools\"\npackage = [\"{package}\"]\n"
    );
    fs::create_dir_all(stage.folder.path("playbooks")).map_err(|e| e.to_string())?;
    stage.folder.write("playbooks/tools.toml", &text).map(drop)
}

fn locked(stage: &mut Stage) -> Result<String> {
    let apply = ["apply", "--auto-approve"];
    let inode = stage.lab.sh(HOST, &format!("stat -c %i {LOCK}"))?;
    ask_for(stage, "rsync")?;
    let (holder, by) = hold(stage, 16)?;
    let waited = stage.expect(0, &apply)?;
    holder.wait()?;
    let took = waited.took.as_secs_f64();
    let told = [format!("waiting for apt on {HOST} ({by} for "), format!("apt on {HOST}: free after ")];
    for words in &told {
        ensure!(waited.both().contains(words), "'{words}' is not said: {}", waited.describe());
    }
    ensure!(took < 60.0, "done only after {took:.0} s");

    // Less patience than the 300 s everybody gets.
    stage.lab.sh(HOST, "systemctl set-environment HAC_APT_SECONDS=6")?;
    ask_for(stage, "lsof")?;
    let (holder, by) = hold(stage, 60)?;
    let refused = stage.expect(1, &apply)?;
    let words = format!("apt was not free within 6 s: {by}");
    ensure!(refused.both().contains(&words), "'{words}' is not said: {}", refused.describe());
    let alive = format!("kill $(cat /run/drill-holder) && stat -c %i {LOCK}");
    ensure!(stage.lab.sh(HOST, &alive)? == inode, "the lock file is another one");
    holder.wait()?;
    ensure_nothing_left(stage)?;
    stage.lab.sh(HOST, "systemctl unset-environment HAC_APT_SECONDS")?;
    stage.expect(0, &apply)?;
    stage.expect_converged()?;
    Ok(format!(
        "16 s: done in {took:.0} s; for ever: given up after 6 s ({:.0} s), {by}",
        refused.took.as_secs_f64()
    ))
}
