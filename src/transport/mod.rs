//! Owns how scripts get to a host and answers back: SSH, this machine, a fake.
//! Must not know resources, facts, inventories, or what a script does.

mod agent;
mod auth;
mod bootstrap;
mod certificate;
mod channel;
mod dial;
mod error;
pub mod fake;
mod handshake;
mod held;
mod host_pattern;
pub mod identity;
pub mod known_hosts;
pub mod local;
mod offer;
mod output;
mod pin;
mod probe;
mod socket;
pub mod ssh;
mod sudo;
mod target;

use std::sync::Arc;
use std::time::Duration;

pub use agent::held as agent_keys;
pub use dial::Dialer;
pub use error::{ChangedKey, NoRoot, TransportError, UnknownKey};
pub use held::Held;
pub use identity::Keyring;
pub use offer::{Offered, offered, recognise};
pub use output::{OUTPUT_LIMIT, OnLine, Output};
pub use pin::pin;
pub use probe::{ProbeText, Probed, Prober, Protection};
pub use russh::keys::PublicKey;
pub use sudo::Lack;
pub use target::{Target, expand_home};

use bootstrap::Stdin;

/// A way to run scripts as root on one host. Dropping a future ends our side;
/// what it had started on the host goes on (probes are killed).
#[derive(Debug)]
pub enum Connection {
    Ssh(ssh::Session),
    Local(local::Local),
    Fake(fake::Fake),
}

impl Connection {
    /// Connects over SSH. At worst this takes 4 s for TCP, a wait for other
    /// handshakes, and `connect_timeout` for the login; jump hosts before that
    /// take as long each.
    pub async fn open(target: &Target, dialer: &Dialer) -> Result<Self, TransportError> {
        ssh::Session::open(target, dialer).await.map(Self::Ssh)
    }

    /// The same host over a new connection. What is no SSH is never lost.
    pub async fn reopen(self: &Arc<Self>) -> Result<Arc<Self>, TransportError> {
        match &**self {
            Self::Ssh(session) => Ok(Arc::new(Self::Ssh(session.reopen().await?))),
            Self::Local(_) | Self::Fake(_) => Ok(Arc::clone(self)),
        }
    }

    /// Runs a POSIX sh script of any size with empty standard input,
    /// `LC_ALL=C`, and shows lines of standard output as they come. A script
    /// that arrives incomplete does not run at all.
    pub async fn run(
        &self,
        script: &str,
        limit: Duration,
        on_line: Option<OnLine<'_>>,
    ) -> Result<Output, TransportError> {
        self.execute(script, Stdin::Empty, limit, on_line).await
    }

    /// Starts a script that stays; its standard input is the lines we send.
    pub async fn hold(&self, script: &str) -> Result<Held, TransportError> {
        match self {
            Self::Ssh(session) => session.hold(script).await,
            Self::Local(local) => local.hold(script).await,
            Self::Fake(fake) => fake.hold(script).await,
        }
    }

    pub async fn close(self) {
        if let Self::Ssh(session) = self {
            session.close().await;
        }
    }

    async fn execute(
        &self,
        script: &str,
        stdin: Stdin,
        limit: Duration,
        on_line: Option<OnLine<'_>>,
    ) -> Result<Output, TransportError> {
        match self {
            Self::Ssh(session) => session.run(script, stdin, limit, on_line).await,
            Self::Local(local) => local.run(script, stdin, limit, on_line).await,
            Self::Fake(fake) => fake.run(script, stdin, limit, on_line).await,
        }
    }
}
