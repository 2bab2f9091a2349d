//! Owns what is true inside `PostgreSQL`: what is asked, and what was answered.
//! Must not know the statements that ask, nor why a thing is asked.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Fact;
use super::exit::TIMED_OUT;
use crate::secret::Secret;

/// How to reach the local server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostgresServer {
    /// `/usr/lib/postgresql/17/bin/psql`: the program itself, not Debian's wrapper.
    pub psql: String,
    pub port: String,
}

/// What privileges are granted on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum GrantOn {
    Database,
    Schema,
    /// All tables and views of a schema, those made later too.
    Tables,
    /// The same of sequences.
    Sequences,
}

impl GrantOn {
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "database" => Some(Self::Database),
            "schema" => Some(Self::Schema),
            "tables" => Some(Self::Tables),
            "sequences" => Some(Self::Sequences),
            _ => None,
        }
    }
}

/// One grant that is asked about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct GrantKey {
    pub user: String,
    pub database: String,
    /// Empty for the database itself.
    pub schema: String,
    pub on: GrantOn,
    /// Whose later tables count.
    pub owner: String,
}

/// What to ask of one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostgresNeeds {
    pub server: PostgresServer,
    pub roles: BTreeSet<String>,
    pub databases: BTreeSet<String>,
    /// Database and extension.
    pub extensions: BTreeSet<(String, String)>,
    pub grants: BTreeSet<GrantKey>,
    /// Roles of which is asked what they own.
    pub holdings: BTreeSet<String>,
}

impl PostgresNeeds {
    pub fn new(server: &PostgresServer) -> Self {
        Self {
            server: server.clone(),
            roles: BTreeSet::new(),
            databases: BTreeSet::new(),
            extensions: BTreeSet::new(),
            grants: BTreeSet::new(),
            holdings: BTreeSet::new(),
        }
    }

    pub fn merge(&mut self, other: Self) {
        self.server = other.server;
        self.roles.extend(other.roles);
        self.databases.extend(other.databases);
        self.extensions.extend(other.extensions);
        self.grants.extend(other.grants);
        self.holdings.extend(other.holdings);
    }
}

/// Which part a server has; only the one that leads is asked further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Leads,
    Follows,
}

/// What one server told. A key that was not asked is missing from its map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostgresFacts {
    /// Absent: no server runs on the host.
    pub standing: Fact<Standing>,
    pub roles: BTreeMap<String, Fact<RoleFact>>,
    pub databases: BTreeMap<String, Fact<DatabaseFact>>,
    /// Version, by database and extension.
    pub extensions: BTreeMap<(String, String), Fact<String>>,
    pub grants: BTreeMap<GrantKey, Fact<GrantFact>>,
    pub holdings: BTreeMap<String, Fact<HoldingFact>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is an attribute of its own in PostgreSQL")]
pub struct RoleFact {
    pub login: bool,
    pub superuser: bool,
    pub createdb: bool,
    pub createrole: bool,
    pub replication: bool,
    /// -1 where there is none.
    pub connection_limit: i64,
    pub member_of: BTreeSet<String>,
    /// What the server keeps in place of the password; never shown.
    #[serde(deserialize_with = "hidden")]
    pub verifier: Option<Secret>,
}

fn hidden<'de, D: serde::Deserializer<'de>>(value: D) -> Result<Option<Secret>, D::Error> {
    Ok(Option::<String>::deserialize(value)?.map(Secret::new))
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct DatabaseFact {
    pub owner: String,
    pub connection_limit: i64,
}

/// What a user was granted. Its own things are not counted: it owns them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct GrantFact {
    /// How many things there are to have privileges on.
    pub total: u64,
    /// On how many of them it has each privilege.
    pub held: BTreeMap<String, u64>,
    /// What it will have on things made later.
    pub future: BTreeSet<String>,
}

/// What a role owns.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct HoldingFact {
    pub databases: BTreeSet<String>,
    /// How many things inside of each database.
    pub inside: BTreeMap<String, u64>,
}

