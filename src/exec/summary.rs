//! Owns how a run ends, for whoever tells people. Must not know how it ran.

use std::time::{SystemTime, UNIX_EPOCH};

use super::lock::Busy;
use crate::plan::Outdated;
use crate::problem::Problems;

/// How a run ended. Pairs are ids and reasons.
#[derive(Debug, Default)]
pub struct Summary {
    pub run: String,
    pub changed: usize,
    pub failed: Vec<(String, String)>,
    pub skipped: Vec<(String, String)>,
    pub deferred: Vec<(String, String)>,
    /// Steps that still differ after they were applied: bugs, by name.
    pub left: Vec<String>,
    /// Some host that was to be changed does not answer, or not any more.
    pub unreachable: bool,
    pub interrupted: bool,
    /// What runs was left to the hosts.
    pub aborted: bool,
    pub millis: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    #[error(transparent)]
    Locked(Box<Busy>),
    /// A host that answered before does not any more.
    #[error("{host}: the lock could not be taken: {why}")]
    NoLock { host: String, why: String },
    #[error("{host}: its units could not be stopped: {why}")]
    NotRetired { host: String, why: String },
    #[error("the journal cannot be written: {0}")]
    Journal(#[from] std::io::Error),
    /// Somebody changed something between the plan and the lock.
    #[error("the hosts moved since the plan was shown ({0}); nothing was done, run `hacluster apply` again")]
    Moved(String),
    /// More than one cluster answers.
    #[error("the hosts are not one cluster: {0}; nothing was done")]
    Divided(String),
    /// Files that came up between the plan and the lock.
    #[error("these are not hacluster's and are in the way: {0}; nothing was done")]
    Foreign(String),
    /// Somebody rotated and applied between the plan and the lock.
    #[error(transparent)]
    Outdated(#[from] Outdated),
    #[error(transparent)]
    Problems(#[from] Problems),
}

/// Seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs())
}
