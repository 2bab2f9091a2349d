//! Owns who may go next: states of all nodes of the graph and the work that
//! follows from them. Pure. Must not know how work is done.

use std::collections::{BTreeMap, BTreeSet};

use petgraph::graph::NodeIndex;

use super::event::Outcome;
use super::gates::idle_gates;
use super::task::{Parallelism, State, Task, Work};
use crate::expand::Resource;
use crate::facts::view::View;
use crate::graph::{Edge, Graph, Node};
use crate::group::GroupName;

#[derive(Debug)]
pub(super) struct Schedule<'a> {
    pub(super) graph: &'a Graph,
    pub(super) resources: &'a [Resource],
    pub(super) tasks: BTreeMap<usize, Task>,
    pub(super) states: Vec<State>,
    pub(super) busy: BTreeSet<String>,
    pub(super) rolling: bool,
    pub(super) parallelism: Parallelism,
    /// Changes that were not selected.
    left_out: BTreeSet<usize>,
    /// Groups that there were before the run.
    pub(super) formed: Vec<GroupName>,
    /// Gates that stand between nothing: no member changes, nor what comes after.
    idle: BTreeSet<NodeIndex>,
    /// What stays as it is because its like failed elsewhere.
    pub(super) stopped: BTreeMap<NodeIndex, String>,
    /// One failure is enough for everything.
    pub(super) fail_fast: bool,
    /// What failed, and nothing begins since.
    pub(super) halted: Option<String>,
}

impl<'a> Schedule<'a> {
    /// `tasks` by resource; `deferred` are resources that cannot be done now.
    pub(super) fn new(
        graph: &'a Graph,
        resources: &'a [Resource],
        tasks: BTreeMap<usize, Task>,
        deferred: &BTreeMap<usize, String>,
    ) -> Self {
        let mut states = vec![State::Waiting; graph.dag.node_count()];
        for (node, weight) in graph.dag.node_indices().zip(graph.dag.node_weights()) {
            if let Node::Resource(index) = weight
                && let Some(because) = deferred.get(index)
            {
                states[node.index()] = State::Ended(Outcome::Deferred { because: because.clone() });
            }
        }
        Self {
            graph,
            resources,
            idle: idle_gates(graph, |index| tasks.get(&index).is_some_and(|task| task.changes)),
            tasks,
            states,
            busy: BTreeSet::new(),
            rolling: false,
            parallelism: Parallelism::default(),
            left_out: BTreeSet::new(),
            formed: Vec::new(),
            stopped: BTreeMap::new(),
            fail_fast: false,
            halted: None,
        }
    }

    /// What of the deferred was not selected: it may well be as it should.
    /// `began` is how the cluster was before the run.
    pub(super) fn leaving_out(mut self, left_out: BTreeSet<usize>, began: &View) -> Self {
        let changes = |index: usize| self.tasks.get(&index).is_some_and(|task| task.changes);
        self.idle = idle_gates(self.graph, |index| changes(index) && !left_out.contains(&index));
        self.left_out = left_out;
        self.formed = GroupName::ALL.into_iter().filter(|group| group.formed(began)).collect();
        self
    }

    pub(super) fn within(mut self, parallelism: Parallelism) -> Self {
        self.parallelism = parallelism;
        self
    }

    pub(super) fn fail_fast(mut self, fail_fast: bool) -> Self {
        self.fail_fast = fail_fast;
        self
    }

    pub(super) fn state(&self, node: NodeIndex) -> &State {
        &self.states[node.index()]
    }

    /// All it waits for has come to an end it can go on from.
    pub(super) fn ready(&self, node: NodeIndex) -> bool {
        *self.state(node) == State::Waiting
            && self.graph.predecessors(node).all(|(from, edge)| self.passed(from, edge, node))
    }

    /// An end of `from` that `to` can go on from.
    pub(super) fn passed(&self, from: NodeIndex, edge: Edge, to: NodeIndex) -> bool {
        let soft = edge.soft || self.only_first(from, to);
        if soft { self.state(from).ended() } else { self.state(from).succeeded() }
    }

