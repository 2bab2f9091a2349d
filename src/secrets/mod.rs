//! Owns a cluster's secrets: which there are, new values, hiding them in texts.
//! Must not know what a secret is used for, nor how files are written.

mod change;
mod disk;
mod store;
mod succession;

use std::collections::BTreeMap;

use rand::distr::{Alphanumeric, SampleString as _};

pub use change::number;
pub use store::{Form, Keys, Store};
pub use succession::{Stage, Succession};

use crate::age::AgeError;
use crate::pki::{Authority, PkiError};
use crate::secret::Secret;

/// Passwords and tokens that are made when the file is.
pub const GENERATED: [&str; 6] = [
    "etcd.root",
    "etcd.patroni",
    "postgres.superuser",
    "postgres.replication",
    "postgres.rewind",
    "patroni.rest",
];
/// What the certificate authority is called among them.
pub const AUTHORITY: &str = "authority";

/// What the cluster's own are for.
pub fn purpose(name: &str) -> Option<&'static str> {
    Some(match name {
        "etcd.root" => "etcd's root, which only hacluster logs in as",
        "etcd.patroni" => "Patroni logs in to etcd",
        "postgres.superuser" => "postgres, the superuser over the network",
        "postgres.replication" => "replicator: replicas log in to the leader",
        "postgres.rewind" => "rewind_user: pg_rewind logs in to the leader",
        "patroni.rest" => "what changes anything through Patroni's REST API",
        _ => return None,
    })
}

/// 32 alphanumeric characters carry 190 bits.
const LENGTH: usize = 32;

/// What a person chooses himself is guessed in no time when it is shorter.
const SHORT: usize = 12;

#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    #[error("{path}: {source}")]
    Io { path: String, source: std::io::Error },
    #[error("{path}: readable by others (mode {mode:04o}); run `chmod 600 {path}`")]
    Permissions { path: String, mode: u32 },
    /// The parser's own words may quote a line, so they are not shown.
    #[error("{path}:{line}: not a secrets file; restore it from a backup")]
    Format { path: String, line: usize },
    #[error("there are both {plain} and {sealed}: nobody can tell which one counts; remove the older one")]
    Both { plain: String, sealed: String },
    #[error("{path} is there already; nothing was written")]
    There { path: String },
    #[error("{path}: nobody could read it: [secrets] in the inventory has no recipients")]
    NoRecipients { path: String },
    #[error("{path}: {source}")]
    Age { path: String, source: AgeError },
    #[error("{path}: another hacluster changes the secrets right now; nothing was written")]
    Busy { path: String },
    #[error(transparent)]
    Pki(#[from] PkiError),
}

impl SecretsError {
    /// Whether only the means to read them are lacking.
    pub fn lacks_key(&self) -> bool {
        matches!(self, Self::Age { source, .. } if source.lacks_key())
    }

    /// What somebody else must do.
    pub fn hint(&self) -> Option<&'static str> {
        matches!(self, Self::Age { source: AgeError::NotForUs { .. }, .. }).then_some(
            "name the right key with --identity FILE; or let somebody who can read it add your public key to \
             recipients in [secrets] and run `hacluster secrets rekey`",
        )
    }
}

/// A new value for each name.
fn values(names: &[&str]) -> BTreeMap<String, Secret> {
    let mut rng = rand::rng();
    let value = |name: &&str| ((*name).to_owned(), Secret::new(Alphanumeric.sample_string(&mut rng, LENGTH)));
    names.iter().map(value).collect()
}

/// All secrets of one cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secrets {
    pub authority: Authority,
    values: BTreeMap<String, Secret>,
    /// What some host may still know instead, the newest first.
    previous: BTreeMap<String, Vec<Secret>>,
    /// While one authority is being replaced by another.
    succession: Option<Succession>,
    /// Names of those they came of and of themselves, the oldest first.
    generations: Vec<String>,
}

impl Secrets {
    pub fn generate(cluster: &str, now: u64) -> Result<Self, SecretsError> {
        Ok(Self {
            authority: Authority::generate(cluster, now)?,
            values: values(&GENERATED),
            previous: BTreeMap::new(),
            succession: None,
            generations: Vec::new(),
        })
    }

    /// Every value of a name that some host may know, the newest first.
    pub fn known(&self, name: &str) -> Vec<Secret> {
        let previous = self.previous.get(name).into_iter().flatten();
        self.get(name).into_iter().chain(previous).cloned().collect()
    }

    /// All values as lines that a person edits.
    pub fn editable(&self) -> std::io::Result<Secret> {
        disk::values(self)
    }

    /// What is easy to guess, or given away by another, a sentence each.
    pub fn weak(&self) -> Vec<String> {
        let mut said = Vec::new();
        let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
        for (name, value) in self.iter() {
            if value.expose().chars().count() < SHORT {
                said.push(format!("{name} has fewer than {SHORT} characters: it can be guessed"));
            }
            if let Some(first) = seen.insert(value.expose(), name) {
                said.push(format!("{first} and {name} have the same value: who learns one has both"));
            }
        }
        said
    }

    pub fn get(&self, name: &str) -> Option<&Secret> {
        self.values.get(name)
    }

    /// Every value with its name, for masking what people read.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Secret)> {
        self.values.iter().map(|(k, v)| (k.as_str(), v))
    }

    /// Replaces every secret in `text` by its name.
    pub fn mask(&self, text: &str) -> String {
        let values = self.iter().map(|(name, value)| (name.to_owned(), value.expose()));
        let previous = self.previous.iter().flat_map(|(name, list)| {
            list.iter().map(move |value| (format!("{name}, before"), value.expose()))
        });
        // A key is printed line by line where it is printed at all.
        let other = self.succession.iter().map(|succession| &succession.other);
        let key = other.chain([&self.authority]).flat_map(|authority| authority.key_pem.expose().lines());
        let key = key.filter(|line| !line.starts_with("-----"));
        let all = values.chain(previous).chain(key.map(|line| ("authority key".to_owned(), line)));
        all.fold(text.to_owned(), |text, (name, value)| text.replace(value, &format!("({name})")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_values_by_name() {
        let made = Secrets::generate("cold", 1_790_000_000).unwrap();
        let value = made.get("etcd.root").unwrap().expose().to_owned();
        assert_eq!(made.mask(&format!("password: {value}\n")), "password: (etcd.root)\n");
        let key = made.authority.key_pem.expose().lines().nth(1).unwrap();
        assert_eq!(made.mask(key), "(authority key)");
    }

    #[test]
    fn new_values_for_what_is_rotated_and_words_for_what_is_weak() {
        let made = Secrets::generate("cold", 1_790_000_000).unwrap();
        assert_eq!(made.weak(), Vec::<String>::new());
        let new = made.rotated(&["etcd.root", "postgres-app"]);
        let same = |name: &str| made.get(name) == new.get(name);
        assert!(same("patroni.rest") && !same("etcd.root") && new.get("postgres-app").is_some());
        let twin = made.get("etcd.root").unwrap().clone();
        let weak = made.set("postgres.rewind", twin).set("postgres-app", Secret::new("hunter2")).weak();
        assert_eq!(
            weak,
            [
                "postgres-app has fewer than 12 characters: it can be guessed",
                "etcd.root and postgres.rewind have the same value: who learns one has both",
            ]
        );
    }
}
