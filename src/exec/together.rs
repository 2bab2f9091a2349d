//! Owns when a change that must be confirmed may go: in one script with the units
//! that read it. Pure. Must not know what the change does.

use std::collections::BTreeSet;

use petgraph::algo::has_path_connecting;
use petgraph::graph::NodeIndex;

use super::schedule::Schedule;
use super::task::State;
use crate::graph::Node;
use crate::resource::Kind;

impl Schedule<'_> {
    /// A unit that reads it cannot go along yet. Confirmed before, nothing would take
    /// it back where the power is cut before that unit reads it.
    pub(super) fn too_early(&self, index: usize) -> bool {
        self.resources[index].confirm
            && self.resource_nodes().find(|(_, other)| *other == index).is_some_and(|(node, _)| {
                let mut readers = self.readers(index);
                readers.any(|reader| self.held_up(reader, node))
            })
    }

    /// Its host's turn is over with it. A change that must be confirmed is read before.
    pub(super) fn ends_turn(&self, index: usize) -> bool {
        self.tasks.get(&index).is_some_and(|task| task.serial) && !self.resources[index].confirm
    }

    /// Units on its host that will read it.
    fn readers(&self, index: usize) -> impl Iterator<Item = NodeIndex> {
        let step = &self.resources[index];
        let reads = |other: usize| match &self.resources[other].kind {
            Kind::Unit(unit) if self.resources[other].hosts == step.hosts => {
                let name = unit.full_name();
                step.notifies.iter().any(|(notified, _)| *notified == name)
            }
            _ => false,
        };
        self.resource_nodes()
            .filter(move |(node, other)| {
                reads(*other) && *self.state(*node) == State::Waiting && !self.needs_no_work(*node)
            })
            .map(|(node, _)| node)
    }

    /// Something that neither waits for the change nor can go along is in the way.
    fn held_up(&self, reader: NodeIndex, change: NodeIndex) -> bool {
        let (mut open, mut seen) = (vec![reader], BTreeSet::new());
        while let Some(node) = open.pop() {
            for (from, edge) in self.graph.predecessors(node) {
                let waits = || has_path_connecting(&self.graph.dag, change, from, None);
                if self.passed(from, edge, node) || !seen.insert(from) || waits() {
                    continue;
                }
                if !self.needs_no_work(from) && !self.is_confirmed(from) {
                    return true;
                }
                open.push(from);
            }
        }
        false
    }

    fn is_confirmed(&self, node: NodeIndex) -> bool {
        matches!(self.graph.dag[node], Node::Resource(index) if self.resources[index].confirm)
    }
}
