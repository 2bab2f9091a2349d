//! Owns the way from a plan to its report: reasons, places, diffs, secrets
//! masked. Must not contact a host nor print.

use std::collections::BTreeMap;
use std::time::Duration;

use super::ownership::{destroyed, kept, other_clusters, takes_over};
use super::reading::{Contents, Reading};
use super::world::{World, template_of};
use crate::expand::Resource;
use crate::ledger::Ledger;
use crate::plan::{Assessment, Foreign, reason};
use crate::report::diff;
use crate::report::plan::{Action, Deferred, PlanReport, Selected, Sign, Waiting};
use crate::report::problems::line_of;
use crate::resource::{Change, Field, Kind, owed, owed_for, sealed};
use crate::secret::Secret;

/// What an action is described from.
#[derive(Debug)]
pub(super) struct Describe<'a> {
    world: &'a World,
    reading: &'a Reading,
    ledgers: BTreeMap<String, Ledger>,
    flat: BTreeMap<String, String>,
    verbose: bool,
}

impl<'a> Describe<'a> {
    pub(super) fn new(world: &'a World, reading: &'a Reading, verbose: bool) -> Self {
        let ledgers = reading.observed.ledgers();
        Self { world, reading, ledgers, flat: world.flat_inventory(), verbose }
    }

    pub(super) fn report(&self, took: Duration) -> PlanReport {
        let systems = self.world.systems(&self.reading.observed).remarks();
        let remarks = self.world.own_playbooks().into_iter().chain(self.world.left_out()).chain(systems);
        let remarks =
            remarks.chain(kept(&self.reading.plan)).chain(other_clusters(self.world.name(), &self.ledgers));
        let lost =
            destroyed(self.reading.chosen()).into_iter().map(|data| format!("destroyed for good: {data}"));
        PlanReport {
            cluster: self.world.name().to_owned(),
            actions: self.reading.chosen().map(|assessment| self.action(assessment)).collect(),
            titles: self.world.titles(),
            effects: self.reading.effects.iter().cloned().chain(lost).collect(),
            remarks: remarks.collect(),
            selection: self.selection(),
            deferred: self.deferred(),
            hosts: self.hosts(),
            seconds: took.as_secs_f64(),
        }
    }

    /// What was selected, and what waits because it was not.
    fn selection(&self) -> Option<Selected> {
        let waits = |(index, why): (&usize, &String)| Waiting {
            id: self.world.resources[*index].id.clone(),
            why: why.clone(),
        };
        let words = Some(self.reading.words.clone()).filter(|words| !words.is_empty());
        words.map(|words| Selected { words, waiting: self.reading.left_out.iter().map(waits).collect() })
    }

    /// Those that answered, in the inventory's order.
    fn hosts(&self) -> Vec<String> {
        let names = self.world.hosts.iter().map(|host| &host.name);
        names.filter(|name| self.reading.observed.facts.contains_key(*name)).cloned().collect()
    }

    fn action(&self, assessment: &Assessment) -> Action {
        let resource = &self.world.resources[assessment.index];
        let sign = sign(assessment);
        let text = match &assessment.kind {
            Kind::File(file) => file.text.as_ref().map(Secret::expose),
            _ => None,
        };
        let fields = assessment.change.fields().iter();
        Action {
            id: assessment.id.clone(),
            host: assessment.host.clone(),
            label: assessment.id.split_once('/').map_or("", |(_, label)| label).to_owned(),
            playbook: resource.playbook.clone(),
            sign,
            reason: self.reason(assessment, sign),
            fields: fields.filter(|field| field.name != "content").map(shown).collect(),
            lines: text.filter(|_| sign == Sign::Add).map(|text| text.lines().count()),
            diff: text.and_then(|text| self.diff(assessment, sign, text)),
        }
    }

    fn reason(&self, assessment: &Assessment, sign: Sign) -> String {
        if let Change::Forget(why) = &assessment.change {
            return why.clone();
        }
        if let Some(why) = assessment.change.held() {
            return why.to_owned();
        }
        if let Some(owes) = assessment.debt().filter(|_| matches!(sign, Sign::Restart | Sign::Reload)) {
            return owes.to.strip_prefix("current, after ").map_or_else(
                || {
                    owed_for(&owes.from)
                        .unwrap_or("its configuration changed after it was started")
                        .to_owned()
                },
                |from| format!("because {} changes", from.split_once('/').map_or(from, |(_, label)| label)),
            );
        }
        if assessment.foreign != Foreign::No {
            return takes_over(assessment, changed_text(self.world, &self.reading.contents, assessment));
        }
        let place = |key: &str| self.world.inventory.place_of(key).map(|place| line_of(&place));
        let ledger = self.ledgers.get(&assessment.host);
        reason(assessment, ledger, &reads(self.world, assessment.index, &self.flat), &self.flat, &place)
    }

