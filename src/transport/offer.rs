//! Owns what a host shows before anybody trusts it: its host keys, and what
//! known-hosts files say of them. Logs in nowhere and trusts nothing.

use std::borrow::Cow;
use std::sync::Arc;

use russh::Preferred;
use russh::client::{self, Config};
use russh::keys::{Algorithm, EcdsaCurve, HashAlg, PublicKey, PublicKeyOrCertificate};
use tokio::time::timeout;

use super::dial::Dialer;
use super::error::TransportError;
use super::handshake::{self, unreachable};
use super::known_hosts;
use super::target::Target;

/// A key that a host offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offered {
    /// `ssh-ed25519`
    pub kind: String,
    /// `SHA256:...`
    pub fingerprint: String,
    /// Where the host keeps its public half.
    pub file: String,
    pub(super) key: PublicKey,
}

impl Offered {
    pub(super) fn new(key: PublicKey) -> Self {
        Self {
            kind: key.algorithm().as_str().to_owned(),
            fingerprint: known_hosts::fingerprint(key.key_data()),
            file: known_hosts::key_file(&key),
            key,
        }
    }
}

/// The kinds of keys a host may have, best first; it shows one of a kind a time.
fn families() -> [Vec<Algorithm>; 3] {
    let curve = |curve| Algorithm::Ecdsa { curve };
    let rsa = |hash| Algorithm::Rsa { hash: Some(hash) };
    [
        vec![Algorithm::Ed25519],
        vec![curve(EcdsaCurve::NistP256), curve(EcdsaCurve::NistP384), curve(EcdsaCurve::NistP521)],
        vec![rsa(HashAlg::Sha512), rsa(HashAlg::Sha256)],
    ]
}

/// The host keys of `target`, best first, up to the first that is `enough`: one
/// key exchange a kind, each ended as soon as the key was shown. OpenSSH counts
/// broken-off exchanges against a client (`PerSourcePenalties`), so none too many.
pub async fn offered(
    target: &Target,
    dialer: &Dialer,
    enough: impl Fn(&Offered) -> bool,
) -> Result<Vec<Offered>, TransportError> {
    let mut keys: Vec<Offered> = Vec::new();
    let mut last = None;
    for family in families() {
        match look(target, dialer, family).await {
            Ok(key) => keys.push(Offered::new(key)),
            Err(error) => last = Some(error),
        }
        if keys.last().is_some_and(&enough) {
            break;
        }
    }
    match last {
        Some(error) if keys.is_empty() => Err(error),
        _ => Ok(keys),
    }
}

/// What stands against trusting the host as it is; nothing where it is known.
pub async fn recognise(target: &Target, dialer: &Dialer) -> Result<(), TransportError> {
    let exchange = async {
        let pipe = dialer.pipe(target).await?;
        handshake::connect(target, pipe, None).await.map(drop)
    };
    within(target, exchange).await
}

async fn look(target: &Target, dialer: &Dialer, family: Vec<Algorithm>) -> Result<PublicKey, TransportError> {
    let config = Config {
        preferred: Preferred { key: Cow::Owned(family), ..Preferred::DEFAULT },
        nodelay: true,
        ..Config::default()
    };
    let exchange = async {
        let pipe = dialer.pipe(target).await?;
        match client::connect_stream(Arc::new(config), pipe, Witness).await {
            Err(Seen::Key(key)) => Ok(*key),
            Err(Seen::Error(error)) => Err(unreachable(target, &error.to_string())),
            Ok(_) => Err(unreachable(target, "it showed no host key")),
        }
    };
    within(target, exchange).await
}

async fn within<T>(
    target: &Target,
    exchange: impl Future<Output = Result<T, TransportError>>,
) -> Result<T, TransportError> {
    let limit = target.connect_timeout;
    let why = || unreachable(target, &format!("no key exchange in {} s", limit.as_secs_f32()));
    timeout(limit, exchange).await.map_err(|_| why())?
}

/// Looks at the key and hangs up.
struct Witness;

#[derive(Debug)]
enum Seen {
    Key(Box<PublicKey>),
    Error(russh::Error),
}

impl From<russh::Error> for Seen {
    fn from(error: russh::Error) -> Self {
        Self::Error(error)
    }
}

impl client::Handler for Witness {
    type Error = Seen;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, Seen> {
        Err(Seen::Key(Box::new(shown.public_key())))
    }
}
