//! Owns the order: resources become a graph whose edges come from what steps
//! say and from rules nobody should have to write. Must not know facts.

use std::collections::{BTreeMap, BTreeSet};

use petgraph::Direction;
use petgraph::algo::{tarjan_scc, toposort};
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef as _;

use crate::expand::Resource;
use crate::group::GroupName;
use crate::playbook::{Phase, Playbook};
use crate::problem::{Problem, Problems};
use crate::resource::Kind;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Node {
    /// Index into the resources.
    Resource(usize),
    /// Everything of a host up to this phase is done.
    Phase(String, Phase),
    /// A playbook is done on a host.
    Done(String, String),
    /// A group is healthy.
    Gate(GroupName),
}

/// Why one node waits for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edge {
    pub why: &'static str,
    /// A soft edge waits for an end of any kind; a hard one for success.
    pub soft: bool,
}

#[derive(Debug)]
pub struct Graph {
    pub dag: DiGraph<Node, Edge>,
    /// Predecessors come before their successors; stable from run to run.
    pub order: Vec<NodeIndex>,
}

impl Graph {
    pub fn build(resources: &[Resource], playbooks: &[Playbook]) -> Result<Self, Problems> {
        let mut builder = Builder::new(resources, playbooks);
        builder.phases();
        builder.gates();
        builder.playbooks();
        builder.steps();
        builder.implied();
        let dag = builder.dag;
        match toposort(&dag, None) {
            Ok(order) => Ok(Self { dag, order }),
            Err(_) => Err(cycle(&dag, resources).into()),
        }
    }

    pub fn predecessors(&self, node: NodeIndex) -> impl Iterator<Item = (NodeIndex, Edge)> {
        self.dag.edges_directed(node, Direction::Incoming).map(|e| (e.source(), *e.weight()))
    }

    /// What a node is called where people read it.
    pub fn label(&self, node: NodeIndex, resources: &[Resource]) -> String {
        match &self.dag[node] {
            Node::Resource(index) => resources[*index].id.clone(),
            Node::Phase(host, phase) => format!("{host}/phase:{phase:?}").to_lowercase(),
            Node::Done(host, playbook) => format!("{host}/playbook:{playbook}"),
            Node::Gate(group) => format!("cluster/gate:{}", group.word()),
        }
    }
}

struct Builder<'a> {
    resources: &'a [Resource],
    playbooks: &'a [Playbook],
    dag: DiGraph<Node, Edge>,
    nodes: Vec<NodeIndex>,
    others: BTreeMap<Node, NodeIndex>,
    edges: BTreeSet<(NodeIndex, NodeIndex)>,
}

impl<'a> Builder<'a> {
    fn new(resources: &'a [Resource], playbooks: &'a [Playbook]) -> Self {
        let mut dag = DiGraph::new();
        let nodes = (0..resources.len()).map(|index| dag.add_node(Node::Resource(index))).collect();
        Self { resources, playbooks, dag, nodes, others: BTreeMap::new(), edges: BTreeSet::new() }
    }

    fn node(&mut self, node: Node) -> NodeIndex {
        if let Some(found) = self.others.get(&node) {
            return *found;
        }
        let index = self.dag.add_node(node.clone());
        self.others.insert(node, index);
        index
    }

    fn edge(&mut self, from: NodeIndex, to: NodeIndex, why: &'static str, soft: bool) {
        if from != to && self.edges.insert((from, to)) {
            self.dag.add_edge(from, to, Edge { why, soft });
        }
    }

