//! Owns: a machine is added, another dies and is replaced by it; those that stay
//! go on meanwhile.

use crate::cluster::Cluster;
use crate::command::{Result, ensure};
use crate::inserter::{Inserter, clock};
use crate::lab::{HOSTS, address, seconds};
use crate::runner::{Drill, Tier};
use crate::stage::{Ground, Stage};

pub const DRILLS: &[Drill] = &[Drill {
    name: "node-added-and-removed",
    tier: Tier::Full,
    ground: Ground::Applied,
    disturbs: true,
    expected: "5 voters again, plan empty, gaps at most 5 s",
    run: |stage| stage.as_another(added_and_removed),
}];

/// Before it votes: an even number of votes is no good.
const WITHOUT_VOTE: &str = "\nroles   = [\"-etcd\"]";

fn block(host: &str) -> String {
    format!("[[node]]\nname    = \"{host}\"\naddress = \"{}\"", address(host))
}

fn added_and_removed(stage: &mut Stage) -> Result<String> {
    stage.lab.call(seconds(300), &["up", "node4"])?;
    let cluster = stage.cluster()?;
    let added = added(stage, &cluster)?;
    if cluster.leader("node1")? == "node3" {
        let words =
            "patronictl -c /etc/patroni/config.yml switchover --leader node3 --candidate node1 --force";
        stage.lab.sh("node1", words)?;
        cluster.wait_healthy(&HOSTS, seconds(60))?;
    }
    let replaced = replaced(stage, &cluster)?;
    Ok(format!("{added}; {replaced}"))
}

/// A fifth host without a vote: a replica more.
fn added(stage: &mut Stage, cluster: &Cluster) -> Result<String> {
    let inserter = Inserter::start(stage)?;
    let at = clock();
    stage.folder.edit(&block("node3"), &format!("{}\n\n{}{WITHOUT_VOTE}", block("node3"), block("node4")))?;
    let applied = stage.expect(0, &["apply", "--auto-approve"])?;
    let all = ["node1", "node2", "node3", "node4", "nas"];
    cluster.wait_healthy(&all, seconds(60))?;
    let gap = quiet(inserter, at)?;
    let known = stage.lab.on_all(&all, "grep -c ' node4$' /etc/hosts || :")?;
    ensure!(known.iter().all(|count| count.trim() == "1"), "node4 in /etc/hosts of {all:?}: {known:?}");
    ensure!(cluster.voters("node1")?.len() == 5, "node4 was to have no vote");
    stage.expect_converged()?;
    Ok(format!("added in {:.1} s (gap {gap:.1} s)", applied.took.as_secs_f64()))
}

/// node3 dies; node4 gets its vote. One edit, one apply.
fn replaced(stage: &mut Stage, cluster: &Cluster) -> Result<String> {
    let inserter = Inserter::start(stage)?;
    let at = clock();
    let old = cluster.voters("node1")?.iter().find(|v| v.name == "node3").ok_or("node3 is no voter")?.id;
    stage.lab.power(&["kill", "node3"])?;
    stage.folder.edit(&format!("{}\n\n", block("node3")), "")?;
    stage.folder.edit(WITHOUT_VOTE, "")?;
    let planned = stage.expect(0, &["plan"])?.stdout;
    let told = ["- etcd_members:", "node3", "4 of 5 healthy", "+ etcd_member:node4"];
    ensure!(told.iter().all(|part| planned.contains(part)), "the plan:\n{planned}");
    let applied = stage.expect(0, &["apply", "--auto-approve"])?;
    let stay = ["node1", "node2", "node4", "nas"];
    cluster.wait_healthy(&stay, seconds(60))?;
    let gap = quiet(inserter, at)?;
    let voters = cluster.voters("node1")?;
    let (healthy, _) = cluster.etcd_health("node1")?;
    ensure!(healthy == ["nas-a", "nas-b", "node1", "node2", "node4"], "healthy: {healthy:?}");
    ensure!(voters.len() == 5 && voters.iter().all(|v| !v.learner && v.id != old), "voters: {voters:?}");
    stage.expect_converged()?;
    let status = stage.expect(0, &["status"])?.stdout;
    ensure!(!status.contains("node3"), "{status}");
    Ok(format!("replaced in {:.1} s (gap {gap:.1} s)", applied.took.as_secs_f64()))
}

/// The longest gap since `at`; no acknowledged row may be lost.
fn quiet(inserter: Inserter, at: f64) -> Result<f64> {
    let log = inserter.finish()?;
    let (lost, gap) = (log.lost(at).0, log.gap(at)?);
    ensure!(lost == 0, "{lost} acknowledged rows are lost");
    ensure!(gap <= 5.0, "writes stopped for {gap:.1} s");
    Ok(gap)
}
