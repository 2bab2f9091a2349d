//! Owns the login: certificates and keys of files in order, then the agent's.
//! Must not know host keys, channels, or how key files are read.

use russh::client::{AuthResult, Handle};
use russh::keys::agent::AgentIdentity;
use russh::keys::signature::Signer as _;
use russh::keys::ssh_key::encoding::Encode;
use russh::keys::ssh_key::private::KeypairData;
use russh::keys::{self, HashAlg, PrivateKey, PublicKey};
use russh::{AgentAuthError, Signer};

use super::agent;
use super::error::TransportError;
use super::handshake::{HostKeyGuard, unreachable};
use super::identity::Identity;
use super::known_hosts::fingerprint;
use super::target::Target;

/// Logs in with the first key the host accepts.
pub(super) async fn login(handle: &mut Handle<HostKeyGuard>, target: &Target) -> Result<(), TransportError> {
    let mut login = Login { handle, target, tried: target.keyring.skipped.clone() };
    for identity in &target.keyring.identities {
        if login.with_file(identity).await? {
            return Ok(());
        }
    }
    if login.with_agent().await? {
        return Ok(());
    }
    Err(refused(target, login.tried))
}

struct Login<'a> {
    handle: &'a mut Handle<HostKeyGuard>,
    target: &'a Target,
    /// What did not open the door, for people.
    tried: Vec<String>,
}

impl Login<'_> {
    /// The certificate first, as ssh does.
    async fn with_file(&mut self, identity: &Identity) -> Result<bool, TransportError> {
        let path = identity.path.display();
        let mut signer = FileSigner(&identity.key);
        match &identity.certificate {
            Some(Ok(certificate)) => {
                let names = certificate.valid_principals().join(", ");
                let shown = format!("{path}-cert.pub (a certificate for {names})");
                if self.offer(certificate.as_ref().clone().into(), &mut signer, shown).await? {
                    return Ok(true);
                }
            }
            Some(Err(why)) => self.tried.push(format!("{path}-cert.pub (not shown: it {why})")),
            None => {}
        }
        let key = identity.key.public_key().clone();
        let shown = format!("{path} ({})", fingerprint(key.key_data()));
        self.offer(key.into(), &mut signer, shown).await
    }

    /// Keys of locked files first: those were named.
    async fn with_agent(&mut self) -> Result<bool, TransportError> {
        let keyring = &self.target.keyring;
        let Some(socket) = &keyring.agent else { return Ok(false) };
        let (mut agent, mut identities) = match agent::ask(self.handle, socket).await {
            Ok(found) => found,
            Err(error) => {
                self.tried.push(format!("agent {} ({error})", socket.display()));
                return Ok(false);
            }
        };
        if identities.is_empty() {
            self.tried.push("agent (holds no key: `ssh-add`)".into());
        }
        let is =
            |identity: &AgentIdentity, key: &PublicKey| identity.public_key().key_data() == key.key_data();
        let from_file = |identity: &AgentIdentity| {
            keyring.identities.iter().any(|file| is(identity, file.key.public_key()))
        };
        identities.retain(|identity| !from_file(identity));
        identities.sort_by_key(|identity| !keyring.locked.iter().any(|key| is(identity, key)));
        for identity in identities {
            let kind =
                if matches!(identity, AgentIdentity::Certificate { .. }) { "certificate for " } else { "" };
            let shown = format!("agent {kind}{}", fingerprint(identity.public_key().key_data()));
            if self.offer(identity, &mut agent, shown).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether the host lets us in with this. It fails where the host ended
    /// the talk.
    async fn offer<S>(
        &mut self,
        what: AgentIdentity,
        signer: &mut S,
        shown: String,
    ) -> Result<bool, TransportError>
    where
        S: Signer<Error = AgentAuthError>,
    {
        let (user, hash) = (self.target.user.as_str(), self.hash(&what).await);
        let answer = match what {
            AgentIdentity::PublicKey { key, .. } => {
                self.handle.authenticate_publickey_with(user, key, hash, signer).await
            }
            AgentIdentity::Certificate { certificate, .. } => {
                self.handle.authenticate_certificate_with(user, certificate, hash, signer).await
            }
        };
        match answer {
            Ok(AuthResult::Success) => return Ok(true),
            Ok(AuthResult::Failure { .. }) if self.handle.is_closed() => return Err(self.cut()),
            Ok(AuthResult::Failure { .. }) => self.tried.push(shown),
            Err(AgentAuthError::Key(error)) => self.tried.push(format!("{shown} ({error})")),
            Err(AgentAuthError::Send(_)) => return Err(self.cut()),
        }
        Ok(false)
    }

    /// RSA keys sign with SHA-2. Asking the host what it takes can last 1 s, so
    /// only RSA keys ask.
    async fn hash(&self, what: &AgentIdentity) -> Option<HashAlg> {
        if !what.public_key().algorithm().is_rsa() {
            return None;
        }
        let best = self.handle.best_supported_rsa_hash().await.ok().flatten().flatten();
        Some(best.unwrap_or(HashAlg::Sha256))
    }

    /// The host ended the talk: after some tries that is `MaxAuthTries` (6 by default).
    fn cut(&mut self) -> TransportError {
        let mut tried = std::mem::take(&mut self.tried);
        if tried.len() <= self.target.keyring.skipped.len() {
            return unreachable(self.target, "the connection was closed during the login");
        }
        tried.push("then the host hung up: too many keys (MaxAuthTries)".into());
        refused(self.target, tried)
    }
}

/// Signs with the key of a file, as an agent would.
struct FileSigner<'a>(&'a PrivateKey);

impl Signer for FileSigner<'_> {
    type Error = AgentAuthError;

    fn auth_sign(
        &mut self,
        _what: &AgentIdentity,
        hash: Option<HashAlg>,
        mut data: Vec<u8>,
    ) -> impl Future<Output = Result<Vec<u8>, AgentAuthError>> + Send {
        let signed = match self.0.key_data() {
            KeypairData::Rsa(pair) => (pair, hash).try_sign(&data),
            pair => pair.try_sign(&data),
        };
        let signed = signed.map_err(keys::ssh_key::Error::from).map_err(keys::Error::from);
        let signed = signed.and_then(|signature| Ok(signature.encode_prefixed(&mut data)?)).map(|()| data);
        std::future::ready(signed.map_err(AgentAuthError::from))
    }
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
