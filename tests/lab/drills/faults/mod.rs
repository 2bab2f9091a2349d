//! Owns what all drills of faults share: in which state each has to leave the
//! cluster. Must not know any fault.

mod apt;
mod barrier;
mod cluster;
mod control;
mod host;
mod hostile;
mod service;
mod settings;
mod transport;

use std::fs;

use crate::command::{Output, Result, Running, ensure, wait_for};
use crate::lab::{HOSTS, seconds};
use crate::product::counts;
use crate::runner::{Drill, Tier};
use crate::stage::{APPLY_LIMIT, Ground, Stage};

pub fn drills() -> Vec<Drill> {
    [
        control::DRILLS,
        transport::DRILLS,
        host::DRILLS,
        apt::DRILLS,
        service::DRILLS,
        settings::DRILLS,
        cluster::DRILLS,
        hostile::DRILLS,
    ]
    .concat()
}

/// A file that no unit reads.
const FILE: &str = "/etc/security/limits.d/60-hacluster.conf";
const APPLY: [&str; 2] = ["apply", "--auto-approve"];

/// A drill on the standing cluster with synchronous replication, which leaves it as
/// it was.
const fn fault(
    name: &'static str,
    cases: &'static [&'static str],
    expected: &'static str,
    run: fn(&mut Stage) -> Result<String>,
) -> Drill {
    Drill { name, cases, tier: Tier::Full, ground: Ground::Synchronous, disturbs: false, expected, run }
}

/// A fault, done by an operator of his own whose files nobody else has. Afterwards
/// everything has to be as before by one `apply`.
fn settled(stage: &mut Stage, fault: fn(&mut Stage) -> Result<String>) -> Result<String> {
    let seen = stage.as_another(fault)?;
    settle(stage)?;
    Ok(seen)
}

/// What a run may leave of itself only while it lives.
const LEFT: &str = "find /etc /usr/local /var/lib/hacluster /var/tmp -xdev \\( -name '.*.hacluster' -o -name '*.part' \\)
ls -d /run/hacluster/*.sh /run/hacluster/running /run/hacluster/holder /var/lib/hacluster/debt/* 2>/dev/null || :";

/// The next `apply` succeeds, the one after it has nothing to do, the plan is empty,
/// nothing is left behind and nobody holds the lock.
fn settle(stage: &mut Stage) -> Result {
    stage.cluster()?.wait_healthy(&HOSTS, seconds(120))?;
    stage.expect(0, &APPLY)?;
    stage.cluster()?.wait_healthy(&HOSTS, seconds(60))?;
    let again = stage.expect(0, &APPLY)?;
    ensure!(counts(&again.stdout)?.is_none_or(|c| c == [0; 3]), "changes twice: {}", again.describe());
    stage.expect_converged()?;
    wait_for("nothing left behind", seconds(3), seconds(1), || {
        let left = stage.lab.on_all(&HOSTS, LEFT)?;
        ensure!(left.iter().all(String::is_empty), "{left:?}");
        Ok(())
    })
}

/// A playbook of the drill's own, named after its file.
fn playbook(stage: &Stage, steps: &str) -> Result {
    fs::create_dir_all(stage.folder.path("playbooks")).map_err(|e| e.to_string())?;
    let text = format!(
        "[playbook]\nname  = \"drill\"\ntitle = \"the drill's\"\non    = \"base\"\nneeds = [\"base\"]\n\n{steps}"
    );
    stage.folder.write("playbooks/drill.toml", &text).map(drop)
}

/// One more line by hand.
fn spoil(stage: &Stage, hosts: &[&str]) -> Result {
    stage.lab.on_all(hosts, &format!("echo '# drill' >>{FILE}")).map(drop)
}

/// Those of all hosts where the file is not as it should be.
fn spoiled(stage: &Stage) -> Result<Vec<&'static str>> {
    let found = stage.lab.on_all(&HOSTS, &format!("grep -c drill {FILE} || :"))?;
    Ok(HOSTS.into_iter().zip(found).filter(|(_, count)| count.trim() != "0").map(|(host, _)| host).collect())
}

/// `apply` that goes on beside what else is done.
fn start_apply(stage: &Stage) -> Result<Running> {
    stage.folder.hacluster(&stage.lab, APPLY_LIMIT, &APPLY).start()
}

fn says(output: &Output, words: &[&str]) -> Result {
    let said = output.both();
    let missing: Vec<&&str> = words.iter().filter(|word| !said.contains(**word)).collect();
    ensure!(missing.is_empty(), "{missing:?} is not said: {}", output.describe());
    Ok(())
}

/// PostgreSQL's process and when it started, on each host.
fn postmasters(stage: &Stage) -> Result<Vec<String>> {
    stage.lab.on_all(&HOSTS, "head -n 3 /var/lib/postgresql/*/*/postmaster.pid 2>/dev/null || head -n 3 /var/lib/postgresql/*/postmaster.pid")
}
