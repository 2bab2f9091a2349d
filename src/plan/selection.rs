//! Owns what a run is for: the words of `--target`, `--exclude` and `--on`, found
//! in the cluster. Must not know the order of changes, nor how one is shown.

use std::collections::BTreeSet;

use crate::expand::Resource;
use crate::inventory::{Host, all_roles, nearest};
use crate::wildcard;

/// What a user asked for; an empty list asks for everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wish {
    pub target: Vec<String>,
    pub exclude: Vec<String>,
    pub on: Vec<String>,
}

/// A word that nothing is called, and what may have been meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Unknown {
    pub message: String,
    pub hint: String,
}

/// A wish that was found in the cluster.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    wish: Wish,
    /// Hosts of `--on`; all where `None`.
    hosts: Option<BTreeSet<String>>,
    /// Ids of a saved plan: these, and nothing else.
    saved: Option<BTreeSet<String>>,
}

impl Selection {
    /// Every host must be known; what else is meant is for `check` to say.
    pub fn new(wish: Wish, hosts: &[Host]) -> Result<Self, Unknown> {
        let mut on = BTreeSet::new();
        for pattern in &wish.on {
            on.extend(hosts_of(pattern, hosts)?);
        }
        let hosts = (!wish.on.is_empty()).then_some(on);
        Ok(Self { wish, hosts, saved: None })
    }

    /// Every word must mean something among `resources`: steps, and what ledgers
    /// hold beyond them.
    pub fn check(&self, resources: &[Resource]) -> Result<(), Unknown> {
        for (flag, patterns) in [("--target", &self.wish.target), ("--exclude", &self.wish.exclude)] {
            let means = |pattern: &&String| resources.iter().any(|resource| means(pattern, resource));
            if let Some(pattern) = patterns.iter().find(|pattern| !means(pattern)) {
                return Err(unknown(flag, pattern, resources));
            }
        }
        Ok(())
    }

    /// The changes of a saved plan.
    pub fn saved(ids: impl IntoIterator<Item = String>) -> Self {
        Self { saved: Some(ids.into_iter().collect()), ..Self::default() }
    }

    /// Everything, as without any flag.
    pub fn is_whole(&self) -> bool {
        self.wish == Wish::default() && self.saved.is_none()
    }

    /// As it stood on the command line.
    pub fn words(&self) -> String {
        let wish = &self.wish;
        let flags = [("--target", &wish.target), ("--exclude", &wish.exclude), ("--on", &wish.on)];
        let said = flags.into_iter().filter(|(_, patterns)| !patterns.is_empty());
        let said: Vec<String> =
            said.map(|(flag, patterns)| format!("{flag} {}", patterns.join(","))).collect();
        if self.saved.is_some() { "the saved plan".to_owned() } else { said.join(" ") }
    }

    /// Whether a resource on a host is among what was asked for, leaving aside
    /// what it stands on.
    pub fn covers(&self, resource: &Resource, host: &str) -> bool {
        self.wants(resource) && self.refuses(resource, host).is_none()
    }

    /// Whether anything that was asked for may be on this host.
    pub fn concerns(&self, host: &str, resources: &[Resource]) -> bool {
        let here = |resource: &&Resource| resource.hosts.iter().any(|other| other == host);
        self.is_whole() || resources.iter().filter(here).any(|resource| self.covers(resource, host))
    }

    pub(super) fn wants(&self, resource: &Resource) -> bool {
        self.wish.target.is_empty() || self.wish.target.iter().any(|pattern| means(pattern, resource))
    }

    /// Why a resource stays as it is, whatever stands on it.
    pub fn refuses(&self, resource: &Resource, host: &str) -> Option<String> {
        if self.hosts.as_ref().is_some_and(|hosts| !hosts.contains(host)) {
            return Some(format!("{host} was not selected with --on"));
        }
        if self.saved.as_ref().is_some_and(|saved| !saved.contains(&resource.id)) {
            return Some("it is not in the saved plan".to_owned());
        }
        let pattern = self.wish.exclude.iter().find(|pattern| means(pattern, resource))?;
        Some(format!("left out with --exclude {pattern}"))
    }
}

/// All a resource may be called: its id, the same without its host, its
/// playbook, its step.
fn names(resource: &Resource) -> [String; 4] {
    let label = resource.id.split_once('/').map_or("", |(_, label)| label);
    let step = format!("{}/{}", resource.playbook, resource.step);
    [resource.id.clone(), label.to_owned(), resource.playbook.clone(), step]
}

fn means(pattern: &str, resource: &Resource) -> bool {
    names(resource).iter().any(|name| wildcard::matches(pattern, name))
}

fn unknown(flag: &str, pattern: &str, resources: &[Resource]) -> Unknown {
    let message = format!("{flag} {pattern}: nothing in this cluster is called so");
    let known: BTreeSet<String> = resources.iter().flat_map(names).collect();
    let playbooks: BTreeSet<&str> =
        resources.iter().map(|r| r.playbook.as_str()).filter(|name| !name.is_empty()).collect();
    let playbooks = playbooks.into_iter().collect::<Vec<_>>().join(", ");
    let forms = || {
        format!(
            "it takes an id as plan prints it (NODE/KIND:NAME), KIND:NAME, PLAYBOOK/STEP, or a playbook \
             ({playbooks}); * and ? stand for any text"
        )
    };
    let near = nearest(pattern, known.iter().map(String::as_str));
    let hint = near.map_or_else(forms, |near| format!("did you mean {near}?"));
    Unknown { message, hint }
}

/// The hosts that a word of `--on` means: a name, a pattern, `@role`.
fn hosts_of(pattern: &str, hosts: &[Host]) -> Result<Vec<String>, Unknown> {
    let means = |host: &&Host| match pattern.strip_prefix('@') {
        Some(role) => host.has(role),
        None => wildcard::matches(pattern, &host.name),
    };
    let found: Vec<String> = hosts.iter().filter(means).map(|host| host.name.clone()).collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let (what, known): (String, Vec<&str>) = match pattern.strip_prefix('@') {
        Some(role) => {
            let has = |role: &&str| hosts.iter().any(|host| host.has(role));
            (format!("no host has the role {role}"), all_roles().filter(has).collect())
        }
        None => (format!("there is no host {pattern}"), hosts.iter().map(|h| h.name.as_str()).collect()),
    };
    let hint = match nearest(pattern.trim_start_matches('@'), known.iter().copied()) {
        Some(near) => format!("did you mean {near}? Known here: {}", known.join(", ")),
        None => format!("known here: {}", known.join(", ")),
    };
    Err(Unknown { message: format!("--on {pattern}: {what}"), hint })
}
