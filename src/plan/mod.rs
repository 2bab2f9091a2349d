//! Owns the plan: every difference between resources and facts, in order, with
//! its reason. Pure. Must not know how anything is carried out.

mod assess;
mod away;
mod cause;
mod effects;
mod foreign;
mod lint;
mod leaving;
mod restarts;
mod saved;
mod selection;
mod split;
mod systems;
mod updates;
mod verdict;

use std::collections::{BTreeMap, BTreeSet};

use petgraph::graph::NodeIndex;

pub use assess::{Assessment, Observed, Planner};
pub use away::{Absence, Away};
pub use cause::{Cause, cause, moved, reason};
pub use effects::effects;
pub use foreign::Foreign;
pub use saved::{Allowed, Basis, Parts, Saved, SavedChange, Stale};
pub use selection::{Selection, Unknown, Wish};
pub use split::LeftOut;
pub use systems::Systems;
pub use verdict::{Verdict, verdict};

use crate::facts::Needs;
use crate::facts::view::View;
use crate::graph::Node;
use crate::ledger::Ledger;
use crate::problem::Problems;
use crate::resource::{Change, Kind};

/// What a run would do.
#[derive(Debug, Default)]
pub struct Plan {
    /// One per resource that could be judged, in the graph's order; converged
    /// ones too, because the ledger records them.
    pub assessments: Vec<Assessment>,
    /// Resources on hosts that do not answer, with the reason.
    pub deferred: BTreeMap<String, String>,
    /// What it does to the cluster, a sentence each.
    pub effects: Vec<String>,
}

impl Plan {
    /// The assessments that are no `Change::None`.
    pub fn changes(&self) -> impl Iterator<Item = &Assessment> {
        self.assessments.iter().filter(|a| !a.change.is_none())
    }

    /// What lies in the way and is not hacluster's.
    pub fn in_the_way(&self) -> impl Iterator<Item = &Assessment> {
        self.assessments.iter().filter(|a| a.foreign == Foreign::InTheWay)
    }

    /// What must be asked about what lies in the way: a package may have brought it.
    pub fn whose(&self) -> BTreeMap<String, Needs> {
        let mut needs: BTreeMap<String, Needs> = BTreeMap::new();
        for assessment in self.assessments.iter().filter(|a| a.foreign != Foreign::No) {
            let path = foreign::target(&assessment.kind).map(|(path, _)| path.to_owned());
            needs.entry(assessment.host.clone()).or_default().shipped.extend(path);
        }
        needs
    }

    /// What nothing asks for and stays all the same: host, kind and name, why.
    pub fn stays(&self) -> impl Iterator<Item = (&str, String, &str)> {
        self.assessments.iter().filter_map(|a| {
            let inside = a.id.starts_with("cluster/");
            let place = if inside { "PostgreSQL" } else { &*a.host };
            Some((place, a.kind.label(), a.stays.as_deref()?))
        })
    }

    pub fn is_empty(&self) -> bool {
        self.changes().next().is_none()
    }

    /// The changes but for those that are left out.
    pub fn chosen<'a>(&'a self, left_out: &'a LeftOut) -> impl Iterator<Item = &'a Assessment> {
        self.changes().filter(|a| !left_out.contains_key(&a.index))
    }

    /// A resource whose change is another one in `newer`. One whose host does not
    /// answer any more is deferred there, and that is all.
    pub fn moved(&self, newer: &Self) -> Option<String> {
        let by_id = |plan: &Self| -> BTreeMap<String, Change> {
            plan.changes().map(|a| (a.id.clone(), a.change.clone())).collect()
        };
        let (old, new) = (by_id(self), by_id(newer));
        let known = |id: &&String| !newer.deferred.contains_key(*id);
        old.keys().chain(new.keys()).filter(known).find(|id| old.get(*id) != new.get(*id)).cloned()
    }

