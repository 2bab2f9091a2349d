//! Owns: a machine is added, another one that lives and leads goes, one dies and is
//! replaced; those that stay go on meanwhile.

use crate::cluster::Cluster;
use crate::command::{Result, ensure};
use crate::inserter::{Inserter, clock};
use crate::lab::{address, seconds};
use crate::runner::{Drill, Tier};
use crate::stage::{Ground, Stage};

pub const DRILLS: &[Drill] = &[Drill {
    name: "node-added-and-removed",
    cases: &[],
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
    let alive = removed_alive(stage, &cluster)?;
    if cluster.leader("node1")? == "node4" {
        lead(stage, &cluster, "node1", &["node1", "node2", "node4", "nas"])?;
    }
    stage.lab.power(&["reset", "node3"])?;
    let replaced = replaced(stage, &cluster)?;
    Ok(format!("{added}; {alive}; {replaced}"))
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

fn lead(stage: &Stage, cluster: &Cluster, to: &str, hosts: &[&str]) -> Result {
    let now = cluster.leader("node1")?;
    if now != to {
        let words = "patronictl -c /etc/patroni/config.yml switchover --force --leader";
        stage.lab.sh("node1", &format!("{words} {now} --candidate {to}"))?;
        cluster.wait_healthy(hosts, seconds(60))?;
    }
    Ok(())
}

/// node3 leads PostgreSQL and etcd, and goes while it lives; node4 gets its vote.
fn removed_alive(stage: &mut Stage, cluster: &Cluster) -> Result<String> {
    lead(stage, cluster, "node3", &["node1", "node2", "node3", "node4", "nas"])?;
    cluster.move_etcd_leader(|voter| voter.name == "node3")?;
    stage.folder.edit(&format!("{}\n\n", block("node3")), "")?;
    stage.folder.edit(WITHOUT_VOTE, "")?;
    let inserter = Inserter::start(stage)?;
    let at = clock();
    let removed = stage.expect(0, &["node", "remove", "node3", "--auto-approve"])?;
    let told = ["node3 leads patroni: switchover to node", "node3 leads etcd: move-leader to "];
    ensure!(told.iter().all(|part| removed.stdout.contains(part)), "{}", removed.describe());
    let stay = ["node1", "node2", "node4", "nas"];
    cluster.wait_healthy(&stay, seconds(60))?;
    let gap = quiet(inserter, at)?;
    let (healthy, _) = cluster.etcd_health("node1")?;
    ensure!(healthy == ["nas-a", "nas-b", "node1", "node2", "node4"], "healthy: {healthy:?}");
    ensure!(cluster.voters("node1")?.len() == 5, "node3 has its vote still");
    let off = "! systemctl is-active -q patroni && ! systemctl is-enabled -q patroni && ! pgrep -x etcd && test -d /var/lib/etcd-patroni/node3/member";
    stage.lab.sh("node3", off)?;
    stage.expect_converged()?;
    Ok(format!("the leader removed in {:.1} s (gap {gap:.1} s)", removed.took.as_secs_f64()))
}

/// node4 dies; node3 comes in its place, as new. One edit, one apply.
fn replaced(stage: &mut Stage, cluster: &Cluster) -> Result<String> {
    let inserter = Inserter::start(stage)?;
    let at = clock();
    let old = cluster.voters("node1")?.iter().find(|v| v.name == "node4").ok_or("node4 is no voter")?.id;
    stage.lab.power(&["kill", "node4"])?;
    stage.folder.edit(&block("node4"), &block("node3"))?;
    let planned = stage.expect(0, &["plan"])?.stdout;
    let told = [
        "- etcd_members:",
        "node4",
        "4 of 5 healthy",
        "+ etcd_member:node3",
        "etcd does without node4; votes: 5 before, 4 after; votes that may be lost: 1 before, 1 after",
    ];
    ensure!(told.iter().all(|part| planned.contains(part)), "the plan:\n{planned}");
    let applied = stage.expect(0, &["apply", "--auto-approve"])?;
    let stay = ["node1", "node2", "node3", "nas"];
    cluster.wait_healthy(&stay, seconds(60))?;
    let gap = quiet(inserter, at)?;
    let voters = cluster.voters("node1")?;
    let (healthy, _) = cluster.etcd_health("node1")?;
    ensure!(healthy == ["nas-a", "nas-b", "node1", "node2", "node3"], "healthy: {healthy:?}");
    ensure!(voters.len() == 5 && voters.iter().all(|v| !v.learner && v.id != old), "voters: {voters:?}");
    stage.expect_converged()?;
    let status = stage.expect(0, &["status"])?.stdout;
    ensure!(!status.contains("node4"), "{status}");
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
