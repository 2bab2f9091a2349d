//! Owns the key exchange: algorithms offered, keepalives, the host key's check.
//! Must not know how known-hosts lines are read, nor how we log in.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use russh::client::{self, Config, Handle};
use russh::keys::{Algorithm, HashAlg, PublicKey, PublicKeyOrCertificate};
use russh::{AlgorithmKind, Preferred, cipher};

use super::dial::{Notes, Pipe};
use super::error::{ChangedKey, TransportError, UnknownKey};
use super::identity::now;
use super::known_hosts::{self, KnownHosts, Lookup, Pin, Verdict};
use super::offer::Offered;
use super::pin::pin;
use super::target::Target;

/// A silent peer is given up after 20 s: a question each 5 s, three unanswered
/// (ssh's `ServerAliveInterval 5`, `ServerAliveCountMax 3`).
const KEEPALIVE: Duration = Duration::from_secs(5);
const KEEPALIVE_MAX: usize = 3;

/// Host key algorithms we take, best first. No `ssh-rsa`: it signs with SHA-1.
const HOST_KEYS: [Algorithm; 6] = [
    Algorithm::Ed25519,
    Algorithm::Ecdsa { curve: russh::keys::EcdsaCurve::NistP256 },
    Algorithm::Ecdsa { curve: russh::keys::EcdsaCurve::NistP384 },
    Algorithm::Ecdsa { curve: russh::keys::EcdsaCurve::NistP521 },
    Algorithm::Rsa { hash: Some(HashAlg::Sha512) },
    Algorithm::Rsa { hash: Some(HashAlg::Sha256) },
];

/// Fastest first (upload: 759 MB/s against 532 and 298, measured).
const CIPHERS: [cipher::Name; 5] = [
    cipher::AES_256_GCM,
    cipher::CHACHA20_POLY1305,
    cipher::AES_256_CTR,
    cipher::AES_192_CTR,
    cipher::AES_128_CTR,
];

/// Exchanges keys over `stream` and checks the host's.
/// Without `notes` no key is pinned, whatever the target says.
pub(super) async fn connect(
    target: &Target,
    stream: Pipe,
    notes: Option<&Notes>,
) -> Result<Handle<HostKeyGuard>, TransportError> {
    let known = read_known_hosts(target)?;
    let lookup = Lookup::new(&target.address, target.port);
    let pins: Vec<Pin> = known.pins(&lookup).collect();
    let certificates = if known.has_authority(&lookup) { HOST_KEYS.to_vec() } else { Vec::new() };
    let config = Config {
        preferred: Preferred {
            key: Cow::Owned(offered(&pins)),
            host_key_certificates: Cow::Owned(certificates),
            cipher: Cow::Borrowed(&CIPHERS),
            ..Preferred::DEFAULT
        },
        keepalive_interval: Some(KEEPALIVE),
        keepalive_max: KEEPALIVE_MAX,
        nodelay: true,
        ..Config::default()
    };
    let guard = HostKeyGuard { target: target.clone(), known, lookup, notes: notes.cloned() };
    match client::connect_stream(Arc::new(config), stream, guard.clone()).await {
        Ok(handle) => Ok(handle),
        Err(Refusal::HostKey(error)) => Err(*error),
        Err(Refusal::Ssh(russh::Error::NoCommonAlgo { kind: AlgorithmKind::Key, theirs, .. }))
            if !pins.is_empty() =>
        {
            let shown = format!("no key of that type, but {}", theirs.join(", "));
            Err(guard.changed(&pins[0], shown, "/etc/ssh/ssh_host_ed25519_key.pub".to_owned()))
        }
        Err(Refusal::Ssh(error)) => Err(unreachable(target, &explain(&error))),
    }
}

/// Only types that are pinned for this host, or whoever is in between would
/// show another. Every type where none is.
fn offered(pins: &[Pin]) -> Vec<Algorithm> {
    let rsa = |algorithm: &Algorithm| matches!(algorithm, Algorithm::Rsa { .. });
    let is_pinned = |offered: &&Algorithm| {
        let pinned = pins.iter().map(|pin| pin.key.algorithm());
        pinned.into_iter().any(|pin| pin == **offered || (rsa(offered) && rsa(&pin)))
    };
    let only: Vec<Algorithm> = HOST_KEYS.iter().filter(is_pinned).cloned().collect();
    if only.is_empty() { HOST_KEYS.to_vec() } else { only }
}

