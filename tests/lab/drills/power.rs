//! Owns power cuts: who leads afterwards, when writes go on, what is lost.

use std::time::Instant;

use crate::command::{Result, ensure};
use crate::inserter::{Inserter, clock};
use crate::lab::{HOSTS, NODES, seconds};
use crate::runner::{Drill, Tier};
use crate::stage::{Ground, Stage};

const fn drill(
    name: &'static str,
    tier: Tier,
    expected: &'static str,
    run: fn(&mut Stage) -> Result<String>,
) -> Drill {
    Drill { name, cases: &[], tier, ground: Ground::Applied, disturbs: true, expected, run }
}

pub const DRILLS: &[Drill] = &[
    drill("leader-killed", Tier::Quick, "writes in <= 30 s, rejoins", |s| leader(s, true, 1, 30.0)),
    drill("two-killed", Tier::Quick, "survivor leads, VIP follows", |s| two(s, 45.0)),
    Drill {
        cases: &["F82"],
        ground: Ground::Synchronous,
        ..drill("all-killed", Tier::Full, "all rejoin in 75 s, plan empty", all_killed)
    },
    drill("leader-killed-fast-etcd-on", Tier::Full, "3 x <= 30 s", |s| leader(s, true, 3, 30.0)),
    drill("leader-killed-fast-etcd-off", Tier::Full, "3 x <= 30 s", |s| leader(s, false, 3, 30.0)),
    drill("leader-killed-norm-etcd-on", Tier::Full, "3 x <= 60 s", |s| norm(s, true)),
    drill("leader-killed-norm-etcd-off", Tier::Full, "3 x <= 60 s", |s| norm(s, false)),
];

/// Acknowledged this shortly before the cut, a row may not have left the leader
/// yet: replication is asynchronous.
const UNSENT: f64 = 1.0;

/// From the power being back to a database that answers at its address: 1:15 in the
/// timeline of seed 000.
const ANSWERS: f64 = 75.0;

/// What one power cut did.
pub struct Cut {
    pub gap: f64,
    pub acked: usize,
    pub lost: usize,
    pub rejoined: f64,
    pub leader: String,
}

/// Cuts the power of `victims` under load, and boots them when writes go on.
pub fn cut(stage: &Stage, victims: &[&str]) -> Result<Cut> {
    let cluster = stage.cluster()?;
    let survivors: Vec<&str> = HOSTS.into_iter().filter(|h| !victims.contains(h)).collect();
    let inserter = Inserter::start(stage)?;
    let at = clock();
    stage.lab.power(&[&["kill"][..], victims].concat())?;
    let off = clock();
    inserter.wait_acks(off + 0.5, 10, seconds(100))?;
    let leader = cluster.leader(survivors[0])?;
    let holders = cluster.vip_holders(&survivors)?;
    ensure!(survivors.contains(&leader.as_str()), "{leader} leads, and has no power");
    ensure!(holders == [leader.clone()], "{leader} leads, the address is on {holders:?}");
    let log = inserter.finish()?;
    let (lost, oldest) = log.lost(at);
    ensure!(
        oldest < UNSENT,
        "{lost} acknowledged rows are lost, one acknowledged {oldest:.1} s before the cut"
    );
    let start = Instant::now();
    stage.lab.power(&[&["boot"][..], victims].concat())?;
    cluster.wait_healthy(&HOSTS, seconds(120))?;
    let rejoined = start.elapsed().as_secs_f64();
    Ok(Cut { gap: log.gap(at)?, acked: log.acked(), lost, rejoined, leader })
}

/// The leader's host loses its power, with etcd's leader on it or elsewhere.
fn leader(stage: &mut Stage, etcd_too: bool, times: usize, limit: f64) -> Result<String> {
    let mut seen = Vec::new();
    for _ in 0..times {
        let cluster = stage.cluster()?;
        let victim = cluster.wait_healthy(&HOSTS, seconds(90))?;
        let etcd = cluster.move_etcd_leader(|voter| (voter.host() == victim) == etcd_too)?;
        let cut = cut(stage, &[&victim])?;
        println!(
            "    {victim} killed, etcd's leader was {etcd}: gap {:.1} s, {} acked, {} lost, {} leads, rejoined in {:.1} s",
            cut.gap, cut.acked, cut.lost, cut.leader, cut.rejoined
        );
        ensure!(cut.gap <= limit, "writes stopped for {:.1} s, more than {limit} s", cut.gap);
        ensure!(cut.leader != "nas", "the NAS leads while nodes live");
        seen.push(cut);
    }
    stage.expect_converged()?;
    let all =
        |of: fn(&Cut) -> f64| seen.iter().map(|c| format!("{:.1}", of(c))).collect::<Vec<_>>().join(", ");
    let lost: usize = seen.iter().map(|c| c.lost).sum();
    Ok(format!("gap {} s, {lost} lost, rejoined in {} s", all(|c| c.gap), all(|c| c.rejoined)))
}

/// The leader and one more node at the same instant.
fn two(stage: &mut Stage, limit: f64) -> Result<String> {
    let cluster = stage.cluster()?;
    let leader = cluster.wait_healthy(&HOSTS, seconds(90))?;
    let other = NODES.into_iter().find(|n| *n != leader).ok_or("no other node")?;
    let cut = cut(stage, &[&leader, other])?;
    ensure!(cut.leader != "nas", "the NAS leads while a node lives");
    ensure!(cut.gap <= limit, "writes stopped for {:.1} s, more than {limit} s", cut.gap);
    stage.expect_converged()?;
    Ok(format!(
        "{} leads; gap {:.1} s, {} lost, rejoined in {:.1} s",
        cut.leader, cut.gap, cut.lost, cut.rejoined
    ))
}

fn all_killed(stage: &mut Stage) -> Result<String> {
    // Every host comes back with its disk: what was fsynced stays.
    stage.limit_gap(ANSWERS);
    for host in HOSTS {
        stage.excuse(host);
    }
    stage.lab.power(&[&["kill"][..], &HOSTS].concat())?;
    let off = Instant::now();
    stage.lab.power(&["boot"])?;
    let booted = off.elapsed().as_secs_f64();
    let leader = stage.cluster()?.wait_healthy(&HOSTS, seconds(120))?;
    let healthy = off.elapsed().as_secs_f64();
    stage.expect_converged()?;
    Ok(format!("booted in {booted:.1} s, {leader} leads, all well after {healthy:.1} s"))
}

/// The same with the other preset, applied to the running cluster.
fn norm(stage: &mut Stage, etcd_too: bool) -> Result<String> {
    let edited = stage.folder.fresh_clone(&stage.lab)?;
    edited.edit("preset  = \"fast\"", "preset  = \"norm\"")?;
    let mine = std::mem::replace(&mut stage.folder, edited);
    let result = stage.apply().and_then(|_| leader(stage, etcd_too, 3, 60.0));
    stage.folder = mine;
    result
}
