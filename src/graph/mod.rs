//! Owns the order: resources become a graph whose edges come from what steps
//! say and from rules nobody should have to write. Must not know facts.

mod build;
mod implied;
mod removal;

use std::collections::BTreeSet;

use petgraph::Direction;
use petgraph::algo::{tarjan_scc, toposort};
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef as _;

use crate::expand::Resource;
use crate::group::GroupName;
use crate::playbook::{Phase, Playbook};
use crate::problem::{Problem, Problems};

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
    /// On a host, what is no more asked for is gone up to this rank; with the first,
    /// all that is asked for is done.
    Gone(String, u8),
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
        let dag = build::dag(resources, playbooks);
        match toposort(&dag, None) {
            Ok(order) => Ok(Self { dag, order }),
            Err(_) => Err(cycle(&dag, resources).into()),
        }
    }

    pub fn predecessors(&self, node: NodeIndex) -> impl Iterator<Item = (NodeIndex, Edge)> {
        self.dag.edges_directed(node, Direction::Incoming).map(|e| (e.source(), *e.weight()))
    }

    /// All of a host that is asked for comes before what goes there; neither needs
    /// the other where only one of them is to be done.
    pub fn is_order_only(&self, node: NodeIndex) -> bool {
        matches!(self.dag[node], Node::Gone(..))
    }

    /// The part that some resources stand on, with them.
    #[must_use]
    pub fn below(&self, asked: impl Fn(usize) -> bool) -> Self {
        let mut kept = BTreeSet::new();
        for node in self.order.iter().rev() {
            if kept.contains(node) || matches!(self.dag[*node], Node::Resource(index) if asked(index)) {
                kept.insert(*node);
                kept.extend(self.predecessors(*node).map(|(from, _)| from));
            }
        }
        let node = |index: NodeIndex, node: &Node| kept.contains(&index).then(|| node.clone());
        let dag = self.dag.filter_map(node, |_, edge| Some(*edge));
        // A part of what has an order has one too.
        let order = toposort(&dag, None).unwrap_or_default();
        Self { dag, order }
    }

    /// What a node is called where people read it.
    pub fn label(&self, node: NodeIndex, resources: &[Resource]) -> String {
        match &self.dag[node] {
            Node::Resource(index) => resources[*index].id.clone(),
            Node::Phase(host, phase) => format!("{host}/phase:{phase:?}").to_lowercase(),
            Node::Done(host, playbook) => format!("{host}/playbook:{playbook}"),
            Node::Gate(group) => format!("cluster/gate:{}", group.word()),
            Node::Gone(host, rank) => format!("{host}/removal:{rank}"),
        }
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
