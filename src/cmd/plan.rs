//! Owns `plan`, and the reading of hosts that `apply` begins with too.
//! Holds probers only: nothing here can write to a host.

use std::collections::BTreeMap;
use std::time::Instant;

use super::describe::Describe;
use super::reach;
use super::world::{Vault, World};
use super::{block_on, validate};
use crate::cli::{Globals, PlanArgs};
use crate::error::{Exit, Failure};
use crate::exec::{Gathered, Sink, probe_all};
use crate::expand::needs;
use crate::facts::{Fact, Needs};
use crate::plan::{Observed, Plan};
use crate::report::Reporter;
use crate::report::plan::PlanReport;
use crate::report::ui::Ui;
use crate::resource::Kind;
use crate::transport::Prober;

/// Hosts as they are, and what would be done about it.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) observed: Observed,
    pub(super) plan: Plan,
    /// What files hold now whose content would change, by host and path.
    pub(super) contents: BTreeMap<(String, String), String>,
}

pub(super) fn run(ui: &Ui, globals: &Globals, args: &PlanArgs) -> Result<Exit, Failure> {
    let start = Instant::now();
    let mut world = World::load(globals, Vault::Open)?;
    validate::warn(ui, &world)?;
    let reporter = Reporter::reading(ui);
    let reading = block_on(async {
        let names = names(&world);
        let reached = reach::probers(&world, &names, &reporter).await;
        read(&mut world, ui, &reached, !args.no_diff, &reporter).await
    });
    reporter.finish();
    let reading = reading??;
    let report = Describe::new(&world, &reading, ui.is_verbose()).report(start.elapsed());
    show(ui, &report)?;
    let changes =
        if args.detailed_exitcode && !reading.plan.is_empty() { Exit::Differs } else { Exit::Clean };
    Ok(changes.max(reached_all(&reading.observed)))
}

/// Probes, makes missing secrets, plans, and fetches what a diff needs.
pub(super) async fn read(
    world: &mut World,
    ui: &Ui,
    reached: &Gathered<Prober>,
    diff: bool,
    sink: &dyn Sink,
) -> Result<Reading, Failure> {
    let observed = reach::observe(reached, &needs(&world.resources), sink).await?;
    world.ensure_secrets(&observed, ui)?;
    let plan = world.planner().plan(&observed)?;
    let contents = if diff { contents(&plan, reached).await } else { BTreeMap::new() };
    Ok(Reading { observed, plan, contents })
}

/// Names of the hosts that have something to hold.
pub(super) fn names(world: &World) -> Vec<&str> {
    let held = |name: &str| world.resources.iter().any(|r| r.hosts.iter().any(|h| h == name));
    world.hosts.iter().map(|host| host.name.as_str()).filter(|name| held(name)).collect()
}

/// What the files hold whose content would change.
async fn contents(plan: &Plan, reached: &Gathered<Prober>) -> BTreeMap<(String, String), String> {
    let mut needs: BTreeMap<String, Needs> = BTreeMap::new();
    for assessment in plan.changes() {
        let Kind::File(file) = &assessment.kind else { continue };
        let differs = |field: &crate::resource::Field| field.name == "content" && !field.from.is_empty();
        if assessment.change.fields().iter().any(differs) {
            needs.entry(assessment.host.clone()).or_default().contents.insert(file.path.clone());
        }
    }
    // A host that is lost now only loses its diffs: the plan was read already.
    let probed = probe_all(&reached.ok, &needs, &()).await;
    let mut contents = BTreeMap::new();
    for (host, facts) in probed.ok {
        for (path, fact) in facts.contents {
            if let Fact::Present(text) = fact {
                contents.insert((host.clone(), path), text);
            }
        }
    }
    contents
}

pub(super) fn show(ui: &Ui, report: &PlanReport) -> Result<(), Failure> {
    for line in report.json() {
        ui.json(&line)?;
    }
    let text =
        if ui.is_quiet() { report.summary(ui.paint()) } else { report.text(ui.paint(), ui.is_verbose()) };
    ui.say(&text)?;
    Ok(())
}

pub(super) fn reached_all(observed: &Observed) -> Exit {
    if observed.unreachable.is_empty() { Exit::Clean } else { Exit::Unreachable }
}
