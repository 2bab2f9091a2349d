//! Owns gates that nobody has to ask: what stands on them does not change, or none
//! of their members could be tried. Pure. Must not know how a group is asked.

use std::collections::BTreeSet;

use petgraph::graph::NodeIndex;
use petgraph::visit::Dfs;

use super::event::Outcome;
use super::schedule::Schedule;
use super::task::State;
use crate::graph::{Graph, Node};

impl Schedule<'_> {
    /// A gate of which no member could even be tried. Members of a group that is
    /// there need no try: not to be selected is no such reason.
    pub(super) fn hopeless(&self, node: NodeIndex) -> Option<Outcome> {
        let Node::Gate(group) = self.graph.dag[node] else { return None };
        let members: Vec<NodeIndex> = self.graph.predecessors(node).map(|(from, _)| from).collect();
        let first = members.first().filter(|_| self.ready(node))?;
        let serves = |from: &NodeIndex| self.formed.contains(&group) && self.was_left_out(*from);
        if members.iter().any(|from| self.state(*from).succeeded() || serves(from)) {
            return None;
        }
        let deferred =
            |from: &&NodeIndex| !matches!(self.state(**from), State::Ended(Outcome::Deferred { .. }));
        let blamed = *members.iter().find(deferred).unwrap_or(first);
        match self.state(blamed) {
            State::Ended(outcome @ Outcome::Deferred { .. }) => Some(outcome.clone()),
            _ => Some(Outcome::Skipped { because: self.graph.label(blamed, self.resources) }),
        }
    }
}

/// Gates that stand between nothing.
pub(super) fn idle_gates(graph: &Graph, changes: impl Fn(usize) -> bool) -> BTreeSet<NodeIndex> {
    let changes = |node: NodeIndex| matches!(graph.dag[node], Node::Resource(index) if changes(index));
    let idle = |gate: &NodeIndex| {
        let mut after = Dfs::new(&graph.dag, *gate);
        while let Some(node) = after.next(&graph.dag) {
            if changes(node) {
                return false;
            }
        }
        !graph.predecessors(*gate).any(|(member, _)| changes(member))
    };
    graph
        .order
        .iter()
        .copied()
        .filter(|node| matches!(graph.dag[*node], Node::Gate(_)))
        .filter(idle)
        .collect()
}
