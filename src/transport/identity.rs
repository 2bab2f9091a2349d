//! Owns what we log in with: private key files and the certificates beside
//! them, read once for all hosts. Must not know hosts, nor who is asked for a
//! passphrase.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use russh::keys::{self, Certificate, PrivateKey, PublicKey};

use super::certificate;
use crate::secret::Secret;

/// Everything we can log in with.
#[derive(Debug, Clone, Default)]
pub struct Keyring {
    /// Offered in this order.
    pub identities: Vec<Identity>,
    /// Public halves of locked files: an agent's keys to offer first.
    pub locked: Vec<PublicKey>,
    /// Files that are of no use, with the reason, for messages.
    pub skipped: Vec<String>,
    /// Socket of an SSH agent (`SSH_AUTH_SOCK`), asked after the files.
    pub agent: Option<PathBuf>,
}

/// A private key that can sign.
#[derive(Debug, Clone)]
pub struct Identity {
    pub(super) path: PathBuf,
    pub(super) key: Arc<PrivateKey>,
    /// The certificate beside it, or why it is not shown.
    pub(super) certificate: Option<Result<Arc<Certificate>, String>>,
}

/// A private key that is locked with a passphrase.
#[derive(Debug, Clone)]
pub struct Locked {
    pub path: PathBuf,
    /// Formats older than OpenSSH's own hide it.
    pub public: Option<PublicKey>,
    text: Secret,
}

/// What a key file holds.
#[derive(Debug, Clone)]
pub enum KeyFile {
    Absent,
    Open(Identity),
    Locked(Locked),
}

/// A key file that cannot be used. ssh refuses these too.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("the key {} has mode {mode:04o}: others can read it", path.display())]
    Permissions { path: PathBuf, mode: u32 },
    #[error("cannot use the key {}: {why}", path.display())]
    Unusable { path: PathBuf, why: String, fix: String },
    #[error("that is not the passphrase of {}", path.display())]
    WrongPassphrase { path: PathBuf },
}

impl KeyError {
    /// What to do about it.
    pub fn fix(&self) -> String {
        match self {
            Self::Permissions { path, .. } => format!("chmod 600 {}", path.display()),
            Self::Unusable { fix, .. } => fix.clone(),
            Self::WrongPassphrase { path } => format!("try again, or `ssh-add {}`", path.display()),
        }
    }
}

/// Reads a key file.
pub fn read(path: &Path) -> Result<KeyFile, KeyError> {
    let unusable =
        |why: String, fix: &str| KeyError::Unusable { path: path.to_owned(), why, fix: fix.into() };
    let cannot_read = |error: io::Error| unusable(error.to_string(), "name a key file this user can read");
    let mode = match std::fs::metadata(path) {
        Ok(metadata) => metadata.permissions().mode() & 0o7777,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(KeyFile::Absent),
        Err(error) => return Err(cannot_read(error)),
    };
    if mode & 0o077 != 0 {
        return Err(KeyError::Permissions { path: path.to_owned(), mode });
    }
    let text = Secret::new(std::fs::read_to_string(path).map_err(cannot_read)?);
    if text.expose().trim_start().starts_with("PuTTY-User-Key-File") {
        let fix = "`puttygen FILE -O private-openssh -o NEW` makes one ssh and hacluster can read";
        return Err(unusable("it is a key of PuTTY".into(), fix));
    }
    match keys::decode_secret_key(text.expose(), None) {
        Ok(key) => Identity::new(path, key).map(KeyFile::Open),
        Err(keys::Error::KeyIsEncrypted) => {
            let public = PrivateKey::from_openssh(text.expose()).ok().map(|key| key.public_key().clone());
            let public = public.or_else(|| keys::load_public_key(beside(path, ".pub")).ok());
            Ok(KeyFile::Locked(Locked { path: path.to_owned(), public, text }))
        }
        Err(error) => Err(unusable(
            format!("it is no private key we can read ({error})"),
            "name the private key, not the .pub; `ssh-keygen -t ed25519` makes one",
        )),
    }
}

/// The file that `ssh-keygen` writes beside a private key.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

impl Locked {
    pub fn unlock(&self, passphrase: &Secret) -> Result<Identity, KeyError> {
        let wrong = || KeyError::WrongPassphrase { path: self.path.clone() };
        let key = keys::decode_secret_key(self.text.expose(), Some(passphrase.expose()));
        let key = key.ok().filter(|key| !key.is_encrypted()).ok_or_else(wrong)?;
        Identity::new(&self.path, key)
    }
}

impl Identity {
    fn new(path: &Path, key: PrivateKey) -> Result<Self, KeyError> {
        if key.algorithm().as_str().starts_with("sk-") {
            return Err(KeyError::Unusable {
                path: path.to_owned(),
                why: "it stays on a security key, which only an agent can ask".into(),
                fix: format!("start an agent (`eval $(ssh-agent)`), then `ssh-add {}`", path.display()),
            });
        }
        let certificate = Certificate::read_file(&beside(path, "-cert.pub")).ok();
        let certificate = certificate.map(|certificate| {
            certificate::belongs_to(&certificate, key.public_key().key_data(), now())?;
            Ok(Arc::new(certificate))
        });
        Ok(Self { path: path.to_owned(), key: Arc::new(key), certificate })
    }
}

/// Seconds since 1970.
pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |passed| passed.as_secs())
}
