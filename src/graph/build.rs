//! Owns the edges: phases, gates, what playbooks need, what steps say.
//! Must not know what is found to be a circle.

use std::collections::{BTreeMap, BTreeSet};

use petgraph::graph::{DiGraph, NodeIndex};

use super::implied::prerequisites;
use super::{Edge, Node};
use crate::expand::Resource;
use crate::playbook::{Phase, Playbook, Step, StepKind};
use crate::resource::Kind;

/// All nodes and edges.
pub(super) fn dag(resources: &[Resource], playbooks: &[Playbook]) -> DiGraph<Node, Edge> {
    let mut builder = Builder::new(resources, playbooks);
    builder.phases();
    builder.gates();
    builder.playbooks();
    builder.steps();
    builder.implied();
    builder.removals();
    builder.dag
}

pub(super) struct Builder<'a> {
    pub(super) resources: &'a [Resource],
    playbooks: &'a [Playbook],
    dag: DiGraph<Node, Edge>,
    pub(super) nodes: Vec<NodeIndex>,
    others: BTreeMap<Node, NodeIndex>,
    edges: BTreeSet<(NodeIndex, NodeIndex)>,
}

impl<'a> Builder<'a> {
    fn new(resources: &'a [Resource], playbooks: &'a [Playbook]) -> Self {
        let mut dag = DiGraph::new();
        let nodes = (0..resources.len()).map(|index| dag.add_node(Node::Resource(index))).collect();
        Self { resources, playbooks, dag, nodes, others: BTreeMap::new(), edges: BTreeSet::new() }
    }

