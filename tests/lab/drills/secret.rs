//! Owns the last drill: nothing secret was seen anywhere, all along.

use std::sync::atomic::Ordering;

use crate::command::{Result, ensure};
use crate::runner::{Drill, Tier};
use crate::stage::{Ground, Stage};
use crate::sweep::Sweep;

pub const DRILLS: &[Drill] = &[Drill {
    name: "secrets-stay-secret",
    cases: &[],
    tier: Tier::Quick,
    ground: Ground::Applied,
    disturbs: false,
    expected: "none in outputs, processes, journals, files",
    run: sweep,
}];

fn sweep(stage: &mut Stage) -> Result<String> {
    let hidden = stage.secrets()?.hidden().len();
    ensure!(hidden > 7, "only {hidden} values in secrets.toml");
    // These print what they know of a cluster.
    for words in [
        &["render", "patroni/config.yml.j2", "--host", "node1"][..],
        &["graph"],
        &["status"],
        &["plan", "--json"],
    ] {
        stage.hacluster(words)?;
    }
    Sweep::prove(&stage.lab)?;
    let found = stage.sweep.finish(&stage.lab, &stage.folder)?;
    ensure!(found.is_empty(), "{} finds:\n{}", found.len(), found.join("\n"));
    let count = |of: &std::sync::atomic::AtomicUsize| of.load(Ordering::Relaxed);
    Ok(format!(
        "{hidden} values, 0 found: {} outputs, {} looks at processes, {} journal lines",
        stage.sweep.outputs(),
        count(&stage.sweep.samples),
        count(&stage.sweep.journal_lines)
    ))
}
