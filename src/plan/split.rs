//! Owns what a selection leaves out of a plan: what was not asked for, and what
//! stands on that. Must not know how a selection was worded.

use std::collections::{BTreeMap, BTreeSet};

use petgraph::graph::NodeIndex;

use super::{Assessment, Plan, Planner, Selection, effects};
use crate::facts::view::View;
use crate::graph::Node;

/// Changes that are left out, by resource, with the reason.
pub type LeftOut = BTreeMap<usize, String>;

impl Planner<'_> {
    /// The changes of `plan` that `selection` leaves out.
    pub fn left_out(&self, selection: &Selection, plan: &Plan, view: &View) -> LeftOut {
        if selection.is_whole() {
            return LeftOut::new();
        }
        let changes: BTreeMap<usize, &Assessment> = plan.changes().map(|a| (a.index, a)).collect();
        let blocked = self.blocked(selection, &changes);
        let needed = self.needed(selection, &changes, &blocked, view);
        let mut left_out = LeftOut::new();
        for node in &self.graph.order {
            let Node::Resource(index) = self.graph.dag[*node] else { continue };
            if !changes.contains_key(&index) {
                continue;
            }
            match blocked.get(node) {
                Some(why) => drop(left_out.insert(index, why.clone())),
                None if needed.contains(node) => {}
                None => drop(left_out.insert(index, "not selected with --target".to_owned())),
            }
        }
        left_out
    }

    /// What must stay as it is, and everything that cannot be done without it.
    fn blocked(
        &self,
        selection: &Selection,
        changes: &BTreeMap<usize, &Assessment>,
    ) -> BTreeMap<NodeIndex, String> {
        let mut blocked = BTreeMap::new();
        for node in &self.graph.order {
            let own = match self.graph.dag[*node] {
                Node::Resource(index) => {
                    changes.get(&index).and_then(|a| selection.refuses(&self.resources[index], &a.host))
                }
                _ => None,
            };
            if let Some(why) = own.or_else(|| self.inherited(*node, changes, &blocked)) {
                blocked.insert(*node, why);
            }
        }
        blocked
    }

    /// One hard predecessor is enough; a gate is blocked when all its members are.
    fn inherited(
        &self,
        node: NodeIndex,
        changes: &BTreeMap<usize, &Assessment>,
        blocked: &BTreeMap<NodeIndex, String>,
    ) -> Option<String> {
        if self.graph.is_order_only(node) {
            return None;
        }
        let before: Vec<_> = self.graph.predecessors(node).collect();
        let hard = before.iter().find(|(from, edge)| !edge.soft && blocked.contains_key(from));
        let gate = matches!(self.graph.dag[node], Node::Gate(_));
        let all = before.iter().all(|(from, _)| blocked.contains_key(from));
        let (from, _) = hard.or_else(|| before.first().filter(|_| gate && all))?;
        match self.graph.dag[*from] {
            Node::Resource(index) if changes.contains_key(&index) => {
                Some(format!("it stands on {}, which is left out", self.resources[index].id))
            }
            _ => blocked.get(from).cloned(),
        }
    }

    /// What was asked for, with all it stands on. A gate stands on its members
    /// only while there is no group: later their order is no need.
    fn needed(
        &self,
        selection: &Selection,
        changes: &BTreeMap<usize, &Assessment>,
        blocked: &BTreeMap<NodeIndex, String>,
        view: &View,
    ) -> BTreeSet<NodeIndex> {
        let mut needed = BTreeSet::new();
        for node in self.graph.order.iter().rev() {
            let asked = match self.graph.dag[*node] {
                Node::Resource(index) => {
                    changes.contains_key(&index)
                        && !blocked.contains_key(node)
                        && selection.wants(&self.resources[index])
                }
                _ => false,
            };
            if !asked && !needed.contains(node) {
                continue;
            }
            needed.insert(*node);
            if self.graph.is_order_only(*node) {
                continue;
            }
            let forms = matches!(self.graph.dag[*node], Node::Gate(group) if !group.formed(view));
            let before = self.graph.predecessors(*node).filter(|(_, edge)| forms || !edge.soft);
            needed.extend(before.map(|(from, _)| from));
        }
        needed
    }

    /// The changes without what is left out: what will be done, and its effects.
    pub fn without(&self, plan: &Plan, left_out: &LeftOut, view: &View) -> Plan {
        let kept = plan.changes().filter(|a| !left_out.contains_key(&a.index));
        let mut rest =
            Plan { assessments: kept.cloned().collect(), deferred: plan.deferred.clone(), ..Plan::default() };
        rest.effects = effects(&rest, self.resources, view);
        rest
    }
}
