//! Owns what a run says of itself while it happens. Data only: the reporters
//! decide what people see. Must not hold a secret.

use serde::Serialize;

use crate::plan::Absence;

/// How one step ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Outcome {
    Changed,
    Unchanged,
    Failed {
        why: String,
    },
    /// Something it depends on failed or could not be done.
    Skipped {
        because: String,
    },
    /// Its host does not answer, or was not selected.
    Deferred {
        because: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "event")]
pub enum Event {
    Connecting {
        host: String,
    },
    Connected {
        host: String,
        millis: u64,
    },
    Unreachable {
        host: String,
        kind: Absence,
        why: String,
    },
    Probed {
        host: String,
        millis: u64,
    },
    /// A run begins; `total` steps have something to do.
    RunStarted {
        run: String,
        total: usize,
    },
    /// A run before this one was cut: where.
    Resumed {
        run: String,
        step: String,
    },
    Locked {
        hosts: Vec<String>,
    },
    /// A batch of steps begins on a host.
    BatchStarted {
        host: String,
        steps: Vec<String>,
    },
    /// One line a step printed, secrets masked.
    Output {
        host: String,
        line: String,
    },
    StepEnded {
        host: String,
        id: String,
        outcome: Outcome,
        millis: u64,
    },
    /// A host or group is being waited for: what for, and what is seen.
    Waiting {
        what: String,
        seen: String,
    },
    /// A gate or wait passed.
    Healthy {
        what: String,
        millis: u64,
    },
    /// Somebody else let go of what was waited for.
    Free {
        what: String,
        millis: u64,
    },
    RunEnded {
        changed: usize,
        failed: usize,
        skipped: usize,
        deferred: usize,
        millis: u64,
    },
    Note {
        text: String,
    },
}

/// Where events go.
pub trait Sink: Send + Sync {
    fn event(&self, event: Event);
}

/// Swallows everything.
impl Sink for () {
    fn event(&self, _event: Event) {}
}
