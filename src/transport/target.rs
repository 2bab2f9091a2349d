//! Owns what is needed to reach a host: where it is, which keys, which limits.
//! Must not know inventories, environment variables or home directories' owners.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::identity::Keyring;

/// One host, as the caller found it in its own data.
#[derive(Debug, Clone)]
pub struct Target {
    /// Used in messages only; known hosts are looked up by address.
    pub name: String,
    /// An IP address; of a jump host also a name.
    pub address: String,
    pub port: u16,
    pub user: String,
    /// What logs in, here and on the jump hosts before.
    pub keyring: Arc<Keyring>,
    /// Files of host keys, all of which count; new pins go into the first.
    pub known_hosts: Vec<PathBuf>,
    /// Pin the key of a host that none of them knows, as ssh's `accept-new`.
    pub accept_new: bool,
    /// Bound of each of: key exchange and login; opening a channel. Jump hosts
    /// have bounds of their own.
    pub connect_timeout: Duration,
    /// The jump host it is reached through, perhaps behind another one.
    pub via: Option<Arc<Target>>,
}

impl Target {
    /// Tells connections apart: two targets with one route are one host to us.
    pub(super) fn route(&self) -> String {
        let before = self.via.as_ref().map(|via| format!("{} > ", via.route())).unwrap_or_default();
        format!("{before}{}@{}", self.user, self.peer())
    }

    /// `address:port`, brackets around IPv6.
    pub fn peer(&self) -> String {
        if self.address.contains(':') {
            format!("[{}]:{}", self.address, self.port)
        } else {
            format!("{}:{}", self.address, self.port)
        }
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
            address: "fd00::1".into(),
            port: 22,
            user: "root".into(),
            keyring: Arc::default(),
            known_hosts: vec![],
            accept_new: false,
            connect_timeout: Duration::ZERO,
            via: None,
        };
        assert_eq!(target.peer(), "[fd00::1]:22");
        let behind = Target { address: "n2".into(), via: Some(Arc::new(target.clone())), ..target };
        assert_eq!(behind.route(), "root@[fd00::1]:22 > root@n2:22");
    }
}
