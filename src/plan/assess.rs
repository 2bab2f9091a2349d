//! Owns the judgement of one resource on one host: filled in, then compared.
//! Must not know the order of resources.

use std::collections::BTreeMap;

use super::lint::lint;
use super::{Away, Foreign};
use crate::expand::Resource;
use crate::facts::view::View;
use crate::facts::{EtcdFact, Fact, Facts, PatroniFact};
use crate::graph::Graph;
use crate::ledger::Ledger;
use crate::playbook::Once;
use crate::problem::Problems;
use crate::render::Renderer;
use crate::resource::{Change, Field, Fields, Have, Kind, ResolveError, Unit, owed, owed_for};
use crate::secrets::Secrets;

/// What the probes brought.
#[derive(Debug, Default)]
pub struct Observed {
    pub facts: BTreeMap<String, Facts>,
    /// Hosts that take no part, and why.
    pub unreachable: BTreeMap<String, Away>,
    pub view: View,
}

impl Observed {
    pub fn new(facts: BTreeMap<String, Facts>, unreachable: BTreeMap<String, Away>, now: u64) -> Self {
        let view = View::fold(&facts, unreachable.keys().cloned().collect(), now);
        Self { facts, unreachable, view }
    }

    /// What each host that answers says was applied there.
    pub fn ledgers(&self) -> BTreeMap<String, Ledger> {
        let ledger =
            |(host, facts): (&String, &Facts)| Some((host.clone(), Ledger::read(facts.ledger.as_deref())?));
        self.facts.iter().filter_map(ledger).collect()
    }

    /// Takes over that some hosts do not answer any more.
    pub fn lose(&mut self, hosts: BTreeMap<String, Away>) {
        self.facts.retain(|host, _| !hosts.contains_key(host));
        self.unreachable.extend(hosts);
    }

    /// Takes over newer readings, and that some hosts gave none: what their
    /// members said before counts no more, only that they hold data.
    pub fn renew(&mut self, newer: BTreeMap<String, Facts>, silent: &BTreeMap<String, Away>, now: u64) {
        for (_, facts) in self.facts.iter_mut().filter(|(host, _)| silent.contains_key(*host)) {
            for fact in facts.etcd.values_mut() {
                if let Fact::Present(member) = fact {
                    *member = EtcdFact { data: member.data, ..EtcdFact::default() };
                }
            }
            if let Some(Fact::Present(member)) = &mut facts.patroni {
                *member = PatroniFact { data: member.data, ..PatroniFact::default() };
            }
        }
        self.update(newer, now);
    }

    /// Takes over newer readings of some hosts.
    pub fn update(&mut self, newer: BTreeMap<String, Facts>, now: u64) {
        for (host, facts) in newer {
            self.facts.entry(host).or_default().merge(facts);
        }
        self.view = View::fold(&self.facts, self.unreachable.keys().cloned().collect(), now);
    }
}

/// Everything the judgement of a resource depends on.
#[derive(Debug, Clone, Copy)]
pub struct Planner<'a> {
    pub resources: &'a [Resource],
    pub graph: &'a Graph,
    pub renderer: &'a Renderer,
    pub secrets: Option<&'a Secrets>,
}

/// One resource on one host, judged.
#[derive(Debug, Clone)]
pub struct Assessment {
    /// Index into the resources.
    pub index: usize,
    pub id: String,
    pub host: String,
    /// The kind with content filled in.
    pub kind: Kind,
    pub change: Change,
    /// What was there, for drift.
    pub have: Option<Fields>,
    /// It could not be filled in because the secrets are not at hand.
    pub lacks_secrets: bool,
    /// Whose the thing is that it would overwrite.
    pub foreign: Foreign,
    /// Why it stays although nothing asks for it any more.
    pub stays: Option<String>,
}

impl Planner<'_> {
    /// Where a resource is judged and applied; `None` while no such host answers.
    pub fn host_of(&self, resource: &Resource, observed: &Observed) -> Option<String> {
        let answers = |host: &&String| observed.facts.contains_key(*host);
        let leader = observed.view.patroni.leader_host();
        let leads = |host: &&String| leader == Some(host.as_str());
        let mut hosts = resource.hosts.iter().filter(answers);
        match resource.once {
            Some(Once::Leader) => {
                resource.hosts.iter().filter(answers).find(leads).or_else(|| hosts.next()).cloned()
            }
            _ => hosts.next().cloned(),
        }
    }

    /// Judges resource `index` on `host`.
    pub fn assess(&self, index: usize, host: &str, observed: &Observed) -> Result<Assessment, Problems> {
        let resource = &self.resources[index];
        let nothing = Facts::default();
        let facts = observed.facts.get(host).unwrap_or(&nothing);
        let mut assessment = Assessment {
            index,
            id: resource.id.clone(),
            host: host.to_owned(),
            kind: resource.kind.clone(),
            change: Change::None,
            have: None,
            lacks_secrets: false,
            foreign: Foreign::No,
            stays: None,
        };
        match resource.resolve(self.renderer, self.secrets, facts, observed.view.now) {
            Ok(kind) => assessment.kind = kind,
            Err(ResolveError::NoSecrets) => assessment.lacks_secrets = true,
            Err(ResolveError::Render(problems)) => return Err(problems),
            Err(error @ (ResolveError::Pki(_) | ResolveError::Password(..))) => {
                assessment.change = Change::Unreadable(error.to_string());
                return Ok(assessment);
            }
        }
        let manage = assessment.kind.manage();
        let have = manage.have(facts, &observed.view);
        let change = manage.diff(facts, &observed.view);
        if matches!(change, Change::Create(_) | Change::Update(_)) {
            lint(resource, &assessment.kind, self.renderer, self.secrets)?;
        }
        if let Have::Fields(fields) = have {
            assessment.stays = stays(&assessment.kind, facts);
            assessment.have = Some(fields);
        }
        assessment.change = change;
        assessment.settle();
        Ok(assessment)
    }
}

fn stays(kind: &Kind, facts: &Facts) -> Option<String> {
    let Kind::Gone(gone) = kind else { return None };
    gone.stays(facts)
}

impl Assessment {
    /// Of a file that is as it should be nobody asks more than its hash.
    fn settle(&mut self) {
        if let (Change::None, false, Kind::File(file)) = (&self.change, self.lacks_secrets, &mut self.kind) {
            file.forget();
            self.have = None;
        }
    }

    /// What it owes, or will owe once what comes before is done.
    pub fn debt(&self) -> Option<&Field> {
        self.change.fields().iter().find(|field| field.name == Unit::CONFIGURATION)
    }

    /// A restart is what it owes.
    pub(super) fn restarts(&self) -> bool {
        self.debt().is_some_and(|field| owed(&field.from) == Some("restart"))
    }

    /// Adds the restart or reload that a change elsewhere will make it owe. A
    /// unit that is about to start anyway owes nothing, and a restart pays for all.
    pub(super) fn owe(&mut self, word: &str, from: &str) {
        let starts = self.change.to("state").is_some() || self.change.to("masked").is_some();
        let more = |field: &Field| word == "reload" || owed_for(&field.from).is_some();
        let paid = self.restarts() && self.debt().is_some_and(more);
        if starts || paid || self.change == Change::Remove || self.change.held().is_some() {
            return;
        }
        let row = Field {
            name: Unit::CONFIGURATION.to_owned(),
            from: format!("owes a {word}"),
            to: format!("current, after {from}"),
        };
        let mut rows: Vec<Field> =
            self.change.fields().iter().filter(|f| f.name != Unit::CONFIGURATION).cloned().collect();
        rows.push(row);
        self.change = Change::Update(rows);
    }
}
