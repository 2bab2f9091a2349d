//! Owns the walk along the graph that makes a plan: each resource judged when all
//! that comes before it was. Must not know how one is judged.

use std::collections::{BTreeMap, BTreeSet};

use petgraph::graph::NodeIndex;

use super::{Assessment, Observed, Plan, Planner, effects, foreign, restarts, updates};
use crate::expand::Resource;
use crate::facts::view::View;
use crate::graph::Node;
use crate::ledger::Ledger;
use crate::problem::{Problem, Problems};
use crate::resource::{Change, Kind};

struct Walk<'a> {
    planner: &'a Planner<'a>,
    observed: &'a Observed,
    ledgers: BTreeMap<String, Ledger>,
    plan: Plan,
    problems: Vec<Problem>,
    /// What has changes, and what only stands between others and waits for some.
    pending: BTreeSet<NodeIndex>,
}

impl Planner<'_> {
    /// Judges every resource, predecessors first.
    pub fn plan(&self, observed: &Observed) -> Result<Plan, Problems> {
        let mut walk = Walk {
            planner: self,
            observed,
            ledgers: observed.ledgers(),
            plan: Plan::default(),
            problems: Vec::new(),
            pending: BTreeSet::new(),
        };
        for node in &self.graph.order {
            walk.node(*node);
        }
        Problems::check(walk.problems)?;
        let mut plan = walk.plan;
        plan.effects = effects(&plan, self.resources, &observed.view);
        Ok(plan)
    }
}

impl Walk<'_> {
    fn node(&mut self, node: NodeIndex) {
        let graph = self.planner.graph;
        let before = graph.predecessors(node).map(|(from, _)| from);
        let waits: Vec<NodeIndex> = before.filter(|from| self.pending.contains(from)).collect();
        match graph.dag[node] {
            Node::Resource(index) => self.resource(node, index, &waits),
            _ if !waits.is_empty() => drop(self.pending.insert(node)),
            _ => {}
        }
    }

    fn resource(&mut self, node: NodeIndex, index: usize, waits: &[NodeIndex]) {
        let resource = &self.planner.resources[index];
        let Some(host) = self.planner.host_of(resource, self.observed) else {
            return self.defer(resource);
        };
        let concerned = |facts| resource.kind.manage().concerns(facts);
        if !self.observed.facts.get(&host).is_some_and(concerned) {
            return;
        }
        match self.planner.assess(index, &host, self.observed) {
            Ok(mut assessment) => {
                self.wait(&mut assessment, resource, waits);
                self.add(node, assessment, resource);
            }
            Err(Problems(more)) => self.problems.extend(more),
        }
    }

    fn defer(&mut self, resource: &Resource) {
        let why = resource.hosts.iter().find_map(|host| self.observed.unreachable.get(host));
        let why = why.map(|away| away.why.clone()).unwrap_or_default();
        self.plan.deferred.insert(resource.id.clone(), why);
    }

    /// What is judged by facts that others make is known when those are done.
    fn wait(&self, assessment: &mut Assessment, resource: &Resource, waits: &[NodeIndex]) {
        let graph = self.planner.graph;
        // Another playbook's change is done before, and makes none of its facts.
        let makes_facts = |from: &&NodeIndex| !matches!(graph.dag[**from], Node::Done(..));
        let first = waits.iter().find(makes_facts).filter(|_| resource.kind.is_late());
        if let Some(first) = first {
            let first = graph.label(*first, self.planner.resources);
            assessment.change = Change::Late(format!("known after {first}"));
        }
    }

    fn add(&mut self, node: NodeIndex, mut assessment: Assessment, resource: &Resource) {
        let holds = |host: &String| self.ledgers.get(host).is_some_and(|l| l.holds(&assessment.id));
        if matches!(assessment.kind, Kind::Gone(_)) && !resource.hosts.iter().any(holds) {
            // Another run let go of it since the ledger was read.
            assessment.change = Change::None;
        }
        let view = &self.observed.view;
        self.owe(&mut assessment, view);
        updates::owe(&mut assessment, &self.plan, self.planner.resources, view);
        if let Some(facts) = self.observed.facts.get(&assessment.host) {
            assessment.foreign = foreign::foreign(&assessment, self.ledgers.get(&assessment.host), facts);
        }
        if !assessment.change.is_none() {
            self.pending.insert(node);
        }
        self.plan.assessments.push(assessment);
    }

    /// A unit whose notifiers change will owe a restart or reload, and a server
    /// whose settings change a restart.
    fn owe(&self, assessment: &mut Assessment, view: &View) {
        let unit = match &assessment.kind {
            Kind::Unit(unit) => unit,
            Kind::PatroniRestart(_) => return restarts::owe(assessment, &self.plan, view),
            _ => return,
        };
        let name = unit.full_name();
        let notifiers = self.plan.changes().filter(|a| a.host == assessment.host).filter_map(|a| {
            let notified = self.planner.resources[a.index].notifies.iter().find(|(n, _)| n == &name)?;
            Some((notified.1, a.id.clone()))
        });
        // A restart pays for a reload too.
        let Some((action, from)) = notifiers.min_by_key(|(action, _)| *action as u8) else { return };
        let Some(word) = action.word() else { return };
        assessment.owe(word, &from);
    }
}
