//! Owns: what was applied once needs nothing more, seen from anywhere.

use crate::cluster::json;
use crate::command::{Result, ensure};
use crate::lab::HOSTS;
use crate::product::counts;
use crate::runner::{Drill, Tier};
use crate::stage::{Ground, Stage};

pub const DRILLS: &[Drill] = &[
    Drill {
        name: "second-apply",
        cases: &[],
        tier: Tier::Quick,
        ground: Ground::Applied,
        disturbs: false,
        expected: "0 changes, exit 0, every step",
        run: second_apply,
    },
    Drill {
        name: "fresh-clone",
        cases: &[],
        tier: Tier::Quick,
        ground: Ground::Applied,
        disturbs: false,
        expected: "0 changes with only the secrets",
        run: fresh_clone,
    },
];

/// Nothing changed on any host, also by the hosts' own account: no unit was
/// started again.
fn second_apply(stage: &mut Stage) -> Result<String> {
    let before = starts(stage)?;
    let applied = stage.expect(0, &["apply", "--auto-approve"])?;
    let done = counts(&applied.stdout)?;
    ensure!(done.is_none_or(|c| c == [0; 3]), "the second apply had a plan of {done:?}");
    let planned = stage.expect_converged()?;
    let after = starts(stage)?;
    ensure!(before == after, "units were started again:\nbefore {before:?}\nafter {after:?}");
    let total = remembered(stage)?;
    quiet(stage)?;
    let seconds = (applied.took.as_secs_f64(), planned.took.as_secs_f64());
    Ok(format!("0 of {total} resources; apply {:.2} s, plan {:.2} s", seconds.0, seconds.1))
}

/// How many resources the hosts' ledgers hold.
fn remembered(stage: &Stage) -> Result<usize> {
    let mut ids = std::collections::BTreeSet::new();
    for ledger in stage.lab.on_all(&HOSTS, "cat /var/lib/hacluster/ledger.json")? {
        let resources = json(&ledger)?["resources"].as_object().cloned().unwrap_or_default();
        ids.extend(resources.into_iter().map(|(id, _)| id));
    }
    ensure!(ids.len() > 100, "only {} resources in the ledgers", ids.len());
    Ok(ids.len())
}

/// The plan for programs is empty too: no action, nothing deferred or late.
fn quiet(stage: &mut Stage) -> Result {
    let said = stage.expect(0, &["plan", "--json"])?;
    let rows: Vec<_> = said.stdout.lines().map(json).collect::<Result<_>>()?;
    let loud = rows.iter().find(|r| matches!(r["type"].as_str(), Some("planned_change" | "deferred")));
    ensure!(loud.is_none(), "a plan that is empty for people says: {loud:?}");
    let summary = rows.iter().find(|r| r["type"] == "plan_summary").ok_or("no plan_summary")?;
    let numbers = ["add", "change", "remove", "later"].map(|n| summary[n].as_u64());
    ensure!(numbers == [Some(0); 4], "plan_summary: {summary}");
    Ok(())
}

/// Start times of the units that the product runs.
pub fn starts(stage: &Stage) -> Result<Vec<String>> {
    let show = "systemctl show -p Id,MainPID,ExecMainStartTimestampMonotonic 'etcd-patroni@*' patroni keepalived chrony";
    stage.lab.on_all(&HOSTS, show)
}

fn fresh_clone(stage: &mut Stage) -> Result<String> {
    let other = stage.folder.fresh_clone(&stage.lab)?;
    let mine = std::mem::replace(&mut stage.folder, other);
    let result = clone_converged(stage);
    stage.folder = mine;
    result
}

fn clone_converged(stage: &mut Stage) -> Result<String> {
    ensure!(!stage.folder.path("state").exists(), "the clone has a state folder");
    stage.expect_converged()?;
    stage.expect(0, &["drift-check"])?;
    let applied = stage.expect(0, &["apply", "--auto-approve"])?;
    let done = counts(&applied.stdout)?;
    ensure!(done.is_none_or(|c| c == [0; 3]), "apply from a fresh clone had a plan of {done:?}");
    Ok("plan, drift-check, apply: 0 changes".to_owned())
}
