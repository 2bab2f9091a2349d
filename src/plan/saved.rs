//! Owns a plan as a file: which changes were reviewed, bound to what they were
//! made of. Every digest is keyed by the cluster's secrets, so the file tells
//! nothing. Must not know where it lies.

use std::collections::BTreeMap;

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::{Assessment, Plan};
use crate::resource::{Change, Field, Fields, Unit};
use crate::secrets::Secrets;

/// Format of the file; another one is refused.
const VERSION: u32 = 3;

/// Names of what a plan is made of, and what each says: inventory values,
/// playbooks, templates.
pub type Parts = BTreeMap<String, String>;

/// What a plan does only where it is told to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Allowed {
    /// Data may go where nothing asks for it any more.
    pub destroy: bool,
    /// Paths that are taken over; `all` for every one.
    pub adopt: Vec<String>,
}

/// A plan that was reviewed and may be carried out later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Saved {
    /// Marks the file as ours.
    pub hacluster_plan: u32,
    pub program: String,
    pub cluster: String,
    /// RFC 3339, in UTC.
    pub made: String,
    pub allowed: Allowed,
    salt: String,
    secrets: String,
    config: BTreeMap<String, String>,
    pub changes: Vec<SavedChange>,
    /// Digest of all the rest.
    seal: String,
}

/// One change: what it was, and a digest of it and of what was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedChange {
    pub id: String,
    pub action: String,
    digest: String,
}

/// Why a file cannot be carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Stale {
    #[error("it was made for the cluster {0}")]
    Cluster(String),
    #[error("hacluster {0} made it, and this is {this}", this = env!("CARGO_PKG_VERSION"))]
    Program(String),
    #[error("it was made with other secrets")]
    Secrets,
    #[error("it is not as it was saved: somebody changed the file, or it was damaged")]
    Tampered,
    /// Names of parts.
    #[error("the configuration changed since it was made: {}", .0.join(", "))]
    Configuration(Vec<String>),
}

/// What a plan is bound to, beside the hosts.
#[derive(Debug, Clone, Copy)]
pub struct Basis<'a> {
    pub cluster: &'a str,
    pub secrets: &'a Secrets,
    pub parts: &'a Parts,
}

impl Saved {
    /// `salt`: random; `made`: now.
    pub fn new<'a>(
        changes: impl Iterator<Item = &'a Assessment>,
        allowed: Allowed,
        basis: Basis<'_>,
        salt: String,
        made: String,
    ) -> Self {
        let key = Key::new(&salt, basis.secrets);
        let parts = basis.parts.iter().map(|(name, text)| (name.clone(), key.digest(name, text)));
        let change = |a: &Assessment| SavedChange {
            id: a.id.clone(),
            action: word(&a.change).to_owned(),
            digest: key.digest(&a.id, &told(a)),
        };
        let mut saved = Self {
            hacluster_plan: VERSION,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            cluster: basis.cluster.to_owned(),
            made,
            allowed,
            secrets: key.digest("secrets", &every(basis.secrets)),
            config: parts.collect(),
            changes: changes.map(change).collect(),
            salt,
            seal: String::new(),
        };
        saved.seal = saved.sealed(&key);
        saved
    }

    /// What the seal has to be.
    fn sealed(&self, key: &Key) -> String {
        key.digest("seal", &Self { seal: String::new(), ..self.clone() }.text())
    }

    pub fn read(text: &str) -> Result<Self, String> {
        let value: serde_json::Value =
            serde_json::from_str(text).map_err(|_| "it is no saved plan".to_owned())?;
        match value["hacluster_plan"].as_u64() {
            None => Err("it is no saved plan".to_owned()),
            Some(version) if version != u64::from(VERSION) => {
                Err(format!("it is a saved plan of version {version}; this hacluster reads {VERSION}"))
            }
            Some(_) => {
                serde_json::from_value(value).map_err(|error| format!("it is a damaged plan: {error}"))
            }
        }
    }

    pub fn text(&self) -> String {
        // Our types always serialise.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    pub fn ids(&self) -> impl Iterator<Item = String> {
        self.changes.iter().map(|change| change.id.clone())
    }

    /// The same cluster, program, secrets and configuration.
    pub fn check(&self, basis: Basis<'_>) -> Result<(), Stale> {
        if self.cluster != basis.cluster {
            return Err(Stale::Cluster(self.cluster.clone()));
        }
        if self.program != env!("CARGO_PKG_VERSION") {
            return Err(Stale::Program(self.program.clone()));
        }
        let key = Key::new(&self.salt, basis.secrets);
        if self.secrets != key.digest("secrets", &every(basis.secrets)) {
            return Err(Stale::Secrets);
        }
        if self.seal != self.sealed(&key) {
            return Err(Stale::Tampered);
        }
        let now = |name: &String| basis.parts.get(name).map(|text| key.digest(name, text));
        let mut names: Vec<String> = self.config.keys().chain(basis.parts.keys()).cloned().collect();
        names.sort();
        names.dedup();
        names.retain(|name| self.config.get(name) != now(name).as_ref());
        if names.is_empty() { Ok(()) } else { Err(Stale::Configuration(names)) }
    }

    /// Changes whose resource is otherwise than it was, by id. One that needs
    /// nothing any more was done, one on a host that is away waits; neither moved.
    pub fn moved(&self, plan: &Plan, secrets: &Secrets) -> Vec<String> {
        let key = Key::new(&self.salt, secrets);
        let now: BTreeMap<&String, &Assessment> = plan.assessments.iter().map(|a| (&a.id, a)).collect();
        let moved = |change: &&SavedChange| match now.get(&change.id) {
            None => !plan.deferred.contains_key(&change.id),
            Some(a) if a.change.is_none() => false,
            // What it would be was left open when the plan was read.
            Some(_) if change.action == "later" => false,
            Some(a) => change.digest != key.digest(&a.id, &told(a)),
        };
        self.changes.iter().filter(moved).map(|change| change.id.clone()).collect()
    }
}

/// All that was found and would change, but for debts: a step of the same plan
/// makes them.
fn told(assessment: &Assessment) -> String {
    let fields: Vec<&Field> =
        assessment.change.fields().iter().filter(|f| f.name != Unit::CONFIGURATION).collect();
    let have: Option<Fields> = assessment.have.clone().map(|mut have| {
        have.remove(Unit::CONFIGURATION);
        have
    });
    serde_json::to_string(&(word(&assessment.change), fields, have)).unwrap_or_default()
}

fn word(change: &Change) -> &'static str {
    match change {
        Change::None => "none",
        Change::Create(_) => "create",
        Change::Update(_) => "update",
        Change::Remove => "remove",
        Change::Forget(_) => "forget",
        Change::Late(_) => "later",
        Change::Unreadable(_) => "unreadable",
        Change::Refused(_) => "refused",
    }
}

fn every(secrets: &Secrets) -> String {
    let values = secrets.iter().map(|(name, value)| format!("{name}={}\n", value.expose()));
    values.chain([secrets.authority.cert_pem.clone(), secrets.trusted()]).collect()
}

struct Key(Vec<u8>);

impl Key {
    fn new(salt: &str, secrets: &Secrets) -> Self {
        Self([salt.as_bytes(), secrets.authority.key_pem.expose().as_bytes()].concat())
    }

    /// With its name, so that equal values do not look alike.
    fn digest(&self, name: &str, text: &str) -> String {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return String::new() };
        mac.update(format!("{name}\n{text}").as_bytes());
        data_encoding::HEXLOWER.encode(&mac.finalize().into_bytes()[..16])
    }
}