impl PostgresFacts {
    pub fn merge(&mut self, newer: Self) {
        self.standing = newer.standing;
        self.roles.extend(newer.roles);
        self.databases.extend(newer.databases);
        self.extensions.extend(newer.extensions);
        self.grants.extend(newer.grants);
        self.holdings.extend(newer.holdings);
    }
}

/// Reads one JSON text a line; what is none is a complaint. `None` where the
/// probe's answer does not hold the section at all.
pub(super) fn read(asked: &PostgresNeeds, answer: Option<(&str, i32)>) -> PostgresFacts {
    let (body, status) = answer.unwrap_or_default();
    let rows: Vec<Value> = body.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let whole = rows.iter().any(|row| row.get("over").is_some());
    let why = trouble(body, status, answer.is_some());
    let unread = || if whole { None } else { Some(why.clone()) };
    let row = |kind: &str, name: &Value| rows.iter().find(|row| row.get(kind) == Some(name));
    let standing = rows.iter().find_map(|row| row.get("server").and_then(Value::as_str));
    let extension = |key: &(String, String)| {
        let of = |row: &&Value| row.get("database").and_then(Value::as_str) == Some(&key.0);
        let mut rows = rows.iter().filter(|row| row.get("extension").and_then(Value::as_str) == Some(&key.1));
        rows.find(of)?.get("version")?.as_str().map(str::to_owned)
    };
    let each = |names: &BTreeSet<String>| -> Vec<(String, Value)> {
        names.iter().map(|name| (name.clone(), Value::from(name.as_str()))).collect()
    };
    let numbered = asked.grants.iter().enumerate().map(|(index, key)| (key.clone(), Value::from(index)));
    PostgresFacts {
        standing: match standing {
            Some("absent") => Fact::Absent,
            Some("leads") => Fact::Present(Standing::Leads),
            Some("follows") => Fact::Present(Standing::Follows),
            _ => Fact::Unreadable(why.clone()),
        },
        roles: each(&asked.roles).into_iter().map(|(k, v)| (k, typed(row("role", &v), unread()))).collect(),
        databases: each(&asked.databases)
            .into_iter()
            .map(|(k, v)| (k, typed(row("database", &v).filter(|r| r.get("owner").is_some()), unread())))
            .collect(),
        extensions: asked.extensions.iter().map(|k| (k.clone(), fact(extension(k), unread()))).collect(),
        grants: numbered.map(|(k, v)| (k, typed(row("grant", &v), unread()))).collect(),
        holdings: each(&asked.holdings)
            .into_iter()
            .map(|(k, v)| (k, typed(row("holder", &v), unread())))
            .collect(),
    }
}

fn fact<T>(found: Option<T>, unread: Option<String>) -> Fact<T> {
    match (found, unread) {
        (Some(found), _) => Fact::Present(found),
        (None, Some(why)) => Fact::Unreadable(why),
        (None, None) => Fact::Absent,
    }
}

fn typed<T: serde::de::DeserializeOwned>(row: Option<&Value>, unread: Option<String>) -> Fact<T> {
    let Some(row) = row else { return fact(None, unread) };
    // The parser's own words may quote what it read.
    let odd = || Fact::Unreadable("PostgreSQL answered in an unknown form".to_owned());
    T::deserialize(row).map_or_else(|_| odd(), Fact::Present)
}

/// Why there is no answer, in the client's own words where it has some.
fn trouble(body: &str, status: i32, answered: bool) -> String {
    if !answered {
        return "the probe ended before this was answered".to_owned();
    }
    if TIMED_OUT.contains(&status) {
        return "PostgreSQL did not answer in time".to_owned();
    }
    let said = body.lines().rfind(|line| !line.trim().is_empty() && !line.starts_with('{'));
    let silent = || match status {
        0 => "PostgreSQL's answer is not whole".to_owned(),
        status => format!("psql ended with status {status}"),
    };
    said.map_or_else(silent, |line| line.trim().to_owned())
}
