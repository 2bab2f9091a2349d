//! Owns: a host that lost its disk is made again by `apply`.

use crate::cluster::VOTERS;
use crate::command::{Result, ensure};
use crate::inserter::{Inserter, clock};
use crate::lab::{HOSTS, seconds};
use crate::runner::{Drill, Tier};
use crate::stage::{Ground, Stage};

const fn drill(name: &'static str, tier: Tier, run: fn(&mut Stage) -> Result<String>) -> Drill {
    Drill {
        name,
        tier,
        ground: Ground::Applied,
        disturbs: true,
        expected: "rejoins, plan empty, writes go on",
        run,
    }
}

pub const DRILLS: &[Drill] = &[
    drill("rebuilt-node2", Tier::Quick, |s| rebuilt(s, "node2")),
    drill("rebuilt-node1", Tier::Full, |s| rebuilt(s, "node1")),
    drill("rebuilt-nas", Tier::Full, |s| rebuilt(s, "nas")),
];

/// Without its disk the others go on; `apply` brings it back as it was.
fn rebuilt(stage: &mut Stage, host: &'static str) -> Result<String> {
    let cluster = stage.cluster()?;
    let others: Vec<&str> = HOSTS.into_iter().filter(|h| *h != host).collect();
    let old = voter_ids(stage, others[0], host)?;
    stage.lab.power(&["reset", host])?;
    // It may have led: then the others first have to notice.
    crate::command::wait_for("a leader among the others", seconds(60), seconds(1), || {
        let leader = cluster.leader(others[0])?;
        if leader == host { Err(format!("still {leader}")) } else { Ok(()) }
    })?;
    let inserter = Inserter::start(stage)?;
    let at = clock();
    let applied = stage.expect(0, &["apply", "--auto-approve"])?;
    cluster.wait_healthy(&HOSTS, seconds(60))?;
    let log = inserter.finish()?;
    let (lost, gap) = (log.lost(at).0, log.gap(at)?);
    ensure!(lost == 0, "{lost} acknowledged rows are lost");
    ensure!(gap < 5.0, "writes stopped for {gap:.1} s while {host} was made again");
    let new = voter_ids(stage, others[0], host)?;
    ensure!(
        new.len() == old.len() && new.iter().all(|id| !old.contains(id)),
        "members of {host}: {old:?}, then {new:?}"
    );
    let (healthy, _) = cluster.etcd_health(others[0])?;
    ensure!(healthy == VOTERS, "healthy: {healthy:?}");
    stage.expect_converged()?;
    Ok(format!(
        "rejoined in {:.1} s as voter and replica, longest gap {gap:.1} s",
        applied.took.as_secs_f64()
    ))
}

/// etcd's ids of the members of `host`, none of them a learner.
fn voter_ids(stage: &Stage, asked: &str, host: &str) -> Result<Vec<u64>> {
    let voters = stage.cluster()?.voters(asked)?;
    let ours: Vec<_> = voters.iter().filter(|v| v.host() == host).collect();
    ensure!(ours.iter().all(|v| !v.learner), "{host} has a learner: {ours:?}");
    Ok(ours.iter().map(|v| v.id).collect())
}
