//! Owns the words of the schedule: what a node's state is, and what work there
//! can be. Must not know what follows from either.

use std::collections::BTreeMap;

use super::event::Outcome;
use crate::group::GroupName;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    Waiting,
    Running,
    Ended(Outcome),
}

impl State {
    pub(super) fn succeeded(&self) -> bool {
        matches!(self, Self::Ended(Outcome::Changed | Outcome::Unchanged))
    }

    pub(super) fn ended(&self) -> bool {
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
#[expect(clippy::struct_excessive_bools, reason = "each is a property of its own")]
pub(super) struct Task {
    pub(super) host: String,
    /// It has something to do, or may turn out to.
    pub(super) changes: bool,
    /// What it has to do is not known before it is read again.
    pub(super) unknown: bool,
    /// It waits for the same on other hosts. What only starts waits for nobody.
    pub(super) serial: bool,
    /// What serves stops for a moment.
    pub(super) disturbs: bool,
    /// It may take down what serves on its host: never beside another host's.
    pub(super) disrupts: bool,
}

/// How much may go on at once over the whole cluster.
#[derive(Debug, Clone)]
pub struct Parallelism {
    /// Hosts that are worked on. A group that is formed counts as one: its first
    /// members need each other.
    pub hosts: usize,
    /// Hosts that are at steps with `limit = "NAME"`, by name.
    pub named: BTreeMap<String, usize>,
}

impl Default for Parallelism {
    fn default() -> Self {
        Self { hosts: 64, named: BTreeMap::new() }
    }
}
