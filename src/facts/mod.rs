//! Owns what is true on one host, as typed values read from one probe.
//! Must not know resources, nor how a probe's text travels.

mod divided;
mod exit;
mod holder;
mod identity;
mod lan;
mod lines;
mod needs;
mod ownership;
mod parse;
mod postgres;
mod postgres_query;
mod probe;
mod rest;
mod rows;
mod services;
pub mod view;

use std::collections::BTreeMap;

pub(crate) use exit::TIMED_OUT;
pub use holder::{Holder, Running};
pub use identity::{Disk, Identity, Interface};
pub use lan::{LanFact, LanNeeds, VrrpRouter};
pub use needs::{EtcdEndpoint, Needs, PatroniEndpoint};
pub use parse::{ParseError, parse};
pub use postgres::{
    DatabaseFact, GrantFact, GrantKey, GrantOn, HoldingFact, PostgresFacts, PostgresNeeds, PostgresServer,
    RoleFact, Standing,
};
pub use probe::{ETCD_PASSWORDS, LARGEST_SHOWN, LEDGER, STATE, probe_body};
pub use rows::{EtcdFact, EtcdRow, PackageFact, PathFact, PathType, PatroniFact, UnitFact, UserFact};

/// One reading. Not asked for = the key is missing from its map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact<T> {
    Absent,
    Present(T),
    /// Asked for, but the answer could not be had (a section ran out of time).
    Unreadable(String),
}

impl<T> Fact<T> {
    pub fn present(&self) -> Option<&T> {
        match self {
            Self::Present(value) => Some(value),
            _ => None,
        }
    }
}

/// Everything one probe told about one host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    pub identity: Identity,
    pub paths: BTreeMap<String, Fact<PathFact>>,
    /// SHA-256 of regular files, lower-case hex.
    pub hashes: BTreeMap<String, Fact<String>>,
    pub contents: BTreeMap<String, Fact<String>>,
    pub packages: BTreeMap<String, Fact<PackageFact>>,
    pub units: BTreeMap<String, Fact<UnitFact>>,
    pub users: BTreeMap<String, Fact<UserFact>>,
    /// Members of each group asked for.
    pub groups: BTreeMap<String, Fact<Vec<String>>>,
    pub sysctls: BTreeMap<String, Fact<String>>,
    /// Exit status of each guard, by its text; of `timeout` where time ran out.
    pub checks: BTreeMap<String, Fact<i32>>,
    /// SHA-256 of the public key that belongs to a private key file.
    pub public_keys: BTreeMap<String, Fact<String>>,
    /// Names in each directory asked for, a line each.
    pub entries: BTreeMap<String, Fact<String>>,
    /// All packages that would go with each one asked for, itself among them.
    pub removals: BTreeMap<String, Fact<Vec<String>>>,
    /// Whether a file is as its package brought it.
    pub shipped: BTreeMap<String, Fact<bool>>,
    /// Units that owe a `restart` or `reload`.
    pub debts: BTreeMap<String, String>,
    /// The ledger's text, as found.
    pub ledger: Option<String>,
    pub etcd: BTreeMap<String, Fact<EtcdFact>>,
    pub patroni: Option<Fact<PatroniFact>>,
    /// What is inside `PostgreSQL`.
    pub postgres: Option<PostgresFacts>,
    /// Who else is on its network.
    pub lan: Option<Fact<LanFact>>,
    /// The probe ran in a mount namespace that was read-only.
    pub protected: bool,
}

impl Facts {
    /// Takes over every reading of `newer`; what it did not ask stays.
    pub fn merge(&mut self, newer: Self) {
        self.identity = newer.identity;
        self.paths.extend(newer.paths);
        self.hashes.extend(newer.hashes);
        self.contents.extend(newer.contents);
        self.packages.extend(newer.packages);
        self.units.extend(newer.units);
        self.users.extend(newer.users);
        self.groups.extend(newer.groups);
        self.sysctls.extend(newer.sysctls);
        self.checks.extend(newer.checks);
        self.public_keys.extend(newer.public_keys);
        self.entries.extend(newer.entries);
        self.removals.extend(newer.removals);
        self.shipped.extend(newer.shipped);
        self.debts = newer.debts;
        self.ledger = newer.ledger;
        self.etcd.extend(newer.etcd);
        if newer.patroni.is_some() {
            self.patroni = newer.patroni;
        }
        match (&mut self.postgres, newer.postgres) {
            (Some(known), Some(newer)) => known.merge(newer),
            (known, newer) => *known = newer.or(known.take()),
        }
        if newer.lan.is_some() {
            self.lan = newer.lan;
        }
        self.protected = newer.protected;
    }
}
