//! Owns what operating systems bring along: which versions their own packages
//! have, and what such a version lacks. Must not know how any of it is installed.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::facts::{Fact, Facts, Identity};
use crate::inventory::{Host, Packages};

/// Major and minor; what comes after never decides.
pub type Version = (u32, u32);

/// What one release of an operating system has in its own archive.
#[derive(Debug, PartialEq, Eq)]
pub struct Release {
    /// As [`Identity::system`] says it, and as playbooks name it.
    pub system: &'static str,
    /// The one major version of `PostgreSQL`.
    pub postgres: u32,
    pub patroni: Version,
    /// Roles whose packages it is known not to have.
    pub lacks: &'static [&'static str],
}

/// From the archives' own lists: Debian's on 2026-11-21, Ubuntu's for 24.04.
pub const RELEASES: &[Release] = &[
    Release { system: "debian12", postgres: 15, patroni: (3, 0), lacks: &["timescaledb"] },
    Release { system: "debian13", postgres: 17, patroni: (4, 0), lacks: &[] },
    Release { system: "ubuntu2404", postgres: 16, patroni: (3, 2), lacks: &[] },
];

/// What the `PostgreSQL` project's repository had on 2026-08-17, the same everywhere.
const PGDG_PATRONI: Version = (4, 1);

/// Something that older versions of Patroni do not have.
#[derive(Debug)]
pub struct Feature {
    /// Patroni's own word for it, and how templates ask: `host.facts.patroni.NAME`.
    pub name: &'static str,
    pub since: Version,
    /// What follows where it is lacking.
    pub without: &'static str,
    /// Whether that makes a difference for these hosts.
    pub matters: fn(&[Host]) -> bool,
}

/// Patroni's release notes, by version.
pub const FEATURES: &[Feature] = &[
    Feature {
        name: "failover_priority",
        since: (3, 2),
        without: "at equal data any member may lead, the NAS as well as a node",
        matters: priorities_differ,
    },
    Feature {
        name: "member_slots_ttl",
        since: (4, 0),
        without: "the slot of a member that is away is dropped, so one that missed more than wal_keep_size is copied anew",
        matters: |hosts| hosts.len() > 1,
    },
];

/// Among those that may lead at all: 0 is known to every version.
fn priorities_differ(hosts: &[Host]) -> bool {
    let mut priorities = hosts.iter().map(|host| host.failover_priority).filter(|priority| *priority > 0);
    let first = priorities.next();
    priorities.any(|priority| Some(priority) != first)
}

/// The systems that something is for: a list of them, or all but a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Systems {
    Only(BTreeSet<String>),
    Except(BTreeSet<String>),
}

impl Default for Systems {
    fn default() -> Self {
        Self::Except(BTreeSet::new())
    }
}

impl Systems {
    pub fn hold(&self, system: &str) -> bool {
        match self {
            Self::Only(list) => list.contains(system),
            Self::Except(list) => !list.contains(system),
        }
    }

    /// Those of either.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Only(a), Self::Only(b)) => Self::Only(a | b),
            (Self::Except(a), Self::Except(b)) => Self::Except(a & b),
            (Self::Only(only), Self::Except(except)) | (Self::Except(except), Self::Only(only)) => {
                Self::Except(except - only)
            }
        }
    }
}

impl Release {
    /// `None` for a system whose archive is not known here.
    pub fn of(identity: &Identity) -> Option<&'static Self> {
        let system = identity.system();
        RELEASES.iter().find(|release| release.system == system)
    }
}

/// The Patroni that runs or will run on a host: the one installed, else the one
/// that its archive has. `None` where neither is known.
pub fn patroni(facts: &Facts, packages: Packages) -> Option<Version> {
    let installed = facts.packages.get("patroni").and_then(Fact::present);
    let installed = installed.filter(|package| package.installed());
    match (installed, packages) {
        (Some(package), _) => version(&package.version),
        (None, Packages::Pgdg) => Some(PGDG_PATRONI),
        (None, Packages::Debian) => Release::of(&facts.identity).map(|release| release.patroni),
    }
}

/// Features that this Patroni lacks; one that is not known counts as new.
pub fn lacking(patroni: Option<Version>) -> impl Iterator<Item = &'static Feature> {
    FEATURES.iter().filter(move |feature| patroni.is_some_and(|version| version < feature.since))
}

/// Every feature by name, and whether this Patroni has it.
pub fn features(patroni: Option<Version>) -> BTreeMap<&'static str, bool> {
    let lacks = |feature: &Feature| lacking(patroni).any(|other| other.name == feature.name);
    FEATURES.iter().map(|feature| (feature.name, !lacks(feature))).collect()
}

/// The first two numbers of a Debian version: `1:3.0.2-1` is 3.0.
fn version(text: &str) -> Option<Version> {
    let upstream = text.split_once(':').map_or(text, |(_, rest)| rest);
    let mut numbers = upstream.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next().and_then(Result::ok).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::PackageFact;

    fn host(system: (&str, &str), installed: Option<(&str, &str)>) -> Facts {
        let identity = Identity { os: system.0.into(), os_version: system.1.into(), ..Identity::default() };
        let row = |(version, status): (&str, &str)| {
            Fact::Present(PackageFact { version: version.into(), status: status.into(), unpacked: None })
        };
        let package = installed.map_or(Fact::Absent, row);
        Facts { identity, packages: [("patroni".to_owned(), package)].into(), ..Facts::default() }
    }

    #[test]
    fn what_is_installed_counts_before_what_could_be() {
        let bookworm = ("debian", "12");
        assert_eq!(patroni(&host(bookworm, None), Packages::Debian), Some((3, 0)));
        assert_eq!(patroni(&host(bookworm, None), Packages::Pgdg), Some((4, 1)));
        let old = host(bookworm, Some(("3.0.2-1", "ii")));
        assert_eq!(patroni(&old, Packages::Pgdg), Some((3, 0)));
        let gone = host(bookworm, Some(("3.0.2-1", "rc")));
        assert_eq!(patroni(&gone, Packages::Pgdg), Some((4, 1)));
        assert_eq!(patroni(&host(("fedora", "42"), None), Packages::Debian), None);
        let newer = host(("ubuntu", "24.04"), Some(("4.1.5-1.pgdg24.04+1", "ii")));
        assert_eq!(patroni(&newer, Packages::Debian), Some((4, 1)));
    }

    #[test]
    fn features_come_with_their_version() {
        let names = |version| lacking(version).map(|f| f.name).collect::<Vec<_>>();
        assert_eq!(names(Some((3, 0))), ["failover_priority", "member_slots_ttl"]);
        assert_eq!(names(Some((3, 2))), ["member_slots_ttl"]);
        assert!(names(Some((4, 0))).is_empty() && names(None).is_empty());
        assert!(!features(Some((3, 0)))["failover_priority"] && features(None)["failover_priority"]);
    }

    #[test]
    fn numbers_of_a_debian_version() {
        assert_eq!(version("1:2.2.7-1+b2"), Some((2, 2)));
        assert_eq!(version("4.0.7-3~deb13u1"), Some((4, 0)));
        assert_eq!(version("15"), Some((15, 0)));
        assert_eq!(version("no"), None);
    }
}
