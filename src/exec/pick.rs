//! Owns the choice of the next work: what can share a script, what a group must
//! order. Pure. Must not know how work is done.

use std::collections::{BTreeMap, BTreeSet};

use petgraph::graph::NodeIndex;

use super::schedule::Schedule;
use super::task::{State, Work};
use crate::facts::view::View;
use crate::graph::Node;
use crate::group::GroupName;
use crate::playbook::Once;
use crate::resource::Kind;

impl Schedule<'_> {
    /// Ordered and gated by its group.
    fn rolls(&self, index: usize, view: &View) -> Option<GroupName> {
        let resource = &self.resources[index];
        let group = resource.group.filter(|_| resource.rolling)?;
        if resource.guest {
            // Its first start disturbs nobody.
            let disturbs = self.tasks.get(&index).is_some_and(|task| task.disturbs);
            return (disturbs && group.formed(view)).then_some(group);
        }
        (matches!(resource.kind, Kind::Unit(_)) || group.formed(view)).then_some(group)
    }

    /// The next work that can start now, marked as running.
    pub(super) fn next(&mut self, view: &View) -> Option<Work> {
        let room = self.busy.len() < self.parallelism.hosts;
        let work = self
            .gate()
            .or_else(|| self.batch(view).filter(|_| room))
            .or_else(|| self.late(view).filter(|_| room))
            .or_else(|| self.form(view))
            .or_else(|| self.roll(view).filter(|_| room))?;
        match &work {
            Work::Batch { host, steps } => {
                self.busy.insert(host.clone());
                self.run(steps.iter().map(|(index, _)| *index));
            }
            Work::Late { host, steps } => {
                self.busy.insert(host.clone());
                for step in steps {
                    self.tasks.entry(*step).and_modify(|task| task.host.clone_from(host));
                }
                self.run(steps.iter().copied());
            }
            Work::Form { steps, .. } => {
                self.rolling = true;
                let hosts: Vec<String> = steps.iter().map(|step| self.tasks[step].host.clone()).collect();
                self.busy.extend(hosts);
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

    /// The most of `name` that may go on at once; `None` where nothing is said.
    fn cap(&self, index: usize) -> Option<(&str, usize)> {
        let name = self.resources[index].limit.as_deref()?;
        Some((name, *self.parallelism.named.get(name)?))
    }

    /// As many hosts as may be are at steps with this one's limit already.
    fn full(&self, index: usize) -> bool {
        let Some((name, most)) = self.cap(index) else { return false };
        let at_it = self.resource_nodes().filter(|(node, other)| {
            *self.state(*node) == State::Running && self.resources[*other].limit.as_deref() == Some(name)
        });
        let hosts: BTreeSet<&str> = at_it.map(|(_, other)| self.tasks[&other].host.as_str()).collect();
        hosts.len() >= most
    }

    /// Everything that can go in one script on a host that is free: a step whose
    /// predecessors are done or stand before it in the same script.
    fn batch(&self, view: &View) -> Option<Work> {
        let hosts: BTreeSet<&String> = self.tasks.values().map(|t| &t.host).collect();
        // The leader last: what goes wrong elsewhere does not come to it.
        let leader = view.patroni.leader_host();
        let (last, first): (Vec<&String>, Vec<&String>) =
            hosts.into_iter().partition(|host| leader == Some(host.as_str()));
        first.into_iter().chain(last).filter(|host| !self.busy.contains(*host)).find_map(|host| {
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
                    // A soft edge is order only, and the script has an order.
                    stands_on.extend(on.iter().copied().filter(|_| !edge.soft));
                    return true;
                }
                self.passed(from, edge, *node)
            });
            if !satisfied {
                continue;
            }
            match self.graph.dag[*node] {
                Node::Gate(_) => {}
                Node::Resource(index) if !self.needs_no_work(*node) => {
                    let first = steps.first().map(|(first, _)| *first);
                    if self.fits(index, host, first, view) {
                        steps.push((index, stands_on.into_iter().collect()));
                        // What is limited ends its script, so that others may go on soon.
                        if self.cap(index).is_none() && !self.ends_turn(index) {
                            within.insert(*node, [index].into());
                        }
                    }
                }
                _ => drop(within.insert(*node, stands_on)),
            }
        }
        steps
    }

    /// It can go on `host` now, in one script with `first`.
    fn fits(&self, index: usize, host: &str, first: Option<usize>, view: &View) -> bool {
        // What must be confirmed is a script of its own: its time is short.
        let alike = |first: usize| self.resources[first].confirm == self.resources[index].confirm;
        self.tasks.get(&index).is_some_and(|task| task.host == host)
            && first.is_none_or(alike)
            && !self.reads_first(index)
            && self.rolls(index, view).is_none()
            && !self.full(index)
            && !self.taken(index, view)
            && !self.too_early(index)
    }

    /// Its facts come from what was just done, or could not be had before:
    /// nothing is applied that was not judged.
    fn reads_first(&self, index: usize) -> bool {
        let resource = &self.resources[index];
        // Where it is done may have changed since: it is read there.
        resource.once.is_some()
            || resource.kind.is_late()
            || self.tasks.get(&index).is_some_and(|task| task.unknown)
    }

    fn late(&self, view: &View) -> Option<Work> {
        let late: Vec<usize> = self
            .resource_nodes()
            .filter(|(node, index)| self.ready(*node) && self.reads_first(*index))
            .map(|(_, index)| index)
            .filter(|index| self.rolls(*index, view).is_none())
            .filter(|index| !self.full(*index) && !self.taken(*index, view))
            .filter(|index| !self.busy.contains(self.place(*index, view)))
            .collect();
        let host = self.place(*late.first()?, view).to_owned();
        let steps = late.into_iter().filter(|index| self.place(*index, view) == host).collect();
        Some(Work::Late { host, steps })
    }

    /// Its host; what runs once on the leader goes where that is by now.
    fn place<'b>(&'b self, index: usize, view: &'b View) -> &'b str {
        let resource = &self.resources[index];
        let leader = view.patroni.leader_host().filter(|_| resource.once == Some(Once::Leader));
        let leader = leader.filter(|leader| resource.hosts.iter().any(|host| host == leader));
        leader.unwrap_or(&self.tasks[&index].host)
    }

    /// First members start once every one of them is ready or out.
    fn form(&self, view: &View) -> Option<Work> {
        GroupName::ALL.into_iter().find_map(|group| {
            if self.rolling || group.formed(view) {
                return None;
            }
            let members: Vec<(NodeIndex, usize)> =
                self.resource_nodes().filter(|(_, index)| self.rolls(*index, view) == Some(group)).collect();
            let settled = members.iter().all(|(node, _)| self.ready(*node) || self.state(*node).ended());
            let steps: Vec<usize> =
                members.iter().filter(|(node, _)| self.ready(*node)).map(|(_, index)| *index).collect();
            let free = steps.iter().all(|step| !self.busy.contains(&self.tasks[step].host));
            (settled && free && !steps.is_empty()).then_some(Work::Form { group, steps })
        })
    }

    /// One member of a formed group, the leader's host last.
    fn roll(&self, view: &View) -> Option<Work> {
        if self.rolling || self.disrupted() {
            return None;
        }
        GroupName::ALL.into_iter().filter(|group| group.formed(view)).find_map(|group| {
            let open: Vec<(NodeIndex, usize)> = self
                .resource_nodes()
                .filter(|(node, _)| !self.state(*node).ended() && !self.needs_no_work(*node))
                .filter(|(_, index)| self.rolls(*index, view) == Some(group))
                .collect();
            // What disturbs members comes when all of them are there.
            let makes = |index: usize| self.resources[index].makes_member();
            let making = open.iter().any(|(_, index)| makes(*index));
            let open = || open.iter().filter(|(_, index)| makes(*index) == making);
            let host = |index: &usize| &self.tasks[index].host;
            let ready: Vec<usize> = open().filter(|(node, _)| self.ready(*node)).map(|(_, i)| *i).collect();
            let free = ready.iter().filter(|index| !self.busy.contains(host(index)));
            let first =
                group.order(free.map(|index| host(index).clone()).collect(), view).into_iter().next()?;
            // Others that are not ready yet still come before the leader.
            // One that leaves waits for all that stay, and so for the leader.
            let leaves = |index: &usize| matches!(self.resources[*index].kind, Kind::Gone(_));
            let before = |other: &String| *other != first && !group.waits_for_leader(other, view);
            let others = open().any(|(_, index)| before(host(index)) && !leaves(index));
            if others && group.leader_host(view).as_ref() == Some(&first) {
                return None;
            }
            let step = *ready.iter().find(|index| *host(index) == first)?;
            Some(Work::Roll { group, step })
        })
    }
}