fn read_known_hosts(target: &Target) -> Result<KnownHosts, TransportError> {
    KnownHosts::read(&target.known_hosts).map_err(|(file, error)| TransportError::Io {
        node: target.name.clone(),
        what: format!("read {}", file.display()),
        why: error.to_string(),
    })
}

/// Checks the host key during the key exchange.
#[derive(Clone)]
pub(super) struct HostKeyGuard {
    target: Target,
    known: KnownHosts,
    lookup: Lookup,
    notes: Option<Notes>,
}

/// Why the key exchange ended.
#[derive(Debug)]
pub(super) enum Refusal {
    HostKey(Box<TransportError>),
    Ssh(russh::Error),
}

impl From<russh::Error> for Refusal {
    fn from(error: russh::Error) -> Self {
        Self::Ssh(error)
    }
}

impl client::Handler for HostKeyGuard {
    type Error = Refusal;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, Refusal> {
        let key = shown.public_key();
        let verdict = match shown.certificate() {
            Some(certificate) => self.known.judge_certificate(&self.lookup, certificate, now()),
            None => self.known.judge(&self.lookup, &key),
        };
        if matches!(&verdict, Verdict::Unknown { note } if note.is_empty()) && self.accept_new(&key)? {
            return Ok(true);
        }
        match self.refusal(verdict, &key) {
            None => Ok(true),
            Some(error) => Err(Refusal::HostKey(Box::new(error))),
        }
    }
}

impl HostKeyGuard {
    /// Pins a key that nothing speaks for or against, where that is asked for.
    fn accept_new(&self, key: &PublicKey) -> Result<bool, Refusal> {
        let target = &self.target;
        let (Some(notes), Some(file), true) = (&self.notes, target.known_hosts.first(), target.accept_new)
        else {
            return Ok(false);
        };
        pin(target, file, &Offered::new(key.clone())).map_err(|error| {
            let (node, what) = (target.name.clone(), format!("write {}", file.display()));
            Refusal::HostKey(Box::new(TransportError::Io { node, what, why: error.to_string() }))
        })?;
        let shown = known_hosts::show(key);
        notes.push(format!("{}: its host key was not known and is pinned now: {shown}", target.name));
        Ok(true)
    }

    fn refusal(&self, verdict: Verdict, key: &PublicKey) -> Option<TransportError> {
        let target = &self.target;
        let (node, peer, shown) = (target.name.clone(), target.peer(), known_hosts::show(key));
        Some(match verdict {
            Verdict::Trusted => return None,
            Verdict::Changed { pin } => self.changed(&pin, shown, known_hosts::key_file(key)),
            Verdict::Revoked { place } => TransportError::HostKeyRevoked { node, peer, place, shown },
            Verdict::Unknown { note } => {
                let file = target.known_hosts.first().cloned().unwrap_or_default();
                let key_file = known_hosts::key_file(key);
                TransportError::HostKeyUnknown(Box::new(UnknownKey {
                    node,
                    peer,
                    shown,
                    file,
                    key_file,
                    note,
                }))
            }
        })
    }

    fn changed(&self, pin: &Pin, shown: String, key_file: String) -> TransportError {
        TransportError::HostKeyChanged(Box::new(ChangedKey {
            node: self.target.name.clone(),
            peer: self.target.peer(),
            place: pin.place.clone(),
            pinned: known_hosts::show(&pin.key),
            shown,
            key_file,
        }))
    }
}

/// No conversation: says what that usually means.
pub(super) fn unreachable(target: &Target, why: &str) -> TransportError {
    let fix = if why.contains("forbids") {
        "allow it there: `AllowTcpForwarding local`, and no PermitOpen that leaves this host out".into()
    } else if why.contains("refused") {
        format!("is sshd running and listening on port {}?", target.port)
    } else if why.contains("reset") || why.contains("closed") {
        "sshd cut the connection: is it starting up, is MaxStartups or a firewall in the way, or were many \
         connections broken off (PerSourcePenalties, over within a minute)?"
            .into()
    } else if why.contains("common") {
        "sshd offers nothing both sides accept: update OpenSSH on the host".into()
    } else {
        "is the host up, the address right, and no firewall in between?".into()
    };
    TransportError::Unreachable { node: target.name.clone(), peer: target.peer(), why: why.into(), fix }
}

fn explain(error: &russh::Error) -> String {
    match error {
        russh::Error::Disconnect | russh::Error::HUP => {
            "the connection was closed during the key exchange".into()
        }
        other => other.to_string(),
    }
}
