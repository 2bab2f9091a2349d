//! Owns: a part of a plan is done and the rest waits; a plan that was kept is
//! carried out as it was read, and refused where its own resources moved.

use crate::command::{Result, ensure};
use crate::product::counts;
use crate::runner::{Drill, Tier};
use crate::stage::{Ground, Stage};

pub const DRILLS: &[Drill] = &[Drill {
    name: "selected-and-saved",
    cases: &["F10"],
    tier: Tier::Full,
    ground: Ground::Synchronous,
    disturbs: false,
    expected: "one done, rest deferred; stale named",
    run: selected_and_saved,
}];

/// A file that no unit reads.
const FILE: &str = "/etc/security/limits.d/60-hacluster.conf";

fn selected_and_saved(stage: &mut Stage) -> Result<String> {
    for host in ["node2", "node3"] {
        spoil(stage, host)?;
    }
    let kept = stage.folder.path("kept.plan").display().to_string();
    let applied = stage.expect(0, &["apply", "--auto-approve", "--on", "node3"])?;
    let said = ["1 of 2 changes selected (--on node3), 1 deferred", "1 changed, 1 deferred"];
    ensure!(said.iter().all(|words| applied.stdout.contains(words)), "{}", applied.describe());
    ensure!(spoiled(stage, &["node2", "node3"])? == ["node2"], "--on node3 did not mend node3 alone");

    spoil(stage, "node1")?;
    let saved = stage.expect(2, &["plan", "--detailed-exitcode", "--out", &kept])?;
    ensure!(counts(&saved.stdout)? == Some([0, 2, 0]), "{}", saved.describe());
    tells_nothing(stage, &kept)?;
    spoil(stage, "node2")?;
    let refused = stage.expect(1, &["apply", &kept])?;
    let named = format!("node2/file:{FILE}");
    ensure!(refused.both().contains("stale") && refused.both().contains(&named), "{}", refused.describe());
    let lines = stage.lab.sh("node2", &format!("grep -c drill {FILE}"))?;
    ensure!(lines.trim() == "2", "a stale plan wrote: {lines} lines of the drill are left");
    ensure!(spoiled(stage, &["node1"])? == ["node1"], "a stale plan did that of it which is not stale");
    stage.expect(0, &["apply", "--auto-approve", "--on", "node1"])?;

    stage.expect(0, &["plan", "--out", &kept])?;
    spoil(stage, "node1")?;
    let applied = stage.expect(0, &["apply", &kept])?;
    ensure!(applied.stdout.contains("1 changed, 1 deferred"), "{}", applied.describe());
    ensure!(spoiled(stage, &["node1", "node2"])? == ["node1"], "the plan of node2 was not done alone");
    stage.expect(0, &["apply", "--auto-approve", "--target", &format!("file:{FILE}")])?;
    stage.expect_converged()?;
    Ok("1 of 2 done, 1 deferred; stale plan refused; unrelated change let be".to_owned())
}

/// One more line by hand.
fn spoil(stage: &Stage, host: &str) -> Result {
    stage.lab.sh(host, &format!("echo '# drill' >>{FILE}")).map(drop)
}

/// Those of `hosts` where the file is not as it should be.
fn spoiled(stage: &Stage, hosts: &[&'static str]) -> Result<Vec<&'static str>> {
    let found = stage.lab.on_all(hosts, &format!("grep -c drill {FILE} || :"))?;
    let pairs = hosts.iter().zip(found);
    Ok(pairs.filter(|(_, count)| count.trim() != "0").map(|(host, _)| *host).collect())
}

fn tells_nothing(stage: &Stage, path: &str) -> Result {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
    let hidden = stage.secrets()?.hidden();
    let told = hidden.iter().find(|(_, value)| text.contains(value.as_str()));
    ensure!(told.is_none(), "the saved plan holds {:?}", told.map(|(name, _)| name));
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(path).map_err(|error| format!("{path}: {error}"))?.permissions(),
    );
    ensure!(mode & 0o777 == 0o600, "the saved plan has mode {:o}", mode & 0o777);
    Ok(())
}
