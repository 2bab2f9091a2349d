//! Owns the list of what one probe must ask of one host.
//! Must not know why a thing is asked.

use std::collections::{BTreeMap, BTreeSet};

use super::lan::LanNeeds;
use super::postgres::{PostgresNeeds, PostgresServer};

/// What to ask. Sets, so that two resources that need one fact ask it once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    pub paths: BTreeSet<String>,
    pub hashes: BTreeSet<String>,
    pub contents: BTreeSet<String>,
    pub packages: BTreeSet<String>,
    pub units: BTreeSet<String>,
    pub users: BTreeSet<String>,
    pub groups: BTreeSet<String>,
    pub sysctls: BTreeSet<String>,
    /// Free-text guards, run as `sh -c`.
    pub checks: BTreeSet<String>,
    /// Private key files whose public half is asked.
    pub public_keys: BTreeSet<String>,
    /// Directories whose names are asked.
    pub entries: BTreeSet<String>,
    /// Packages of which is asked what would go with them.
    pub removals: BTreeSet<String>,
    /// Files of which is asked whether they are as a package brought them.
    pub shipped: BTreeSet<String>,
    /// etcd members by name.
    pub etcd: BTreeMap<String, EtcdEndpoint>,
    pub patroni: Option<PatroniEndpoint>,
    pub postgres: Option<PostgresNeeds>,
    /// Who else is on its network. It takes seconds.
    pub lan: Option<LanNeeds>,
}

/// How to reach one local etcd member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EtcdEndpoint {
    /// `https://192.168.15.101:2479`
    pub client_url: String,
    /// `http://127.0.0.1:2481`
    pub metrics_url: String,
    pub data: String,
    /// Path stem of a client certificate: `STEM.crt`, `STEM.key`.
    pub identity: String,
    pub ca: String,
}

/// How to reach the local Patroni.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatroniEndpoint {
    /// `https://127.0.0.1:8008`
    pub url: String,
    pub ca: String,
    pub data: String,
}

impl Needs {
    pub fn path(&mut self, path: &str) {
        self.paths.insert(path.to_owned());
    }

    pub fn file(&mut self, path: &str) {
        self.path(path);
        self.hashes.insert(path.to_owned());
    }

    /// What is asked of the local server, to add to.
    pub fn postgres(&mut self, server: &PostgresServer) -> &mut PostgresNeeds {
        self.postgres.get_or_insert_with(|| PostgresNeeds::new(server))
    }

    pub fn merge(&mut self, other: Self) {
        self.paths.extend(other.paths);
        self.hashes.extend(other.hashes);
        self.contents.extend(other.contents);
        self.packages.extend(other.packages);
        self.units.extend(other.units);
        self.users.extend(other.users);
        self.groups.extend(other.groups);
        self.sysctls.extend(other.sysctls);
        self.checks.extend(other.checks);
        self.public_keys.extend(other.public_keys);
        self.entries.extend(other.entries);
        self.removals.extend(other.removals);
        self.shipped.extend(other.shipped);
        self.etcd.extend(other.etcd);
        if other.patroni.is_some() {
            self.patroni = other.patroni;
        }
        self.lan = other.lan.or(self.lan.take());
        match (&mut self.postgres, other.postgres) {
            (Some(own), Some(other)) => own.merge(other),
            (own, other) => *own = other.or(own.take()),
        }
    }
}
