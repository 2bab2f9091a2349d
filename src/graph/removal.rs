//! Owns the order in which things go that nothing asks for any more: after all
//! that is asked for, in the reverse of how they came. Must not know why they go.

use std::collections::BTreeMap;

use petgraph::graph::NodeIndex;

use super::Node;
use super::build::Builder;
use super::implied::prerequisites;
use crate::expand::Resource;
use crate::playbook::Phase;
use crate::resource::Kind;

/// Up to here all that is asked for is done.
const BEGIN: u8 = 0;
/// Services and memberships: nothing of a host goes while one of them stays.
const SERVICES: u8 = 2;
const LAST: u8 = 8;

/// Lower ones go first.
fn rank(kind: &Kind) -> u8 {
    match kind {
        Kind::EtcdMember(_) => 1,
        Kind::Unit(unit) if !unit.masked => SERVICES,
        Kind::Package(_) => 4,
        Kind::Directory(_) => 5,
        Kind::User(_) => 6,
        Kind::Group(_) => 7,
        Kind::Unit(_) => LAST,
        _ => 3,
    }
}

impl<'a> Builder<'a> {
    fn gone(&self) -> Vec<(usize, &'a Resource, &'a Kind)> {
        let all = self.resources.iter().enumerate();
        all.filter_map(|(index, resource)| match &resource.kind {
            Kind::Gone(gone) => Some((index, resource, &*gone.kind)),
            _ => None,
        })
        .collect()
    }

    pub(super) fn removals(&mut self) {
        let gone = self.gone();
        if gone.is_empty() {
            return;
        }
        let (inside, gone): (Vec<_>, Vec<_>) = gone.into_iter().partition(|(_, r, _)| r.once.is_some());
        self.inside(&inside);
        self.begin();
        let early: Vec<bool> =
            gone.iter().map(|(_, resource, kind)| self.early(&gone, resource, kind)).collect();
        for ((index, resource, kind), early) in gone.iter().zip(&early) {
            let node = self.nodes[*index];
            if *early {
                self.early_edges(node, resource);
            } else {
                self.ranked(node, resource, rank(kind));
            }
        }
        self.reversed(&gone);
        let mut late = early.iter().map(|early| !early);
        let gone: Vec<_> = gone.into_iter().filter(|_| late.next() == Some(true)).collect();
        self.services_first(&gone);
    }

    /// Inside of `PostgreSQL`, after all that is asked for there: what a new owner
    /// has is not the old one's any more.
    fn inside(&mut self, gone: &[(usize, &'a Resource, &'a Kind)]) {
        let begin = Node::Gone("cluster".to_owned(), BEGIN);
        for (index, resource, _) in gone {
            let begin = self.node(begin.clone());
            self.edge(begin, self.nodes[*index], "what is asked for comes first", false);
            if let Some(group) = resource.group {
                let gate = self.node(Node::Gate(group));
                self.edge(gate, self.nodes[*index], "it runs once the group is healthy", false);
            }
        }
        let once = |(_, other): &(usize, &Resource)| other.once.is_some() && !gone.is_empty();
        for (index, _) in self.wanted().filter(once) {
            let begin = self.node(begin.clone());
            self.edge(self.nodes[index], begin, "what is asked for comes first", false);
        }
        self.reversed(gone);
    }

    /// A failed step leaves what it may have replaced.
    fn begin(&mut self) {
        let wanted: Vec<(usize, String)> =
            self.wanted().filter_map(|(index, r)| Some((index, r.host()?.to_owned()))).collect();
        for (index, host) in wanted {
            let begin = self.node(Node::Gone(host, BEGIN));
            self.edge(self.nodes[index], begin, "what is asked for comes first", false);
        }
    }

