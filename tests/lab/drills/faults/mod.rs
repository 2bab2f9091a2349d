//! Owns what all drills of faults share: what is looked at meanwhile, and in which
//! state each has to leave the cluster. Must not know any fault.

mod control;

use crate::command::{Result, ensure, wait_for};
use crate::inserter::{Inserter, clock};
use crate::lab::{HOSTS, seconds};
use crate::product::counts;
use crate::runner::{Drill, Tier};
use crate::stage::{Ground, Stage};
use crate::watch::Watch;

pub fn drills() -> Vec<Drill> {
    control::DRILLS.to_vec()
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

/// A fault, done by an operator of his own whose files nobody else has, looked at
/// all along. Afterwards everything has to be as before by one `apply`.
fn observed(stage: &mut Stage, fault: fn(&mut Stage) -> Result<String>) -> Result<String> {
    let watch = Watch::start(stage)?;
    let result = under_load(stage, fault);
    let looks = watch.finish(&[]);
    let (seen, gap) = result?;
    Ok(format!("{seen}; gap {gap:.1} s, {} looks", looks?))
}

fn under_load(stage: &mut Stage, fault: fn(&mut Stage) -> Result<String>) -> Result<(String, f64)> {
    let inserter = Inserter::start(stage)?;
    let at = clock();
    let seen = stage.as_another(fault).and_then(|seen| settle(stage).map(|()| seen));
    let answered = inserter.wait_acks(clock(), 5, seconds(30));
    let log = inserter.finish()?;
    let seen = seen?;
    answered?;
    let (lost, _) = log.lost(clock());
    ensure!(lost == 0, "{lost} acknowledged rows are lost");
    Ok((seen, log.gap(at)?))
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

/// One more line by hand.
fn spoil(stage: &Stage, hosts: &[&str]) -> Result {
    stage.lab.on_all(hosts, &format!("echo '# drill' >>{FILE}")).map(drop)
}

/// Those of all hosts where the file is not as it should be.
fn spoiled(stage: &Stage) -> Result<Vec<&'static str>> {
    let found = stage.lab.on_all(&HOSTS, &format!("grep -c drill {FILE} || :"))?;
    Ok(HOSTS.into_iter().zip(found).filter(|(_, count)| count.trim() != "0").map(|(host, _)| host).collect())
}
