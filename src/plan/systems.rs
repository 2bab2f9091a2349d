//! Owns what the hosts' operating systems do not give this inventory: what is
//! refused for it, and what is worth a word. Pure. Must not know single resources.

use std::collections::{BTreeMap, BTreeSet};

use crate::facts::{Fact, Facts, Identity};
use crate::inventory::{Host, Inventory, Packages};
use crate::problem::Problem;
use crate::release::{Feature, Release, lacking, patroni};

/// Hosts that answered, with what they are.
#[derive(Debug, Clone, Copy)]
pub struct Systems<'a> {
    pub inventory: &'a Inventory,
    pub hosts: &'a [Host],
    pub facts: &'a BTreeMap<String, Facts>,
}

impl<'a> Systems<'a> {
    /// What would fail half way: said before anything is changed.
    pub fn refused(&self) -> Vec<Problem> {
        if self.packages() == Packages::Pgdg { self.nameless() } else { self.unpackaged() }
    }

    fn packages(&self) -> Packages {
        self.inventory.postgres.packages
    }

    fn with(&self, role: &str) -> impl Iterator<Item = (&'a Host, &'a Facts)> {
        let facts = self.facts;
        let with = self.hosts.iter().filter(move |host| host.has(role));
        with.filter_map(move |host| Some((host, facts.get(&host.name)?)))
    }

    fn problem(&self, path: &str, message: String) -> Problem {
        let span = self.inventory.place_of(path).map_or(0..0, |place| place.span);
        Problem::error(self.inventory.source(), "HAC-E056", span, message)
    }

    /// Versions and extensions that the systems' own archives do not have.
    fn unpackaged(&self) -> Vec<Problem> {
        let wanted = self.inventory.postgres.version;
        let there = |facts: &Facts| installed(facts, &format!("postgresql-{wanted}"));
        let mut other: BTreeMap<(String, u32), Vec<&str>> = BTreeMap::new();
        let mut without: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for (host, facts) in self.with("postgres") {
            let Some(release) = Release::of(&facts.identity) else { continue };
            let system = facts.identity.system_name();
            if release.postgres != wanted && !there(facts) {
                other.entry((system.clone(), release.postgres)).or_default().push(&host.name);
            }
            if release.lacks.iter().any(|role| host.has(role)) {
                without.entry(system).or_default().push(&host.name);
            }
        }
        let version = |((system, has), hosts): ((String, u32), Vec<&str>)| {
            let message = format!(
                "`postgres.version` is {wanted}, and the packages of {system} ({}) are of PostgreSQL {has}",
                hosts.join(", ")
            );
            let help = format!(
                "write version = {has}, or packages = \"pgdg\" for those of the PostgreSQL project's repository"
            );
            self.problem("postgres.version", message).help(help)
        };
        let extension = |(system, hosts): (String, Vec<&str>)| {
            let message =
                format!("TimescaleDB is wanted on {}, and {system} has no package of it", hosts.join(", "));
            let help = "remove [timescaledb], or write packages = \"pgdg\" in [postgres]";
            self.problem("timescaledb", message).help(help)
        };
        other.into_iter().map(version).chain(without.into_iter().map(extension)).collect()
    }

    /// The repository has a folder for each release, by its name.
    fn nameless(&self) -> Vec<Problem> {
        let lost = |(host, facts): (&Host, &Facts)| {
            let nameless = facts.identity.codename.is_empty();
            nameless.then(|| {
                let message = format!(
                    "`postgres.packages` is \"pgdg\", and {} does not say which release of {} it runs",
                    host.name, facts.identity.os
                );
                let help = "the PostgreSQL project has packages for Debian and Ubuntu, by the VERSION_CODENAME in /etc/os-release";
                self.problem("postgres.packages", message).help(help)
            })
        };
        self.with("postgres").filter_map(lost).collect()
    }

    /// What a reader of the plan must know, a sentence each.
    pub fn remarks(&self) -> Vec<String> {
        self.lacks().into_iter().chain(self.collation()).chain(self.unknown()).collect()
    }

    /// What the Patroni of some hosts lacks that this inventory would have.
    fn lacks(&self) -> Vec<String> {
        let mut without: BTreeMap<&str, (&Feature, BTreeSet<String>, Vec<&str>)> = BTreeMap::new();
        for (host, facts) in self.with("patroni") {
            let version = patroni(facts, self.packages());
            let said = version.map(|(major, minor)| format!("{major}.{minor}")).unwrap_or_default();
            for feature in lacking(version).filter(|feature| (feature.matters)(self.hosts)) {
                let (_, versions, hosts) =
                    without.entry(feature.name).or_insert_with(|| (feature, BTreeSet::new(), Vec::new()));
                versions.insert(said.clone());
                hosts.push(&host.name);
            }
        }
        let say = |(feature, versions, hosts): (&Feature, BTreeSet<String>, Vec<&str>)| {
            let versions = versions.into_iter().collect::<Vec<_>>().join(", ");
            let (major, minor) = feature.since;
            format!(
                "Patroni {versions} ({}) has no {}, which came with {major}.{minor}: {}",
                hosts.join(", "),
                feature.name,
                feature.without
            )
        };
        without.into_values().map(say).collect()
    }

    /// Before 17 the order of texts comes from the C library: an index that one
    /// system wrote may be wrong on another.
    fn collation(&self) -> Option<String> {
        let postgres = &self.inventory.postgres;
        let systems: BTreeSet<String> =
            self.with("postgres").map(|(_, facts)| facts.identity.system_name()).collect();
        let differ = systems.len() > 1 && postgres.version < 17;
        differ.then(|| {
            format!(
                "the members run different systems ({}), and PostgreSQL {} takes the order of texts from theirs: \
                 indexes may be wrong after a failover; use one system, or version 17 or later",
                systems.into_iter().collect::<Vec<_>>().join(", "),
                postgres.version
            )
        })
    }

    fn unknown(&self) -> Option<String> {
        let known =
            |identity: &Identity| self.packages() == Packages::Pgdg || Release::of(identity).is_some();
        let strange = self.with("postgres").filter(|(_, facts)| !known(&facts.identity));
        let strange: Vec<String> = strange
            .map(|(host, facts)| format!("{} ({})", host.name, facts.identity.system_name()))
            .collect();
        (!strange.is_empty()).then(|| {
            format!(
                "what the packages of these systems have is not known before they are installed: {}",
                strange.join(", ")
            )
        })
    }
}

fn installed(facts: &Facts, package: &str) -> bool {
    matches!(facts.packages.get(package), Some(Fact::Present(found)) if found.installed())
}