    fn ranked(&mut self, node: NodeIndex, resource: &Resource, rank: u8) {
        let host = &resource.hosts[0];
        let begin = self.node(Node::Gone(host.clone(), BEGIN));
        self.edge(begin, node, "what is asked for comes first", false);
        for earlier in 1..=LAST {
            let passed = self.node(Node::Gone(host.clone(), earlier));
            if earlier < rank {
                self.edge(passed, node, "the reverse of how they came", true);
            } else if earlier == rank {
                self.edge(node, passed, "the reverse of how they came", true);
            }
        }
        let votes: Vec<usize> = self
            .wanted()
            .filter(|(_, other)| matches!(other.kind, Kind::EtcdMembers(_)) && other.group == resource.group)
            .map(|(index, _)| index)
            .collect();
        for index in votes {
            self.edge(self.nodes[index], node, "its vote is given back first", false);
        }
        if resource.rolling {
            // The others must not speak to it any more.
            let hosts: Vec<String> =
                self.wanted().filter_map(|(_, other)| other.host().map(str::to_owned)).collect();
            for other in hosts {
                let begin = self.node(Node::Gone(other, BEGIN));
                self.edge(begin, node, "what is asked for comes first", true);
            }
        }
    }

    /// The configuration of a unit that stays: it goes before that unit pays for it.
    fn early(&self, gone: &[(usize, &Resource, &Kind)], resource: &Resource, kind: &Kind) -> bool {
        let label = kind.label();
        let stands_on = |(_, other, kind): &(usize, &Resource, &Kind)| {
            other.hosts == resource.hosts
                && rank(kind) <= SERVICES
                && prerequisites(kind).iter().any(|(needed, _)| *needed == label)
        };
        let plain = matches!(kind, Kind::File(_) | Kind::Link(_) | Kind::Certificate(_));
        let configured =
            self.notified(resource).iter().all(|index| self.resources[*index].phase == Phase::Configure);
        plain && !resource.notifies.is_empty() && configured && !gone.iter().any(stands_on)
    }

    fn early_edges(&mut self, node: NodeIndex, resource: &Resource) {
        let installed = self.node(Node::Phase(resource.hosts[0].clone(), Phase::Packages));
        self.edge(installed, node, "packages come first", false);
        for index in self.notified(resource) {
            self.edge(node, self.nodes[index], "it was its configuration", true);
        }
    }

    /// Units that a removal makes owe something.
    fn notified(&self, resource: &Resource) -> Vec<usize> {
        let owes = |other: &Resource| match &other.kind {
            Kind::Unit(unit) => resource.notifies.iter().any(|(name, _)| *name == unit.full_name()),
            _ => false,
        };
        let here = |other: &Resource| other.host() == resource.hosts.first().map(String::as_str);
        self.wanted().filter(|(_, other)| here(other) && owes(other)).map(|(index, _)| index).collect()
    }

    /// What stands on another goes before it.
    fn reversed(&mut self, gone: &[(usize, &'a Resource, &'a Kind)]) {
        let label =
            |(index, r, kind): &(usize, &'a Resource, &'a Kind)| ((&*r.hosts[0], kind.label()), *index);
        let by_label: BTreeMap<(&str, String), usize> = gone.iter().map(label).collect();
        for (index, resource, kind) in gone.iter().filter(|(_, _, kind)| rank(kind) < LAST) {
            for (needed, _) in prerequisites(kind) {
                if let Some(other) = by_label.get(&(&*resource.hosts[0], needed)) {
                    self.edge(self.nodes[*index], self.nodes[*other], "what stands on it goes first", false);
                }
            }
        }
    }

    /// A member that did not leave keeps all that its host has; a unit that did
    /// not stop keeps its data.
    fn services_first(&mut self, gone: &[(usize, &Resource, &Kind)]) {
        for (index, resource, kind) in gone.iter().filter(|(_, _, kind)| rank(kind) <= SERVICES) {
            for (other, later, what) in gone.iter().filter(|(_, _, what)| rank(what) > rank(kind)) {
                let data = matches!(what, Kind::Directory(directory) if directory.data);
                if later.hosts == resource.hosts && (data || resource.group.is_some()) {
                    self.edge(self.nodes[*index], self.nodes[*other], "it is stopped first", false);
                }
            }
        }
    }
}
