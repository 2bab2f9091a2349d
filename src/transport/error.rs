//! Owns what can go wrong between the control side and a host, and its words.
//! Must not know what was being run, nor how an error is drawn.

use std::path::PathBuf;
use std::time::Duration;

use super::known_hosts::Place;
use super::sudo::Lack;

/// Each message says what failed, where, why, and what to do next.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// No SSH conversation came about. Nothing was run.
    #[error("{node}: cannot reach {peer}: {why}\n{fix}")]
    Unreachable { node: String, peer: String, why: String, fix: String },

    /// A jump host on the way to it fails. Nothing was run.
    #[error("{node}: its jump host {jump} cannot be used\n{why}")]
    Jump { node: String, jump: String, why: Box<TransportError> },

    /// No entry for this address. Nothing was run and no key was offered.
    #[error(transparent)]
    HostKeyUnknown(Box<UnknownKey>),

    /// The host shows another key than the one pinned. Nothing was run.
    #[error(transparent)]
    HostKeyChanged(Box<ChangedKey>),

    /// The key shown is marked `@revoked`. Nothing was run.
    #[error(
        "{node}: the host key of {peer} is revoked by {place}: {shown}\n\
         give the host a new key (`ssh-keygen -A` after deleting the old one) and pin that"
    )]
    HostKeyRevoked { node: String, peer: String, place: Place, shown: String },

    /// The host is who it should be, but refused every key.
    #[error(
        "{node}: {user}@{peer} accepts none of our keys; tried {}\n\
         put one of the public keys into ~{user}/.ssh/authorized_keys on the host, or name the right key in the inventory",
        tried.join(", ")
    )]
    AuthFailed { node: String, peer: String, user: String, tried: Vec<String> },

    /// Took too long. What had been started may still run: probe again.
    #[error("{node}: no end of {what} after {} s; it may still be running there", after.as_secs_f32())]
    Timeout { node: String, what: String, after: Duration },

    /// The connection ended before the exit status came.
    #[error("{node}: the connection was lost {}", if *sent { "during a script: its outcome is unknown, probe again" } else { "before the script was sent: nothing was run" })]
    Disconnected {
        node: String,
        /// `false` only where it is certain that nothing was run.
        sent: bool,
    },

    /// More output than any script of ours has. Its outcome is unknown.
    #[error(
        "{node}: a script wrote more than {limit} bytes to {stream}; it was cut off, its outcome is unknown"
    )]
    TooMuchOutput { node: String, stream: &'static str, limit: usize },

    /// The host refuses more work, or we cannot do our part. Nothing was run.
    #[error("{node}: cannot {what}: {why}")]
    Io { node: String, what: String, why: String },

    /// Not root, and `sudo -n` does not work. Nothing was run.
    #[error(transparent)]
    NoRoot(Box<NoRoot>),
}

/// See [`TransportError::NoRoot`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{node}: {user} cannot become root: {}\n\
     as root on {node}: {}; or log in as root (`user` in cluster.toml)",
    lack.why(),
    lack.fix(user)
)]
pub struct NoRoot {
    pub node: String,
    pub user: String,
    pub lack: Lack,
}

/// See [`TransportError::HostKeyUnknown`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{node}: the host key of {peer} is not known: it shows {shown}, and {file} has no entry for it{note}\n\
     `hacluster hosts trust {node}` takes it; compare it on the host's console before: `ssh-keygen -lf {key_file}`",
    file = file.display()
)]
pub struct UnknownKey {
    pub node: String,
    pub peer: String,
    /// Type and SHA256 fingerprint the host showed.
    pub shown: String,
    pub file: PathBuf,
    /// Where the host keeps the public key shown.
    pub key_file: String,
    /// What else the file says of this host, or empty.
    pub note: String,
}

/// See [`TransportError::HostKeyChanged`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{node}: the host key of {peer} has changed: {place} pins {pinned}, the host shows {shown}\n\
     either the host was installed again, or somebody is in between; if it was, \
     `hacluster hosts trust {node}` takes the new key; compare it on the host's console before: `ssh-keygen -lf {key_file}`"
)]
pub struct ChangedKey {
    pub node: String,
    pub peer: String,
    pub place: Place,
    pub pinned: String,
    pub shown: String,
    /// Where the host keeps the public key shown.
    pub key_file: String,
}

impl TransportError {
    /// Whether something may have been run whose outcome nobody knows.
    pub fn outcome_unknown(&self) -> bool {
        matches!(
            self,
            Self::Timeout { .. } | Self::TooMuchOutput { .. } | Self::Disconnected { sent: true, .. }
        )
    }

    /// Whether the host answers and is not known to be who it should be.
    pub fn is_untrusted(&self) -> bool {
        match self {
            Self::Jump { why, .. } => why.is_untrusted(),
            _ => {
                matches!(
                    self,
                    Self::HostKeyUnknown(_) | Self::HostKeyChanged(_) | Self::HostKeyRevoked { .. }
                )
            }
        }
    }

    /// Whether the host did not answer at all, so that the run goes on without it.
    pub fn is_unreachable(&self) -> bool {
        use TransportError::{Disconnected, Jump, Timeout, Unreachable};
        matches!(self, Unreachable { .. } | Jump { .. } | Disconnected { .. } | Timeout { .. })
    }
}
