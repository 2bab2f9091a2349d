//! Owns encryption at rest: who may read a file, what it is read with, and the
//! `age` program that does both. Must not know what is encrypted.

mod identity;
mod program;
mod recipient;

pub use identity::{Identity, candidates};
pub use program::{Age, open, seal};
pub use recipient::check as check_recipient;

/// Why something cannot be encrypted or read.
#[derive(Debug, thiserror::Error)]
pub enum AgeError {
    #[error(
        "the program age is not installed here; it encrypts and decrypts (Debian, Ubuntu: apt-get install age)"
    )]
    NoProgram,
    #[error(
        "no key to read it with; name one with --identity FILE or HACLUSTER_AGE_KEY_FILE (looked for {looked})"
    )]
    NoIdentity { looked: String },
    #[error("{path}: readable by others (mode {mode:04o}), so it is not used; run `chmod 600 {path}`")]
    OpenIdentity { path: String, mode: u32 },
    #[error("{path}: {why}")]
    BadIdentity { path: String, why: &'static str },
    #[error("{path}: {source}")]
    Io { path: String, source: std::io::Error },
    #[error("it is encrypted to none of the keys here ({keys})")]
    NotForUs { keys: String },
    #[error("the key {key} is locked with a passphrase that nobody gave")]
    Locked { key: String },
    #[error("it was changed or cut since it was encrypted; restore it from git or a backup")]
    Damaged,
    /// The program's own words. It never repeats what it encrypts.
    #[error("age says: {0}")]
    Said(String),
}

impl AgeError {
    /// Whether only the means to read are lacking: what needs no secrets goes on.
    pub fn lacks_key(&self) -> bool {
        matches!(
            self,
            Self::NoProgram | Self::NoIdentity { .. } | Self::NotForUs { .. } | Self::Locked { .. }
        )
    }
}