    fn diff(&self, assessment: &Assessment, sign: Sign, new: &str) -> Option<String> {
        let masked = self.world.masked(new);
        if sign == Sign::Add {
            return self.verbose.then(|| diff::added(&masked));
        }
        changed_text(self.world, &self.reading.contents, assessment)
    }

    fn deferred(&self) -> Vec<Deferred> {
        let mut by_host: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        let unreachable = &self.reading.observed.unreachable;
        for host in unreachable.keys() {
            by_host.insert(host, Vec::new());
        }
        for id in self.reading.plan.deferred.keys() {
            let resource = self.world.resources.iter().find(|resource| &resource.id == id);
            let host = resource.and_then(|r| r.hosts.iter().find(|host| unreachable.contains_key(*host)));
            if let Some(steps) = host.and_then(|host| by_host.get_mut(host.as_str())) {
                steps.push(id.clone());
            }
        }
        let deferred = |(host, steps): (&str, Vec<String>)| {
            let away = unreachable.get(host)?;
            Some(Deferred { host: host.to_owned(), kind: away.kind, why: away.why.clone(), steps })
        };
        by_host.into_iter().filter_map(deferred).collect()
    }
}

/// How a file's content would change, secrets hidden; `None` where its content
/// was not fetched or cannot be rendered here.
pub(super) fn changed_text(world: &World, contents: &Contents, assessment: &Assessment) -> Option<String> {
    let Kind::File(file) = &assessment.kind else { return None };
    let new = file.text.as_ref().map(Secret::expose)?;
    let masked = world.masked(new);
    let old = contents.get(&(assessment.host.clone(), file.path.clone()))?;
    let old = diff::hide_alike(&world.masked(old), new, &masked);
    Some(diff::unified(&old, &masked))
}

/// Inventory values that resource `index` may depend on. What is computed from
/// the inventory may depend on all of it.
pub(super) fn reads(world: &World, index: usize, flat: &BTreeMap<String, String>) -> Vec<String> {
    let resource = &world.resources[index];
    let template = template_of(&resource.kind).map(|name| world.renderer.reads(name));
    let mut reads = template.unwrap_or_default();
    reads.extend(placeholders(step_text(resource)));
    if let Kind::Package(package) = &resource.kind {
        reads.push(format!("packages.versions.{}", package.name));
    }
    let derived = |name: &String| {
        let table = name.split('.').next().unwrap_or_default();
        matches!(table, "computed" | "host" | "hosts" | "it")
    };
    if reads.iter().any(derived) {
        reads.extend(flat.keys().cloned());
    }
    reads
}

/// What stands for a password: words, never its hash.
fn shown(field: &Field) -> Field {
    if !sealed(&field.name) {
        return field.clone();
    }
    let from = if field.from.is_empty() { "" } else { "another one" };
    Field { name: field.name.clone(), from: from.to_owned(), to: "as in the secrets file".to_owned() }
}

fn sign(assessment: &Assessment) -> Sign {
    let changes = |name: &str| assessment.change.to(name).is_some();
    match &assessment.change {
        _ if assessment.foreign == Foreign::InTheWay => Sign::InTheWay,
        Change::Create(_) if changes("replaces") => Sign::Replace,
        Change::Create(_) => Sign::Add,
        Change::Update(_) if changes("type") => Sign::Replace,
        Change::Update(_) if changes("removes") => Sign::Remove,
        Change::Update(fields) => match assessment.debt().and_then(|field| owed(&field.from)) {
            Some("restart") if fields.len() == 1 => Sign::Restart,
            Some("reload") if fields.len() == 1 => Sign::Reload,
            _ => Sign::Change,
        },
        Change::Remove => Sign::Remove,
        Change::Forget(_) => Sign::Forget,
        Change::Late(_) => Sign::Later,
        Change::Refused(_) => Sign::Refused,
        Change::Unreadable(_) | Change::None => Sign::Unreadable,
    }
}

/// The lines of a step in its playbook.
fn step_text(resource: &Resource) -> &str {
    let text = resource.place.source.text.get(resource.place.span.start..).unwrap_or_default();
    let body = text.trim_start_matches("[[step]]");
    &body[..body.find("[[step]]").unwrap_or(body.len())]
}

/// Dotted names between `{{` and `}}`.
fn placeholders(text: &str) -> Vec<String> {
    let inside = text.split("{{").skip(1).filter_map(|rest| rest.split("}}").next());
    let name = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
    let names = inside.flat_map(|inside| inside.split(move |c| !name(c)));
    let mut names: Vec<String> =
        names.filter(|n| n.starts_with(char::is_alphabetic)).map(str::to_owned).collect();
    names.sort();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_names() {
        let text =
            "path = \"/etc/{{ it.name }}.env\"\nx = \"{{ computed.etcd | join(',') }} {{ vip.database }}\"";
        assert_eq!(placeholders(text), ["computed.etcd", "it.name", "join", "vip.database"]);
        assert!(placeholders("no {{").is_empty());
    }
}