    /// prepare, then packages, then configure, on each host.
    fn phases(&mut self) {
        for (index, resource) in self.resources.iter().enumerate() {
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
    /// in the group's playbook waits for the gate.
    fn gates(&mut self) {
        for (index, resource) in self.resources.iter().enumerate() {
            let Some(group) = resource.group else { continue };
            let node = self.nodes[index];
            if resource.rolling {
                let gate = self.node(Node::Gate(group));
                self.edge(node, gate, "the group's members start first", true);
            } else if resource.once.is_some() {
                let gate = self.node(Node::Gate(group));
                self.edge(gate, node, "it runs once the group is healthy", false);
            }
        }
    }

    /// `needs`: on the same host, and the health of the needed playbook's group.
    fn playbooks(&mut self) {
        for (index, resource) in self.resources.iter().enumerate() {
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
        for (index, other) in self.resources.iter().enumerate() {
            if other.playbook == needed.name && other.once.is_some() {
                self.edge(self.nodes[index], node, "its playbook needs that one", false);
            }
        }
    }

    /// `after` and `notify`, as the steps say.
    fn steps(&mut self) {
        let mut by_step: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
        for (index, resource) in self.resources.iter().enumerate() {
            by_step.entry((&resource.playbook, &resource.step)).or_default().push(index);
        }
        for (index, resource) in self.resources.iter().enumerate() {
            let Some(playbook) = self.playbooks.iter().find(|p| p.name == resource.playbook) else {
                continue;
            };
            let Some(step) = playbook.steps.iter().find(|s| s.name == resource.step) else { continue };
            let after = step.after.iter().map(|(name, _)| (name, true));
            let notify = step.notify.iter().map(|(name, _)| (name, false));
            for (name, before) in after.chain(notify) {
                for other in by_step.get(&(playbook.name.as_str(), name.as_str())).into_iter().flatten() {
                    if !together(resource, &self.resources[*other]) {
                        continue;
                    }
                    let (this, that) = (self.nodes[index], self.nodes[*other]);
                    if before {
                        // One host less does not stop what runs once: the gate decides.
                        let soft = resource.once.is_some() && resource.group.is_some();
                        self.edge(that, this, "it says `after`", soft);
                    } else {
                        self.edge(this, that, "it says `notify`", false);
                    }
                }
            }
        }
    }

    /// A file after its directory, its owner and group; a unit after its file.
    fn implied(&mut self) {
        let mut by_label: BTreeMap<(&str, String), usize> = BTreeMap::new();
        for (index, resource) in self.resources.iter().enumerate() {
            if let Some(host) = resource.host() {
                by_label.insert((host, resource.kind.label()), index);
            }
        }
        for (index, resource) in self.resources.iter().enumerate() {
            let Some(host) = resource.host() else { continue };
            for (label, why) in prerequisites(&resource.kind) {
                if let Some(other) = by_label.get(&(host, label)) {
                    self.edge(self.nodes[*other], self.nodes[index], why, false);
                }
            }
        }
    }
}

/// Two resources of one playbook belong together: same host, same item.
fn together(one: &Resource, other: &Resource) -> bool {
    let host = one.once.is_some() || other.once.is_some() || one.hosts == other.hosts;
    let item = one.item.is_none() || other.item.is_none() || one.item == other.item;
    host && item
}

/// Labels of what must be there first, where it is managed at all.
fn prerequisites(kind: &Kind) -> Vec<(String, &'static str)> {
    let parents = |path: &str| -> Vec<(String, &'static str)> {
        let ends = path.match_indices('/').map(|(at, _)| at).filter(|at| *at > 0);
        ends.map(|end| (format!("directory:{}", &path[..end]), "its directory comes first")).collect()
    };
    let owned = |owner: &str, group: &str| {
        [
            (format!("user:{owner}"), "its owner comes first"),
            (format!("group:{group}"), "its group comes first"),
        ]
    };
    match kind {
        Kind::File(f) => parents(&f.path).into_iter().chain(owned(&f.owner, &f.group)).collect(),
        Kind::Directory(d) => parents(&d.path).into_iter().chain(owned(&d.owner, &d.group)).collect(),
        Kind::Link(l) => parents(&l.path),
        Kind::Certificate(c) => parents(&c.key).into_iter().chain(owned(&c.owner, &c.group)).collect(),
        Kind::User(u) => u.groups.iter().map(|g| (format!("group:{g}"), "its group comes first")).collect(),
        Kind::Unit(unit) => {
            let name = unit.full_name();
            let template = name
                .split_once('@')
                .map(|(stem, rest)| format!("{stem}@.{}", rest.rsplit('.').next().unwrap_or("service")));
            let names = std::iter::once(name).chain(template);
            let places = names.flat_map(|n| {
                [
                    format!("file:/etc/systemd/system/{n}"),
                    format!("file:/etc/systemd/system/{n}.d/hacluster.conf"),
                ]
            });
            places.map(|label| (label, "its unit file comes first")).collect()
        }
        _ => Vec::new(),
    }
}

/// Names a whole circle, in order, at the step it begins with.
fn cycle(dag: &DiGraph<Node, Edge>, resources: &[Resource]) -> Problem {
    let circle = tarjan_scc(dag).into_iter().find(|scc| scc.len() > 1).unwrap_or_default();
    let steps: Vec<&Resource> = circle
        .iter()
        .filter_map(
            |node| if let Node::Resource(index) = &dag[*node] { Some(&resources[*index]) } else { None },
        )
        .collect();
    let names = steps.iter().map(|r| format!("{} ({})", r.id, r.step)).collect::<Vec<_>>().join(" <- ");
    let Some(first) = steps.first() else {
        return Problem::error(
            &crate::span::Source::new("playbooks", ""),
            "HAC-E088",
            0..0,
            "playbooks need each other in a circle",
        );
    };
    Problem::error(
        &first.place.source,
        "HAC-E088",
        first.place.span.clone(),
        format!("these steps wait for each other: {names}"),
    )
    .help("take one `after`, `notify` or `needs` out of the circle")
}