    /// To add, to change, to remove, and known only later.
    pub fn counts(&self) -> [usize; 4] {
        let mut counts = [0; 4];
        for assessment in self.changes() {
            let slot = match assessment.change {
                Change::Forget(_) => continue,
                Change::Create(_) => 0,
                Change::Update(_) | Change::Unreadable(_) | Change::Refused(_) | Change::None => 1,
                Change::Remove => 2,
                Change::Late(_) => 3,
            };
            counts[slot] += 1;
        }
        counts
    }
}

impl Planner<'_> {
    /// Judges every resource, predecessors first.
    pub fn plan(&self, observed: &Observed) -> Result<Plan, Problems> {
        let ledger = |(host, facts): (&String, &crate::facts::Facts)| {
            Some((host.clone(), Ledger::read(facts.ledger.as_deref())?))
        };
        let ledgers: BTreeMap<String, Ledger> = observed.facts.iter().filter_map(ledger).collect();
        let mut plan = Plan::default();
        let mut problems = Vec::new();
        let mut pending: BTreeSet<NodeIndex> = BTreeSet::new();
        for node in &self.graph.order {
            let waits: Vec<NodeIndex> = self
                .graph
                .predecessors(*node)
                .map(|(from, _)| from)
                .filter(|from| pending.contains(from))
                .collect();
            let Node::Resource(index) = self.graph.dag[*node] else {
                if !waits.is_empty() {
                    pending.insert(*node);
                }
                continue;
            };
            let resource = &self.resources[index];
            let Some(host) = self.host_of(resource, observed) else {
                let why = resource.hosts.iter().find_map(|h| observed.unreachable.get(h));
                plan.deferred
                    .insert(resource.id.clone(), why.map(|away| away.why.clone()).unwrap_or_default());
                continue;
            };
            if !observed.facts.get(&host).is_some_and(|facts| resource.kind.manage().concerns(facts)) {
                continue;
            }
            // Another playbook's change is done before, and makes none of its facts.
            let makes_facts = |from: &&NodeIndex| !matches!(self.graph.dag[**from], Node::Done(..));
            let late = waits.iter().find(makes_facts).filter(|_| resource.kind.is_late());
            let mut assessment = match self.assess(index, &host, observed) {
                Ok(assessment) => assessment,
                Err(Problems(mut more)) => {
                    problems.append(&mut more);
                    continue;
                }
            };
            if let Some(first) = late {
                let first = self.graph.label(*first, self.resources);
                assessment.change = Change::Late(format!("known after {first}"));
            }
            let holds = |host: &String| ledgers.get(host).is_some_and(|l| l.holds(&assessment.id));
            if matches!(assessment.kind, Kind::Gone(_)) && !resource.hosts.iter().any(holds) {
                // Another run let go of it since the ledger was read.
                assessment.change = Change::None;
            }
            self.owe(&mut assessment, &plan, &observed.view);
            updates::owe(&mut assessment, &plan, self.resources, &observed.view);
            if let Some(facts) = observed.facts.get(&host) {
                assessment.foreign = foreign::foreign(&assessment, ledgers.get(&host), facts);
            }
            if !assessment.change.is_none() {
                pending.insert(*node);
            }
            plan.assessments.push(assessment);
        }
        Problems::check(problems)?;
        plan.effects = effects(&plan, self.resources, &observed.view);
        Ok(plan)
    }

    /// A unit whose notifiers change will owe a restart or reload, and a server
    /// whose settings change a restart.
    fn owe(&self, assessment: &mut Assessment, plan: &Plan, view: &View) {
        let unit = match &assessment.kind {
            Kind::Unit(unit) => unit,
            Kind::PatroniRestart(_) => return restarts::owe(assessment, plan, view),
            _ => return,
        };
        let name = unit.full_name();
        let notifiers = plan.changes().filter(|a| a.host == assessment.host).filter_map(|a| {
            let notified = self.resources[a.index].notifies.iter().find(|(n, _)| n == &name)?;
            Some((notified.1, a.id.clone()))
        });
        // A restart pays for a reload too.
        let Some((action, from)) = notifiers.min_by_key(|(action, _)| *action as u8) else { return };
        let Some(word) = action.word() else { return };
        assessment.owe(word, &from);
    }
}
