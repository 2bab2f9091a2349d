//! Owns the choice of the next work: what can share a script, what a group must
//! order. Pure. Must not know how work is done.

use std::collections::{BTreeMap, BTreeSet};

use petgraph::graph::NodeIndex;

use super::schedule::{Schedule, State, Work};
use crate::facts::view::View;
use crate::graph::Node;
use crate::group::GroupName;
use crate::resource::Kind;

impl Schedule<'_> {
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
}
