//! Owns: a host that does not answer stops nothing else, and is told.

use crate::command::{Result, ensure};
use crate::lab::{HOSTS, seconds};
use crate::runner::{Drill, Tier};
use crate::stage::{Ground, Stage};

pub const DRILLS: &[Drill] = &[
    Drill {
        name: "unreachable-host",
        cases: &[],
        tier: Tier::Quick,
        ground: Ground::Applied,
        disturbs: true,
        expected: "exit 4, deferred, mended later",
        run: |stage| unreachable(stage, "kill"),
    },
    Drill {
        name: "frozen-host",
        cases: &[],
        tier: Tier::Full,
        ground: Ground::Applied,
        disturbs: true,
        expected: "exit 4, deferred, mended later",
        run: |stage| unreachable(stage, "pause"),
    },
];

const FILE: &str = "/etc/security/limits.d/60-hacluster.conf";

/// A replica goes away with a drift on it, while another host drifts too.
fn unreachable(stage: &mut Stage, how: &str) -> Result<String> {
    let cluster = stage.cluster()?;
    let leader = cluster.leader("node1")?;
    let away = if leader == "node3" { "node2" } else { "node3" };
    let spoil = format!("echo '# drill' >>{FILE}");
    stage.lab.sh(away, &spoil)?;
    stage.lab.sh(&leader, &spoil)?;
    stage.lab.power(&[how, away])?;
    let planned = stage.expect(4, &["plan"])?;
    ensure!(planned.stdout.contains(away) && planned.both().contains("deferred"), "{}", planned.describe());
    stage.expect(4, &["drift-check"])?;
    let applied = stage.expect(4, &["apply", "--auto-approve"])?;
    let said = applied.both();
    ensure!(
        said.contains(away) && said.contains("deferred"),
        "nothing deferred is listed: {}",
        applied.describe()
    );
    let look = format!("grep -c drill {FILE} || :");
    ensure!(stage.lab.sh(&leader, &look)?.trim() == "0", "{leader} answers and was not mended");
    stage.lab.power(&[if how == "kill" { "boot" } else { "resume" }, away])?;
    cluster.wait_healthy(&HOSTS, seconds(90))?;
    ensure!(stage.lab.sh(away, &look)?.trim() == "1", "{away} was mended while it was away");
    stage.expect(0, &["apply", "--auto-approve"])?;
    ensure!(stage.lab.sh(away, &look)?.trim() == "0", "{away} was not mended");
    stage.expect_converged()?;
    let took = (planned.took.as_secs_f64(), applied.took.as_secs_f64());
    Ok(format!("exit 4 (plan {:.1} s, apply {:.1} s), then mended", took.0, took.1))
}
