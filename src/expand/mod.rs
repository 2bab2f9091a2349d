//! Owns expansion: playbooks over hosts become resources, strings filled in.
//! Must not know facts: ids, paths and needs never depend on them.

mod expansion;
mod fill;

use std::collections::{BTreeMap, BTreeSet};

use minijinja::context;
use minijinja::value::{Serde, Value};
use serde_json::Value as Json;

use crate::facts::{Facts, Needs};
use crate::group::GroupName;
use crate::inventory::Packages;
use crate::playbook::{Once, Phase, Playbook};
use crate::problem::Problems;
use crate::release::{features, patroni};
use crate::render::{RenderError, Renderer};
use crate::resource::{Gone, Kind, OnChange, ResolveError, Resolver};
use crate::secrets::Secrets;
use crate::span::{Place, Source};

/// One resource, with where it comes from and what it is tied to.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a property of its own")]
pub struct Resource {
    /// `node1/file:/etc/hosts`, or `cluster/wait:...` where it runs once.
    pub id: String,
    /// Where it runs; for one that runs once, where it may.
    pub hosts: Vec<String>,
    pub once: Option<Once>,
    pub kind: Kind,
    pub playbook: String,
    pub step: String,
    pub item: Option<String>,
    pub phase: Phase,
    pub rolling: bool,
    /// It may lock us out, or makes a unit read what may.
    pub confirm: bool,
    /// One host at a time, and none after one that failed.
    pub serial: bool,
    pub group: Option<GroupName>,
    /// It only keeps to its group's order: the members are another playbook's.
    pub guest: bool,
    pub limit: Option<String>,
    /// Units that owe something when this changes.
    pub notifies: Vec<(String, OnChange)>,
    pub place: Place,
    context: Value,
}

impl Resource {
    /// What a host's ledger holds and no step asks for.
    pub fn gone(id: &str, host: &str, gone: Gone, playbook: &str) -> Self {
        Self {
            id: id.to_owned(),
            hosts: vec![host.to_owned()],
            once: None,
            kind: Kind::Gone(gone),
            playbook: playbook.to_owned(),
            step: String::new(),
            item: None,
            phase: Phase::Configure,
            rolling: false,
            confirm: false,
            serial: false,
            group: None,
            guest: false,
            limit: None,
            notifies: Vec::new(),
            place: Place { source: Source::new(format!("the ledger of {host}"), ""), span: 0..0 },
            context: Value::UNDEFINED,
        }
    }

    /// A member of its group is there because of it, so the group's gate comes after.
    pub fn makes_member(&self) -> bool {
        !self.guest && !matches!(self.kind, Kind::PatroniRestart(_))
    }

    /// Its host, where it runs on one and always the same.
    pub fn host(&self) -> Option<&str> {
        if self.once.is_some() { None } else { self.hosts.first().map(String::as_str) }
    }

    /// A text of the inventory: that of table and key.
    pub fn setting(&self, table: &str, key: &str) -> Option<String> {
        self.context.get_attr(table).ok()?.get_attr(key).ok()?.as_str().map(str::to_owned)
    }

    /// A small number of the inventory, likewise.
    pub fn number(&self, table: &str, key: &str) -> Option<u16> {
        self.context.get_attr(table).ok()?.get_attr(key).ok()?.try_into().ok()
    }

    /// The kind with everything filled in that needs facts or secrets.
    pub fn resolve(
        &self,
        renderer: &Renderer,
        secrets: Option<&Secrets>,
        facts: &Facts,
        now: u64,
    ) -> Result<Kind, ResolveError> {
        let mut kind = self.kind.clone();
        let with = Filling { resource: self, renderer, secrets, facts, now };
        kind.manage_mut().resolve(&with)?;
        Ok(kind)
    }

    /// Whose packages the inventory asks for.
    fn packages(&self) -> Packages {
        let asked = self.context.get_attr("postgres").and_then(|table| table.get_attr("packages"));
        let pgdg = asked.is_ok_and(|asked| asked.as_str() == Some(Packages::Pgdg.as_str()));
        if pgdg { Packages::Pgdg } else { Packages::Debian }
    }

    /// Renders any template as this resource's host would see it.
    pub fn render(&self, renderer: &Renderer, name: &str, facts: &Facts) -> Result<String, RenderError> {
        let host = self.context.get_attr("host").unwrap_or_default();
        let features = features(patroni(facts, self.packages()));
        let known =
            context! { patroni => Value::from(Serde(&features)), ..Value::from(Serde(&facts.identity)) };
        let host = context! { facts => known, ..host };
        renderer.template(name, &context! { host => host, ..self.context.clone() })
    }
}

struct Filling<'a> {
    resource: &'a Resource,
    renderer: &'a Renderer,
    secrets: Option<&'a Secrets>,
    facts: &'a Facts,
    now: u64,
}

impl Resolver for Filling<'_> {
    fn template(&self, name: &str) -> Result<String, ResolveError> {
        self.resource.render(self.renderer, name, self.facts).map_err(|error| match error {
            RenderError::Problems(problems) => ResolveError::Render(problems),
            RenderError::NoSecrets => ResolveError::NoSecrets,
        })
    }

    fn secrets(&self) -> Option<&Secrets> {
        self.secrets
    }

    fn facts(&self) -> &Facts {
        self.facts
    }

    fn now(&self) -> u64 {
        self.now
    }
}

/// What every host's probe must ask for these resources.
pub fn needs(resources: &[Resource]) -> BTreeMap<String, Needs> {
    let mut all: BTreeMap<String, Needs> = BTreeMap::new();
    for resource in resources {
        for host in &resource.hosts {
            resource.kind.manage().needs(all.entry(host.clone()).or_default());
        }
    }
    all
}

/// Expands all playbooks. `context` is the inventory's, with its `hosts`.
pub fn expand(
    playbooks: &[Playbook],
    context: &Json,
    renderer: &Renderer,
) -> Result<Vec<Resource>, Problems> {
    let mut work = expansion::Expansion::new(context, renderer);
    let mut problems = Vec::new();
    for playbook in playbooks {
        let hosts_it =
            |other: &&Playbook| playbook.needs.contains(&other.name) && other.group == playbook.group;
        work.guest = playbook.group.is_some() && playbooks.iter().any(|other| hosts_it(&other));
        for host in context["hosts"].as_array().into_iter().flatten() {
            if let Err(Problems(mut more)) = work.playbook(playbook, host) {
                problems.append(&mut more);
            }
        }
    }
    Problems::check(problems)?;
    confirm_units(&mut work.resources);
    Ok(work.resources)
}

/// What must be confirmed counts from when a unit reads it; one host at a time.
fn confirm_units(resources: &mut [Resource]) {
    let notified = |r: &Resource| -> Vec<(Vec<String>, String)> {
        r.notifies.iter().map(|(unit, _)| (r.hosts.clone(), unit.clone())).collect()
    };
    let units: BTreeSet<_> = resources.iter().filter(|r| r.confirm).flat_map(notified).collect();
    for resource in resources {
        if let Kind::Unit(unit) = &resource.kind {
            resource.confirm |= units.contains(&(resource.hosts.clone(), unit.full_name()));
        }
        resource.serial |= resource.confirm;
    }
}
