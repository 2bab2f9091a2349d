//! Owns who may go next: states of all nodes of the graph and the work that
//! follows from them. Pure. Must not know how work is done.

use std::collections::{BTreeMap, BTreeSet};

use petgraph::graph::NodeIndex;

use super::event::Outcome;
use crate::expand::Resource;
use crate::facts::view::View;
use crate::graph::{Graph, Node};
use crate::group::GroupName;
use crate::resource::Kind;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    Waiting,
    Running,
    Ended(Outcome),
}

impl State {
    fn succeeded(&self) -> bool {
        matches!(self, Self::Ended(Outcome::Changed | Outcome::Unchanged))
    }

    fn ended(&self) -> bool {
        matches!(self, Self::Ended(_))
    }
}

/// One piece of work that can go on beside others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Work {
    /// Ordinary changes of one host; with each, the others it requires.
    Batch {
        host: String,
        steps: Vec<(usize, Vec<usize>)>,
    },
    /// Resources whose facts come from what was just done.
    Late {
        host: String,
        steps: Vec<usize>,
    },
    /// The first members of a group, on all hosts.
    Form {
        group: GroupName,
        steps: Vec<usize>,
    },
    /// One member of a formed group.
    Roll {
        group: GroupName,
        step: usize,
    },
    Gate {
        group: GroupName,
        node: usize,
    },
}

/// What the scheduler must know of a resource.
#[derive(Debug, Clone)]
pub(super) struct Task {
    pub host: String,
    /// It has something to do, or may turn out to.
    pub changes: bool,
}