    /// What steps ask for.
    pub(super) fn wanted(&self) -> impl Iterator<Item = (usize, &'a Resource)> + use<'a> {
        let resources = self.resources.iter().enumerate();
        resources.filter(|(_, resource)| !matches!(resource.kind, Kind::Gone(_)))
    }

    pub(super) fn node(&mut self, node: Node) -> NodeIndex {
        if let Some(found) = self.others.get(&node) {
            return *found;
        }
        let index = self.dag.add_node(node.clone());
        self.others.insert(node, index);
        index
    }

    pub(super) fn edge(&mut self, from: NodeIndex, to: NodeIndex, why: &'static str, soft: bool) {
        if from != to && self.edges.insert((from, to)) {
            self.dag.add_edge(from, to, Edge { why, soft });
        }
    }

    /// prepare, then packages, then configure, on each host.
    fn phases(&mut self) {
        for (index, resource) in self.wanted() {
            let Some(host) = resource.host().map(str::to_owned) else { continue };
            let prepared = self.node(Node::Phase(host.clone(), Phase::Prepare));
            let installed = self.node(Node::Phase(host, Phase::Packages));
            let node = self.nodes[index];
            self.edge(prepared, installed, "packages come after prepare", false);
            match resource.phase {
                Phase::Prepare => self.edge(node, prepared, "its phase is prepare", false),
                Phase::Packages => {
                    self.edge(prepared, node, "packages come after prepare", false);
                    self.edge(node, installed, "its phase is packages", false);
                }
                Phase::Configure => self.edge(installed, node, "packages come first", false),
            }
        }
    }

    /// A group's gate waits for every member to have been tried; what runs once
    /// in the group's playbook waits for the gate, unless members wait for it; so does
    /// what disturbs members.
    fn gates(&mut self) {
        for (index, resource) in self.wanted() {
            let Some(group) = resource.group else { continue };
            let node = self.nodes[index];
            if resource.rolling && resource.makes_member() {
                let gate = self.node(Node::Gate(group));
                self.edge(node, gate, "the group's members start first", true);
            } else if resource.rolling || (resource.once.is_some() && !self.precedes_members(resource)) {
                let gate = self.node(Node::Gate(group));
                self.edge(gate, node, "it runs once the group is healthy", false);
            }
        }
    }

    /// A step of the group's members waits for this one.
    fn precedes_members(&self, resource: &Resource) -> bool {
        let mut playbooks = self.playbooks.iter().filter(|playbook| playbook.name == resource.playbook);
        playbooks.any(|playbook| {
            let makes = |step: &&Step| step.rolling && !matches!(step.kind, StepKind::PatroniRestart(_));
            let members = playbook.steps.iter().filter(makes);
            members.flat_map(said).any(|(name, why)| why != NOTIFY && name == resource.step)
        })
    }

    /// `needs`: on the same host, and the health of the needed playbook's group.
    fn playbooks(&mut self) {
        for (index, resource) in self.wanted() {
            let Some(playbook) = self.playbooks.iter().find(|p| p.name == resource.playbook) else {
                continue;
            };
            let node = self.nodes[index];
            if resource.phase != Phase::Configure {
                continue;
            }
            for host in &resource.hosts {
                let done = self.node(Node::Done(host.clone(), playbook.name.clone()));
                if resource.once.is_none() {
                    self.edge(node, done, "it is part of the playbook", false);
                }
                for needed in &playbook.needs {
                    let needed_done = self.node(Node::Done(host.clone(), needed.clone()));
                    self.edge(needed_done, node, "its playbook needs that one", resource.once.is_some());
                }
            }
            for needed in self.playbooks.iter().filter(|p| playbook.needs.contains(&p.name)) {
                self.needs_group(node, needed);
            }
        }
    }

    fn needs_group(&mut self, node: NodeIndex, needed: &Playbook) {
        let present = self.resources.iter().any(|r| r.playbook == needed.name && r.rolling);
        if let Some(group) = needed.group.filter(|_| present) {
            let gate = self.node(Node::Gate(group));
            self.edge(gate, node, "its playbook needs that group", false);
        }
        for (index, other) in self.wanted().filter(|(_, other)| other.playbook == needed.name) {
            if other.once.is_some() {
                self.edge(self.nodes[index], node, "its playbook needs that one", false);
            } else if needed.everywhere {
                // A host that cannot be reached must not hold up the others.
                let done = other.hosts.iter().map(|host| Node::Done(host.clone(), needed.name.clone()));
                for done in done.collect::<Vec<_>>() {
                    let done = self.node(done);
                    self.edge(done, node, "its playbook needs that one everywhere", true);
                }
            }
        }
    }

    /// `needs`, `after` and `notify`, as the steps say.
    fn steps(&mut self) {
        let mut by_step: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
        for (index, resource) in self.wanted() {
            by_step.entry((&resource.playbook, &resource.step)).or_default().push(index);
        }
        for (index, resource) in self.wanted() {
            let Some(playbook) = self.playbooks.iter().find(|p| p.name == resource.playbook) else {
                continue;
            };
            let Some(step) = playbook.steps.iter().find(|s| s.name == resource.step) else { continue };
            for (name, why) in said(step) {
                for other in by_step.get(&(playbook.name.as_str(), name)).into_iter().flatten() {
                    let (this, that) = (self.nodes[index], self.nodes[*other]);
                    let other = &self.resources[*other];
                    if !together(resource, other) {
                        continue;
                    }
                    // One member less does not stop what runs once: the gate decides.
                    let members = resource.once.is_some() != other.once.is_some();
                    let soft = why == AFTER && members && resource.group.is_some();
                    let (from, to) = if why == NOTIFY { (this, that) } else { (that, this) };
                    self.edge(from, to, why, soft);
                }
            }
        }
    }

    /// A file after its directory, its owner and group; a unit after its file.
    fn implied(&mut self) {
        let mut by_label: BTreeMap<(&str, String), usize> = BTreeMap::new();
        // No host is called so: what runs once is before and after its like only.
        let place = |resource: &'a Resource| resource.host().unwrap_or("cluster");
        for (index, resource) in self.wanted() {
            by_label.insert((place(resource), resource.kind.label()), index);
        }
        for (index, resource) in self.wanted() {
            let host = place(resource);
            for (label, why) in prerequisites(&resource.kind) {
                if let Some(other) = by_label.get(&(host, label)) {
                    self.edge(self.nodes[*other], self.nodes[index], why, false);
                }
            }
        }
    }
}

const NEEDS: &str = "it says `needs`";
const AFTER: &str = "it says `after`";
const NOTIFY: &str = "it says `notify`";

/// The steps that a step names, with the word by which it does.
fn said(step: &Step) -> impl Iterator<Item = (&str, &'static str)> {
    let lists = [(&step.needs, NEEDS), (&step.after, AFTER), (&step.notify, NOTIFY)];
    lists.into_iter().flat_map(|(list, why)| list.iter().map(move |(name, _)| (name.as_str(), why)))
}

/// Two resources of one playbook belong together: same host, same item.
fn together(one: &Resource, other: &Resource) -> bool {
    let host = one.once.is_some() || other.once.is_some() || one.hosts == other.hosts;
    let item = one.item.is_none() || other.item.is_none() || one.item == other.item;
    host && item
}
