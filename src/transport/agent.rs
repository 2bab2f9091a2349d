//! Owns the talk with an SSH agent: what it holds, and that it signs for us.
//! Must not know key files, nor which key a host accepts.

use std::path::Path;

use russh::client::Handle;
use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::AgentClient;
use russh::keys::{self, PublicKey};
use tokio::net::UnixStream;

use super::handshake::HostKeyGuard;

/// What an agent holds. An agent that does not answer holds nothing.
pub async fn held(socket: &Path) -> Vec<PublicKey> {
    let Ok(mut agent) = AgentClient::connect_uds(socket).await else { return Vec::new() };
    let identities = agent.request_identities().await.unwrap_or_default();
    identities.into_iter().map(|identity| identity.public_key().into_owned()).collect()
}

/// An agent that is bound to one connection, and what it holds.
pub(super) async fn ask(
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
