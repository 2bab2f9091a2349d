//! Owns what is needed to reach a host: where it is, which keys, which limits.
//! Must not know inventories, environment variables or home directories' owners.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

/// One host, as the caller found it in its own data.
#[derive(Debug, Clone)]
pub struct Target {
    /// Used in messages only; known hosts are looked up by address.
    pub name: String,
    pub address: IpAddr,
    pub port: u16,
    pub user: String,
    /// Private key files, tried in this order. See [`expand_home`].
    pub keys: Vec<PathBuf>,
    /// Socket of an SSH agent (`SSH_AUTH_SOCK`), tried after the files.
    pub agent: Option<PathBuf>,
    pub known_hosts: PathBuf,
    /// Bound of each of: TCP connect; key exchange and login; opening a channel.
    pub connect_timeout: Duration,
}

impl Target {
    /// `address:port`, brackets around IPv6.
    pub fn peer(&self) -> String {
        std::net::SocketAddr::new(self.address, self.port).to_string()
    }
}

/// Limits shared by all connections of a process.
#[derive(Debug, Clone)]
pub struct Limits {
    pub(super) handshakes: Arc<Semaphore>,
}

impl Limits {
    /// At most `2 × cores` handshakes at once: they are bound by our CPU
    /// (about 25 ms each; measured, `knowledge/rust.md` B2).
    pub fn new(cores: usize) -> Self {
        Self { handshakes: Arc::new(Semaphore::new(2 * cores.max(1))) }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::new(std::thread::available_parallelism().map_or(2, std::num::NonZero::get))
    }
}

/// Replaces a leading `~` by `home`. `~other` is left as it is.
pub fn expand_home(path: &Path, home: &Path) -> PathBuf {
    path.strip_prefix("~").map_or_else(|_| path.to_owned(), |rest| home.join(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_users_own_tilde_is_expanded() {
        let expand = |path: &str| expand_home(Path::new(path), Path::new("/home/me")).display().to_string();
        assert_eq!(expand("~/.ssh/id_ed25519"), "/home/me/.ssh/id_ed25519");
        assert_eq!(expand("~other/key"), "~other/key");
        assert_eq!(expand("/etc/~/key"), "/etc/~/key");
        assert_eq!(expand("keys/id"), "keys/id");
    }

    #[test]
    fn an_ipv6_peer_has_brackets() {
        let target = Target {
            name: "n".into(),
            address: "fd00::1".parse().unwrap(),
            port: 22,
            user: "root".into(),
            keys: vec![],
            agent: None,
            known_hosts: PathBuf::new(),
            connect_timeout: Duration::ZERO,
        };
        assert_eq!(target.peer(), "[fd00::1]:22");
    }
}
