//! Owns: a saved plan that somebody changed does nothing; one whose leader moved since
//! is done in the order that is right now.

use std::fs;

use super::super::rolling::{began, restarts, sorted, standbys};
use super::{FILE, fault, says, settled, spoil, spoiled};
use crate::command::{Result, ensure};
use crate::lab::{HOSTS, seconds};
use crate::runner::Drill;
use crate::stage::Stage;

pub const DRILLS: &[Drill] = &[
    fault("plan-tampered", &["F11"], "each changed byte refused, 0 effects", |s| settled(s, tampered)),
    fault("leader-moves-after-plan", &["F14"], "new order, whoever leads now is last", |s| settled(s, moved)),
];

/// Bytes that are changed, one at a time, all over the file.
const FLIPS: usize = 8;

fn tampered(stage: &mut Stage) -> Result<String> {
    let path = stage.folder.path("kept.plan");
    let kept = path.display().to_string();
    spoil(stage, &["node1"])?;
    stage.expect(0, &["plan", "--out", &kept])?;
    let right = fs::read(&path).map_err(|e| e.to_string())?;
    for flip in 0..FLIPS {
        let mut wrong = right.clone();
        wrong[flip * right.len() / FLIPS] ^= 1;
        fs::write(&path, &wrong).map_err(|e| e.to_string())?;
        let refused = stage.expect(1, &["apply", &kept])?;
        ensure!(refused.both().contains("plan"), "{}", refused.describe());
    }
    ensure!(spoiled(stage)? == ["node1"], "a plan that was tampered with mended {FILE}");
    fs::write(&path, &right).map_err(|e| e.to_string())?;
    stage.expect(0, &["apply", &kept])?;
    ensure!(spoiled(stage)?.is_empty(), "the plan as it was saved did nothing");
    Ok(format!("{FLIPS} bytes of {} refused", right.len()))
}

fn moved(stage: &mut Stage) -> Result<String> {
    let cluster = stage.cluster()?;
    let leader = cluster.leader("node1")?;
    let preset = "preset  = \"fast\"";
    stage.folder.edit(preset, &format!("{preset}\nmax_connections = 150"))?;
    let kept = stage.folder.path("kept.plan").display().to_string();
    let planned = stage.expect(0, &["plan", "--out", &kept])?;
    says(&planned, &[&format!("then a switchover from {leader} to ")])?;
    let next = cluster.synchronous("node1")?;
    let switch = "patronictl -c /etc/patroni/config.yml switchover --force --leader";
    stage.lab.sh("node1", &format!("{switch} {leader} --candidate {next}"))?;
    cluster.wait_healthy(&HOSTS, seconds(60))?;
    cluster.synchronous("node1")?;
    stage.expect(0, &["apply", &kept])?;
    let order = restarts(&began(stage)?);
    let now = cluster.wait_healthy(&HOSTS, seconds(60))?;
    let right = order.len() == 4 && order[3] == format!("{next}>{now}");
    ensure!(
        right && sorted(&order[..3]) == standbys(&next),
        "{next} leads, restarted in this order: {order:?}"
    );
    Ok(format!("{leader} led at the plan, {next} at the apply: {}", order.join(", ")))
}
