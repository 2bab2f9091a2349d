//! Owns the login: key files in order, then the agent.
//! Must not know host keys, channels, or where key files come from.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use russh::client::{AuthResult, Handle};
use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::AgentClient;
use russh::keys::{self, Algorithm, HashAlg, PrivateKey, PrivateKeyWithHashAlg};
use tokio::net::UnixStream;

use super::error::TransportError;
use super::handshake::{HostKeyGuard, unreachable};
use super::known_hosts::fingerprint;
use super::target::Target;

/// Logs in with the first key the host accepts.
pub(super) async fn login(handle: &mut Handle<HostKeyGuard>, target: &Target) -> Result<(), TransportError> {
    let mut tried = Vec::new();
    for path in &target.keys {
        let shown = path.display();
        let key = match load(target, path)? {
            Loaded::Key(key) => key,
            Loaded::Absent => {
                tried.push(format!("{shown} (no such file)"));
                continue;
            }
            Loaded::Encrypted => {
                tried.push(format!("{shown} (needs its passphrase: `ssh-add {shown}`)"));
                continue;
            }
        };
        let hash = rsa_hash(handle, &key.algorithm()).await;
        let with_hash = PrivateKeyWithHashAlg::new(Arc::clone(&key), hash);
        match handle.authenticate_publickey(&target.user, with_hash).await {
            Ok(AuthResult::Success) => return Ok(()),
            Ok(AuthResult::Failure { .. }) => {
                tried.push(format!("{shown} ({})", fingerprint(key.public_key())));
            }
            Err(error) => return Err(cut(target, tried, &error.to_string())),
        }
    }
    if try_agent(handle, target, &mut tried).await? {
        return Ok(());
    }
    Err(refused(target, tried))
}

enum Loaded {
    Key(Arc<PrivateKey>),
    Absent,
    /// Locked, but the agent may hold it.
    Encrypted,
}

fn load(target: &Target, path: &Path) -> Result<Loaded, TransportError> {
    let node = || target.name.clone();
    let broken = |why: String, fix: &str| TransportError::KeyFile {
        node: node(),
        path: path.to_owned(),
        why,
        fix: fix.to_owned(),
    };
    let mode = match std::fs::metadata(path) {
        Ok(metadata) => metadata.permissions().mode() & 0o7777,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Loaded::Absent),
        Err(error) => return Err(broken(error.to_string(), "name a key file this user can read")),
    };
    if mode & 0o077 != 0 {
        return Err(TransportError::KeyPermissions { node: node(), path: path.to_owned(), mode });
    }
    match keys::load_secret_key(path, None) {
        Ok(key) if !key.is_encrypted() => Ok(Loaded::Key(Arc::new(key))),
        Ok(_) | Err(keys::Error::KeyIsEncrypted) if target.agent.is_some() => Ok(Loaded::Encrypted),
        Ok(_) | Err(keys::Error::KeyIsEncrypted) => {
            let fix = format!("start an agent (`eval $(ssh-agent)`), then `ssh-add {}`", path.display());
            Err(broken("it has a passphrase, and no agent is running".into(), &fix))
        }
        Err(keys::Error::IO(error)) => Err(broken(error.to_string(), "name a key file this user can read")),
        Err(error) => Err(broken(
            format!("it is no private key we can read ({error})"),
            "name the private key, not the .pub; `ssh-keygen -t ed25519` makes one",
        )),
    }
}

/// RSA keys sign with SHA-2. Asking the host what it takes can last 1 s, so
/// only RSA keys ask.
async fn rsa_hash(handle: &Handle<HostKeyGuard>, algorithm: &Algorithm) -> Option<HashAlg> {
    if !matches!(algorithm, Algorithm::Rsa { .. }) {
        return None;
    }
    let best = handle.best_supported_rsa_hash().await.ok().flatten().flatten();
    Some(best.unwrap_or(HashAlg::Sha256))
}

async fn try_agent(
    handle: &mut Handle<HostKeyGuard>,
    target: &Target,
    tried: &mut Vec<String>,
) -> Result<bool, TransportError> {
    let Some(socket) = &target.agent else { return Ok(false) };
    let (mut agent, identities) = match ask_agent(handle, socket).await {
        Ok(found) => found,
        Err(error) => {
            tried.push(format!("agent {} ({error})", socket.display()));
            return Ok(false);
        }
    };
    if identities.is_empty() {
        tried.push("agent (holds no key: `ssh-add`)".into());
    }
    for identity in identities {
        // A certificate's plain key is tried too, as ssh does.
        let key = identity.public_key().into_owned();
        let hash = rsa_hash(handle, &key.algorithm()).await;
        let shown = format!("agent {}", fingerprint(&key));
        match handle.authenticate_publickey_with(&target.user, key, hash, &mut agent).await {
            Ok(AuthResult::Success) => return Ok(true),
            Ok(AuthResult::Failure { .. }) if handle.is_closed() => {
                return Err(cut(target, std::mem::take(tried), "closed"));
            }
            Ok(AuthResult::Failure { .. }) => tried.push(shown),
            Err(error) => tried.push(format!("{shown} ({error})")),
        }
    }
    Ok(false)
}

async fn ask_agent(
    handle: &Handle<HostKeyGuard>,
    socket: &Path,
) -> Result<(AgentClient<UnixStream>, Vec<AgentIdentity>), keys::Error> {
    let mut agent = AgentClient::connect_uds(socket).await?;
    if let Some(binding) = handle.agent_session_binding() {
        // Keys bound to a destination need it; agents before OpenSSH 8.9 refuse.
        let _ = agent.bind_session(binding, false).await;
    }
    let identities = agent.request_identities().await?;
    Ok((agent, identities))
}

/// The host ended the talk: after some tries that is `MaxAuthTries` (6 by default).
fn cut(target: &Target, mut tried: Vec<String>, why: &str) -> TransportError {
    if tried.is_empty() {
        return unreachable(target, &format!("the connection was closed during the login: {why}"));
    }
    tried.push("then the host hung up: too many keys (MaxAuthTries)".into());
    refused(target, tried)
}

fn refused(target: &Target, mut tried: Vec<String>) -> TransportError {
    if tried.is_empty() {
        tried.push("nothing: no key file and no agent given".into());
    }
    TransportError::AuthFailed {
        node: target.name.clone(),
        peer: target.peer(),
        user: target.user.clone(),
        tried,
    }
}