    /// It is enough that `from` came to any end. What changes nothing holds back
    /// no removal on its host. Of what was not selected the plan has found what
    /// stands on it, and left that out too.
    fn only_first(&self, from: NodeIndex, to: NodeIndex) -> bool {
        self.was_left_out(from) || (self.graph.is_order_only(to) && self.needs_no_work(from))
    }

    pub(super) fn was_left_out(&self, node: NodeIndex) -> bool {
        matches!(&self.graph.dag[node], Node::Resource(index) if self.left_out.contains(index))
    }

    /// A hard predecessor that will never succeed, with what became of it.
    fn doom(&self, node: NodeIndex) -> Option<Outcome> {
        if let Some(because) = self.stopped.get(&node) {
            return Some(Outcome::Skipped { because: because.clone() });
        }
        let hard = |(from, edge): &(NodeIndex, Edge)| !edge.soft && !self.only_first(*from, node);
        self.graph.predecessors(node).filter(hard).find_map(|(from, _)| match self.state(from) {
            State::Ended(Outcome::Failed { .. }) => {
                Some(Outcome::Skipped { because: self.graph.label(from, self.resources) })
            }
            State::Ended(outcome @ (Outcome::Skipped { .. } | Outcome::Deferred { .. })) => {
                Some(outcome.clone())
            }
            _ => None,
        })
    }

    /// Ends every node that needs no work; returns resources that ended so.
    pub(super) fn settle(&mut self) -> Vec<(usize, Outcome)> {
        let mut ended = Vec::new();
        for node in self.graph.order.clone() {
            if *self.state(node) != State::Waiting {
                continue;
            }
            let outcome = if let Some(doom) = self.doom(node).or_else(|| self.hopeless(node)) {
                doom
            } else if self.ready(node) && self.needs_no_work(node) {
                Outcome::Unchanged
            } else {
                continue;
            };
            self.states[node.index()] = State::Ended(outcome.clone());
            if let Node::Resource(index) = self.graph.dag[node] {
                ended.push((index, outcome));
            }
        }
        ended
    }

    pub(super) fn needs_no_work(&self, node: NodeIndex) -> bool {
        match &self.graph.dag[node] {
            Node::Resource(index) => self.tasks.get(index).is_none_or(|task| !task.changes),
            Node::Phase(..) | Node::Done(..) | Node::Gone(..) => true,
            Node::Gate(_) => self.idle.contains(&node),
        }
    }

    pub(super) fn resource_nodes(&self) -> impl Iterator<Item = (NodeIndex, usize)> {
        self.graph.order.iter().filter_map(|node| match self.graph.dag[*node] {
            Node::Resource(index) => Some((*node, index)),
            _ => None,
        })
    }

    /// Records how a piece of work ended.
    pub(super) fn end(&mut self, work: &Work, outcomes: &[(usize, Outcome)]) {
        self.halt(work, outcomes);
        match work {
            Work::Batch { host, .. } | Work::Late { host, .. } => drop(self.busy.remove(host)),
            Work::Form { steps, .. } => {
                self.rolling = false;
                for step in steps {
                    self.busy.remove(&self.tasks[step].host);
                }
            }
            Work::Roll { step, .. } => {
                self.rolling = false;
                self.busy.remove(&self.tasks[step].host);
                if outcomes.is_empty() {
                    self.back_in_line(*step);
                }
            }
            Work::Gate { node, .. } => {
                let outcome = outcomes.first().map_or(Outcome::Unchanged, |(_, outcome)| outcome.clone());
                self.states[*node] = State::Ended(outcome);
                return;
            }
        }
        if let Work::Roll { group, .. } = work {
            self.stop_rolling(*group, outcomes);
        }
        self.stop_serial(outcomes);
        let by_index: BTreeMap<usize, Outcome> = outcomes.iter().cloned().collect();
        let nodes: Vec<(NodeIndex, usize)> = self.resource_nodes().collect();
        for (node, index) in nodes {
            if let Some(outcome) = by_index.get(&index) {
                self.states[node.index()] = State::Ended(outcome.clone());
            }
        }
    }

    /// It did what it could for now, and has its turn again after others.
    fn back_in_line(&mut self, step: usize) {
        let node = self.resource_nodes().find(|(_, index)| *index == step).map(|(node, _)| node);
        if let Some(node) = node {
            self.states[node.index()] = State::Waiting;
        }
    }
}
