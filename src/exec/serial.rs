//! Owns steps that go one host at a time: which one waits, and what does not follow
//! one that failed. Pure. Must not know what the steps do.

use petgraph::graph::NodeIndex;

use super::event::Outcome;
use super::schedule::Schedule;
use super::task::{State, Work};
use crate::expand::Resource;
use crate::facts::view::View;
use crate::group::GroupName;
use crate::plan::Assessment;
use crate::resource::{Change, Kind};

/// It goes one host at a time; what only starts waits for nobody.
pub(super) fn serial(step: &Resource, assessment: &Assessment) -> bool {
    step.confirm || (step.serial && assessment.change.to("state").is_none())
}

/// It may take down what serves on its host: what goes one host at a time for that,
/// and an update, which may be a bad one.
pub(super) fn disrupts(step: &Resource, assessment: &Assessment) -> bool {
    let update = matches!((&assessment.kind, &assessment.change), (Kind::Package(_), Change::Update(_)));
    update || serial(step, assessment)
}

impl Schedule<'_> {
    /// Another host is at such a step of the same playbook; or, where a group holds
    /// data, at anything that may take one of its members down.
    pub(super) fn taken(&self, index: usize, view: &View) -> bool {
        let formed = || GroupName::ALL.into_iter().any(|group| group.formed(view));
        let alike = self.alike(index).any(|node| *self.state(node) == State::Running);
        alike || (self.disrupts(index) && (self.rolling || self.disrupted()) && formed())
    }

    /// Some host may lose its members just now.
    pub(super) fn disrupted(&self) -> bool {
        let mut nodes = self.resource_nodes();
        nodes.any(|(node, index)| *self.state(node) == State::Running && self.disrupts(index))
    }

    fn disrupts(&self, index: usize) -> bool {
        self.tasks.get(&index).is_some_and(|task| task.disrupts && task.changes)
    }

    /// One that failed is enough: the others stay as they are.
    pub(super) fn stop_serial(&mut self, outcomes: &[(usize, Outcome)]) {
        let failed = |(_, outcome): &&(usize, Outcome)| matches!(outcome, Outcome::Failed { .. });
        let Some((index, _)) = outcomes.iter().filter(failed).find(|(index, _)| self.serial(*index)) else {
            return;
        };
        let waiting = |node: &NodeIndex| *self.state(*node) == State::Waiting;
        let nodes: Vec<NodeIndex> = self.alike(*index).filter(waiting).collect();
        for node in nodes {
            self.stopped.insert(node, self.resources[*index].id.clone());
        }
    }

    /// One member that failed is enough: the others of its group stay as they are.
    pub(super) fn stop_rolling(&mut self, group: GroupName, outcomes: &[(usize, Outcome)]) {
        let failed = outcomes.iter().find(|(_, outcome)| matches!(outcome, Outcome::Failed { .. }));
        let Some((index, _)) = failed else { return };
        let because = self.resources[*index].id.clone();
        let waiting = |node: &NodeIndex, other: usize| {
            let resource = &self.resources[other];
            resource.rolling
                && resource.group == Some(group)
                && *self.state(*node) == State::Waiting
                && self.tasks.get(&other).is_some_and(|task| task.changes)
        };
        let nodes: Vec<NodeIndex> = self
            .resource_nodes()
            .filter(|(node, other)| waiting(node, *other))
            .map(|(node, _)| node)
            .collect();
        for node in nodes {
            self.stopped.insert(node, because.clone());
        }
    }

    /// One that failed is enough for everything, where that was asked for.
    pub(super) fn halt(&mut self, work: &Work, outcomes: &[(usize, Outcome)]) {
        let failed = outcomes.iter().find(|(_, outcome)| matches!(outcome, Outcome::Failed { .. }));
        let Some((index, _)) = failed.filter(|_| self.fail_fast) else { return };
        let what = match work {
            Work::Gate { group, .. } => format!("cluster/gate:{}", group.word()),
            _ => self.resources[*index].id.clone(),
        };
        self.halted.get_or_insert(what);
    }

    fn serial(&self, index: usize) -> bool {
        self.tasks.get(&index).is_some_and(|task| task.serial && task.changes)
    }

    /// Steps of the same playbook that go one host at a time.
    fn alike(&self, index: usize) -> impl Iterator<Item = NodeIndex> {
        let playbook = &self.resources[index].playbook;
        let alike = move |other: usize| self.serial(other) && self.resources[other].playbook == *playbook;
        let serial = self.serial(index);
        self.resource_nodes().filter(move |(_, other)| serial && alike(*other)).map(|(node, _)| node)
    }
}