#[derive(Debug)]
pub(super) struct Schedule<'a> {
    graph: &'a Graph,
    resources: &'a [Resource],
    tasks: BTreeMap<usize, Task>,
    states: Vec<State>,
    busy: BTreeSet<String>,
    rolling: bool,
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
        Self { graph, resources, tasks, states, busy: BTreeSet::new(), rolling: false }
    }

    fn state(&self, node: NodeIndex) -> &State {
        &self.states[node.index()]
    }

    /// All it waits for has come to an end it can go on from.
    fn ready(&self, node: NodeIndex) -> bool {
        *self.state(node) == State::Waiting
            && self.graph.predecessors(node).all(|(from, edge)| {
                if edge.soft { self.state(from).ended() } else { self.state(from).succeeded() }
            })
    }

    /// A hard predecessor that will never succeed, with what became of it.
    fn doom(&self, node: NodeIndex) -> Option<Outcome> {
        let mut hard = self.graph.predecessors(node).filter(|(_, edge)| !edge.soft).map(|(from, _)| from);
        hard.find_map(|from| match self.state(from) {
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

    /// A gate of which no member could even be tried.
    fn hopeless(&self, node: NodeIndex) -> Option<Outcome> {
        let gate = matches!(self.graph.dag[node], Node::Gate(_)) && self.ready(node);
        let mut members = self.graph.predecessors(node).map(|(from, _)| from).filter(|_| gate).peekable();
        let first = *members.peek()?;
        let because = self.graph.label(first, self.resources);
        members.all(|from| !self.state(from).succeeded()).then_some(Outcome::Skipped { because })
    }

    fn needs_no_work(&self, node: NodeIndex) -> bool {
        match &self.graph.dag[node] {
            Node::Resource(index) => self.tasks.get(index).is_none_or(|task| !task.changes),
            Node::Phase(..) | Node::Done(..) => true,
            Node::Gate(_) => false,
        }
    }

    fn resource_nodes(&self) -> impl Iterator<Item = (NodeIndex, usize)> {
        self.graph.order.iter().filter_map(|node| match self.graph.dag[*node] {
            Node::Resource(index) => Some((*node, index)),
            _ => None,
        })
    }

    /// Ordered and gated by its group.
    fn rolls(&self, index: usize, view: &View) -> Option<GroupName> {
        let resource = &self.resources[index];
        let group = resource.group.filter(|_| resource.rolling)?;
        (matches!(resource.kind, Kind::Unit(_)) || group.formed(view)).then_some(group)
    }

    /// The next work that can start now, marked as running.
    pub(super) fn next(&mut self, view: &View) -> Option<Work> {
        let work = self
            .gate()
            .or_else(|| self.batch(view))
            .or_else(|| self.late())
            .or_else(|| self.form(view))
            .or_else(|| self.roll(view))?;
        match &work {
            Work::Batch { host, steps } => {
                self.busy.insert(host.clone());
                self.run(steps.iter().map(|(index, _)| *index));
            }
            Work::Late { host, steps } => {
                self.busy.insert(host.clone());
                self.run(steps.iter().copied());
            }
            Work::Form { steps, .. } => {
                self.rolling = true;
                self.run(steps.iter().copied());
            }
            Work::Roll { step, .. } => {
                self.rolling = true;
                self.busy.insert(self.tasks[step].host.clone());
                self.run([*step]);
            }
            Work::Gate { node, .. } => self.states[*node] = State::Running,
        }
        Some(work)
    }

    fn run(&mut self, indices: impl IntoIterator<Item = usize>) {
        let indices: BTreeSet<usize> = indices.into_iter().collect();
        let nodes: Vec<NodeIndex> = self
            .resource_nodes()
            .filter(|(_, index)| indices.contains(index))
            .map(|(node, _)| node)
            .collect();
        for node in nodes {
            self.states[node.index()] = State::Running;
        }
    }

    fn gate(&self) -> Option<Work> {
        let mut nodes = self.graph.order.iter();
        nodes.find_map(|node| match self.graph.dag[*node] {
            Node::Gate(group) if self.ready(*node) => Some(Work::Gate { group, node: node.index() }),
            _ => None,
        })
    }

    /// Everything that can go in one script on a host that is free: a step whose
    /// predecessors are done or stand before it in the same script.
    fn batch(&self, view: &View) -> Option<Work> {
        let hosts: BTreeSet<&String> = self.tasks.values().map(|t| &t.host).collect();
        hosts.into_iter().filter(|host| !self.busy.contains(*host)).find_map(|host| {
            let steps = self.collect(host, view);
            (!steps.is_empty()).then(|| Work::Batch { host: host.clone(), steps })
        })
    }

    fn collect(&self, host: &str, view: &View) -> Vec<(usize, Vec<usize>)> {
        let mut steps: Vec<(usize, Vec<usize>)> = Vec::new();
        // What each node that counts as done within this script stands on.
        let mut within: BTreeMap<NodeIndex, BTreeSet<usize>> = BTreeMap::new();
        for node in &self.graph.order {
            if *self.state(*node) != State::Waiting {
                continue;
            }
            let mut stands_on = BTreeSet::new();
            let satisfied = self.graph.predecessors(*node).all(|(from, edge)| {
                if let Some(on) = within.get(&from) {
                    stands_on.extend(on.iter().copied());
                    return true;
                }
                if edge.soft { self.state(from).ended() } else { self.state(from).succeeded() }
            });
            if !satisfied {
                continue;
            }
            match self.graph.dag[*node] {
                Node::Gate(_) => {}
                Node::Resource(index) if !self.needs_no_work(*node) => {
                    let resource = &self.resources[index];
                    let here = self.tasks.get(&index).is_some_and(|task| task.host == host);
                    if here && !resource.kind.is_late() && self.rolls(index, view).is_none() {
                        steps.push((index, stands_on.into_iter().collect()));
                        within.insert(*node, [index].into());
                    }
                }
                _ => drop(within.insert(*node, stands_on)),
            }
        }
        steps
    }

    fn late(&self) -> Option<Work> {
        let late: Vec<usize> = self
            .resource_nodes()
            .filter(|(node, index)| self.ready(*node) && self.resources[*index].kind.is_late())
            .map(|(_, index)| index)
            .filter(|index| !self.busy.contains(&self.tasks[index].host))
            .collect();
        let host = self.tasks[late.first()?].host.clone();
        let steps = late.into_iter().filter(|index| self.tasks[index].host == host).collect();
        Some(Work::Late { host, steps })
    }

    /// First members start once every one of them is ready or out.
    fn form(&self, view: &View) -> Option<Work> {
        [GroupName::Etcd, GroupName::Patroni].into_iter().find_map(|group| {
            if self.rolling || group.formed(view) {
                return None;
            }
            let members: Vec<(NodeIndex, usize)> =
                self.resource_nodes().filter(|(_, index)| self.rolls(*index, view) == Some(group)).collect();
            let settled = members.iter().all(|(node, _)| self.ready(*node) || self.state(*node).ended());
            let steps: Vec<usize> =
                members.iter().filter(|(node, _)| self.ready(*node)).map(|(_, index)| *index).collect();
            (settled && !steps.is_empty()).then_some(Work::Form { group, steps })
        })
    }

    /// One member of a formed group, the leader's host last.
    fn roll(&self, view: &View) -> Option<Work> {
        if self.rolling {
            return None;
        }
        let ready: Vec<(usize, GroupName)> = self
            .resource_nodes()
            .filter(|(node, _)| self.ready(*node))
            .filter_map(|(_, index)| self.rolls(index, view).map(|group| (index, group)))
            .filter(|(index, group)| group.formed(view) && !self.busy.contains(&self.tasks[index].host))
            .collect();
        let group = ready.first()?.1;
        let hosts =
            ready.iter().filter(|(_, g)| *g == group).map(|(i, _)| self.tasks[i].host.clone()).collect();
        let first = group.order(hosts, view).into_iter().next()?;
        let step = ready.iter().find(|(index, g)| *g == group && self.tasks[index].host == first)?.0;
        Some(Work::Roll { group, step })
    }

    /// Records how a piece of work ended.
    pub(super) fn end(&mut self, work: &Work, outcomes: &[(usize, Outcome)]) {
        match work {
            Work::Batch { host, .. } | Work::Late { host, .. } => drop(self.busy.remove(host)),
            Work::Form { .. } => self.rolling = false,
            Work::Roll { step, .. } => {
                self.rolling = false;
                self.busy.remove(&self.tasks[step].host);
            }
            Work::Gate { node, .. } => {
                let outcome = outcomes.first().map_or(Outcome::Unchanged, |(_, outcome)| outcome.clone());
                self.states[*node] = State::Ended(outcome);
                return;
            }
        }
        let by_index: BTreeMap<usize, &Outcome> =
            outcomes.iter().map(|(index, outcome)| (*index, outcome)).collect();
        let nodes: Vec<(NodeIndex, usize)> = self.resource_nodes().collect();
        for (node, index) in nodes {
            if let Some(outcome) = by_index.get(&index) {
                self.states[node.index()] = State::Ended((*outcome).clone());
            }
        }
    }

    /// Resources that never got their turn, for the summary of a stopped run.
    pub(super) fn left(&self) -> Vec<usize> {
        self.resource_nodes().filter(|(node, _)| !self.state(*node).ended()).map(|(_, index)| index).collect()
    }
}
