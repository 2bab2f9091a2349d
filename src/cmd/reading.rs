//! Owns one reading of all hosts and the plan made of it. Holds probers only:
//! nothing here can write to a host.

use std::collections::BTreeMap;
use std::time::Instant;

use super::world::World;
use super::{fit, preflight, reach, strangers};
use crate::error::{Exit, Failure};
use crate::exec::{Gathered, Sink, now, probe_all};
use crate::expand::needs;
use crate::facts::{Fact, Needs};
use crate::plan::{Allowed, Assessment, LeftOut, Observed, Plan, Selection};
use crate::problem::Problems;
use crate::report::ui::Ui;
use crate::resource::Kind;
use crate::transport::Prober;

/// What files hold now, by host and path.
pub(super) type Contents = BTreeMap<(String, String), String>;

/// Hosts as they are, and what would be done about it.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) observed: Observed,
    /// When it began.
    pub(super) read: Instant,
    /// Of the whole cluster.
    pub(super) plan: Plan,
    /// What a selection leaves out of it, and what the rest does to the cluster.
    pub(super) left_out: LeftOut,
    pub(super) effects: Vec<String>,
    /// What the selection was called; empty where everything is meant.
    pub(super) words: String,
    /// What files hold now whose content would change, by host and path.
    pub(super) contents: Contents,
    /// Why none of it may be done now.
    pub(super) refusals: Vec<String>,
}

impl Reading {
    /// The same with a selection instead of everything.
    fn select(mut self, world: &World, selection: &Selection) -> Self {
        let (planner, view) = (world.planner(), &self.observed.view);
        self.left_out = planner.left_out(selection, &self.plan, view);
        if !self.left_out.is_empty() {
            self.effects = planner.without(&self.plan, &self.left_out, view).effects;
        }
        self.words = selection.words();
        self
    }

    /// What would be done.
    pub(super) fn chosen(&self) -> impl Iterator<Item = &Assessment> {
        self.plan.chosen(&self.left_out)
    }

    /// Whether every host answered of which something was asked.
    pub(super) fn reached(&self, world: &World, selection: &Selection) -> Exit {
        let away = |host: &String| selection.concerns(host, &world.resources);
        if self.observed.unreachable.keys().any(away) { Exit::Unreachable } else { Exit::Clean }
    }
}

/// What a reading is for.
#[derive(Debug, Clone, Default)]
pub(super) struct Asked {
    /// What files hold is fetched, for their diffs.
    pub(super) diff: bool,
    pub(super) allowed: Allowed,
    pub(super) selection: Selection,
}

/// Probes, makes missing secrets, plans, and fetches what a diff needs.
pub(super) async fn read(
    world: &mut World,
    ui: &Ui,
    reached: &Gathered<Prober>,
    asked: &Asked,
    sink: &dyn Sink,
) -> Result<Reading, Failure> {
    let read = Instant::now();
    let mut observed = reach::observe(reached, &needs(&world.resources), sink).await?;
    reach::one_cluster(&observed)?;
    Problems::check(world.systems(&observed).refused())?;
    Problems::check(fit::misfits(world, &observed))?;
    prune(world, &mut observed, reached, asked.allowed.destroy, sink).await?;
    world.check_selection(&asked.selection, observed.unreachable.keys())?;
    world.ensure_secrets(&observed, ui)?;
    let mut plan = world.planner().plan(&observed)?;
    let whose = plan.whose();
    if !whose.is_empty() {
        observed.update(probe_all(&reached.ok, &whose, &()).await.ok, now());
        plan = world.planner().plan(&observed)?;
    }
    let contents = if asked.diff { contents(&plan, reached).await } else { BTreeMap::new() };
    let (left_out, effects, words) = (LeftOut::new(), plan.effects.clone(), String::new());
    let refusals = Vec::new();
    let reading = Reading { observed, read, plan, left_out, effects, words, contents, refusals };
    let mut reading = reading.select(world, &asked.selection);
    let strangers = strangers::look(world, &reading.observed, reading.chosen(), reached, sink).await;
    reading.refusals = preflight::unfit(&reading.observed, reading.chosen());
    reading.refusals.extend(strangers.refusals);
    reading.effects.extend(preflight::foretell(&reading.refusals));
    reading.effects.extend(strangers.remarks);
    Ok(reading)
}

/// Takes in what nothing asks for any more, and reads how it is there.
pub(super) async fn prune(
    world: &mut World,
    observed: &mut Observed,
    reached: &Gathered<Prober>,
    destroy: bool,
    sink: &dyn Sink,
) -> Result<(), Failure> {
    let needs = world.prune(observed, destroy)?;
    let probed = probe_all(&reached.ok, &needs, sink).await;
    observed.lose(probed.failed);
    observed.update(probed.ok, now());
    Ok(())
}

/// Names of the hosts that have something to hold.
pub(super) fn names(world: &World) -> Vec<&str> {
    let held = |name: &str| world.resources.iter().any(|r| r.hosts.iter().any(|h| h == name));
    world.hosts.iter().map(|host| host.name.as_str()).filter(|name| held(name)).collect()
}

/// What the files hold whose content would change.
pub(super) async fn contents(plan: &Plan, reached: &Gathered<Prober>) -> Contents {
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

pub(super) fn reached_all(observed: &Observed) -> Exit {
    if observed.unreachable.is_empty() { Exit::Clean } else { Exit::Unreachable }
}
