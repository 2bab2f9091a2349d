//! Owns the text of a step: a POSIX sh fragment that may hold secrets, so it
//! has no `Display` and travels on stdin only. Must not know any host.

use crate::secret::Secret;

/// Shell functions that every batch begins with.
pub const PRELUDE: &str = concat!(
    include_str!("prelude.sh"),
    include_str!("apt.sh"),
    include_str!("put.sh"),
    include_str!("put_back.sh"),
    include_str!("confirm.sh")
);

/// One step's shell text. It runs in a subshell with `set -eu`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script(Secret);

impl Script {
    pub fn new(text: impl Into<String>) -> Self {
        Self(Secret::new(text))
    }

    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}
