//! Owns expansion: playbooks over hosts become resources, strings filled in.
//! Must not know facts: ids, paths and needs never depend on them.

use std::collections::{BTreeMap, BTreeSet};

use minijinja::value::{Serde, Value};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use crate::facts::{Facts, Needs};
use crate::group::GroupName;
use crate::playbook::{Once, PackageList, Phase, Playbook, Step, StepKind};
use crate::problem::{Problem, Problems};
use crate::render::{RenderError, Renderer};
use crate::resource::{File, Kind, OnChange, Package, ResolveError, Resolver, Sysctl};
use crate::secrets::Secrets;
use crate::span::Place;

/// One resource, with where it comes from and what it is tied to.
#[derive(Debug, Clone)]
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
    pub group: Option<GroupName>,
    /// Units that owe something when this changes.
    pub notifies: Vec<(String, OnChange)>,
    pub place: Place,
    context: Json,
}

impl Resource {
    /// Its host, where it runs on one and always the same.
    pub fn host(&self) -> Option<&str> {
        if self.once.is_some() { None } else { self.hosts.first().map(String::as_str) }
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

    /// Renders any template as this resource's host would see it.
    pub fn render(&self, renderer: &Renderer, name: &str, facts: &Facts) -> Result<String, RenderError> {
        let mut context = self.context.clone();
        if let Some(host) = context.get_mut("host").and_then(Json::as_object_mut) {
            let identity = serde_json::to_value(&facts.identity).unwrap_or_default();
            host.insert("facts".to_owned(), identity);
        }
        renderer.template(name, &Value::from(Serde(&context)))
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
    let mut work = Expansion { context, renderer, resources: Vec::new(), seen: BTreeSet::new() };
    let mut problems = Vec::new();
    for playbook in playbooks {
        for host in context["hosts"].as_array().into_iter().flatten() {
            if let Err(Problems(mut more)) = work.playbook(playbook, host) {
                problems.append(&mut more);
            }
        }
    }
    Problems::check(problems)?;
    Ok(work.resources)
}

struct Expansion<'a> {
    context: &'a Json,
    renderer: &'a Renderer,
    resources: Vec<Resource>,
    seen: BTreeSet<String>,
}

/// One step on one host, for one item.
struct Spot<'a> {
    playbook: &'a Playbook,
    step: &'a Step,
    host: &'a str,
    item: Option<&'a Json>,
    context: Json,
}

impl Expansion<'_> {
    fn playbook(&mut self, playbook: &Playbook, host: &Json) -> Result<(), Problems> {
        let has_role = host["roles"].as_array().is_some_and(|roles| roles.iter().any(|r| r == &playbook.on));
        let Some(name) = host["name"].as_str().filter(|_| has_role) else { return Ok(()) };
        let mut context = self.context.clone();
        context["host"] = host.clone();
        if !self.holds(playbook.when.as_ref(), playbook, &context)? {
            return Ok(());
        }
        let items = match &playbook.each {
            Some((text, span)) => self.items(text, &place(playbook, span), &context)?,
            None => Vec::new(),
        };
        for step in &playbook.steps {
            let spot = |item, context| Spot { playbook, step, host: name, item, context };
            if uses_item(step) {
                for item in &items {
                    let mut context = context.clone();
                    context["it"] = item.clone();
                    self.step(&spot(Some(item), context))?;
                }
            } else {
                self.step(&spot(None, context.clone()))?;
            }
        }
        Ok(())
    }

    fn holds(
        &self,
        when: Option<&(String, std::ops::Range<usize>)>,
        playbook: &Playbook,
        context: &Json,
    ) -> Result<bool, Problems> {
        let Some((text, span)) = when else { return Ok(true) };
        let value = self.renderer.expression(text, &place(playbook, span), &Value::from(Serde(context)))?;
        Ok(value.is_true())
    }

    fn items(&self, text: &str, at: &Place, context: &Json) -> Result<Vec<Json>, Problems> {
        let value = self.renderer.expression(text, at, &Value::from(Serde(context)))?;
        let json = serde_json::to_value(&value).unwrap_or_default();
        Ok(json.as_array().cloned().unwrap_or_default())
    }

    fn step(&mut self, spot: &Spot<'_>) -> Result<(), Problems> {
        if !self.holds(spot.step.when.as_ref(), spot.playbook, &spot.context)? {
            return Ok(());
        }
        let kinds = self.kinds(spot)?;
        let notifies = self.notifies(spot)?;
        for kind in kinds {
            self.add(spot, kind, notifies.clone())?;
        }
        Ok(())
    }

    fn add(
        &mut self,
        spot: &Spot<'_>,
        kind: Kind,
        notifies: Vec<(String, OnChange)>,
    ) -> Result<(), Problems> {
        let once = spot.step.once;
        let item =
            spot.item.map(|item| item["name"].as_str().map_or_else(|| item.to_string(), str::to_owned));
        let owner = if once.is_some() { "cluster" } else { spot.host };
        let suffix = item.as_ref().filter(|i| !kind.label().contains(*i)).map(|i| format!("@{i}"));
        let id = format!("{owner}/{}{}", kind.label(), suffix.unwrap_or_default());
        if !self.seen.insert(id.clone()) {
            return self.again(spot, &kind, &id);
        }
        self.resources.push(Resource {
            id,
            hosts: vec![spot.host.to_owned()],
            once,
            kind,
            playbook: spot.playbook.name.clone(),
            step: spot.step.name.clone(),
            item,
            phase: spot.step.phase,
            rolling: spot.step.rolling,
            group: spot.playbook.group,
            notifies,
            place: spot.step.place.clone(),
            context: spot.context.clone(),
        });
        Ok(())
    }

    /// The same id again: one more host for a step that runs once, a package
    /// two playbooks want; anything else is a contradiction.
    fn again(&mut self, spot: &Spot<'_>, kind: &Kind, id: &str) -> Result<(), Problems> {
        let Some(first) = self.resources.iter_mut().find(|r| r.id == id) else { return Ok(()) };
        if first.once.is_some() && first.step == spot.step.name && first.playbook == spot.playbook.name {
            first.hosts.push(spot.host.to_owned());
            return Ok(());
        }
        if matches!(kind, Kind::Package(_)) {
            return Ok(());
        }
        let place = &spot.step.place;
        Err(Problem::error(
            &place.source,
            "HAC-E087",
            place.span.clone(),
            format!("{id} is already set by another step"),
        )
        .help(format!("step {:?} of playbook {} sets it; keep one of them", first.step, first.playbook))
        .into())
    }

    fn notifies(&self, spot: &Spot<'_>) -> Result<Vec<(String, OnChange)>, Problems> {
        let mut found = Vec::new();
        for (name, _) in &spot.step.notify {
            let Some(target) = spot.playbook.steps.iter().find(|s| &s.name == name) else { continue };
            let StepKind::Unit(unit) = &target.kind else { continue };
            if uses_item(target) && spot.item.is_none() {
                // A step of the whole host notifies the unit of every item.
                let items = match &spot.playbook.each {
                    Some((text, span)) => self.items(text, &place(spot.playbook, span), &spot.context)?,
                    None => Vec::new(),
                };
                for item in items {
                    let mut context = spot.context.clone();
                    context["it"] = item;
                    found.push((self.fill(unit, &target.place, &context)?.full_name(), unit.on_change));
                }
            } else {
                found.push((self.fill(unit, &target.place, &spot.context)?.full_name(), unit.on_change));
            }
        }
        Ok(found)
    }

    fn kinds(&self, spot: &Spot<'_>) -> Result<Vec<Kind>, Problems> {
        let Spot { step, context, .. } = spot;
        let name = || step.name.clone();
        let at = &step.place;
        Ok(vec![match &step.kind {
            StepKind::File(spec) => Kind::File(self.fill(spec, at, context)?),
            StepKind::Directory(spec) => Kind::Directory(self.fill(spec, at, context)?),
            StepKind::Link(spec) => Kind::Link(self.fill(spec, at, context)?),
            StepKind::User(spec) => Kind::User(self.fill(spec, at, context)?),
            StepKind::Group(spec) => Kind::Group(self.fill(spec, at, context)?),
            StepKind::Unit(spec) => Kind::Unit(self.fill(spec, at, context)?),
            StepKind::Certificate(spec) => {
                Kind::Certificate(Box::new(self.fill(spec.as_ref(), at, context)?))
            }
            StepKind::EtcdMember(spec) => Kind::EtcdMember(self.fill(spec, at, context)?),
            StepKind::Command(spec) => {
                Kind::Command(crate::resource::Command { name: name(), ..self.fill(spec, at, context)? })
            }
            StepKind::Wait(spec) => {
                Kind::Wait(crate::resource::Wait { name: name(), ..self.fill(spec, at, context)? })
            }
            StepKind::EtcdAuth(spec) => {
                Kind::EtcdAuth(crate::resource::EtcdAuth { name: name(), ..self.fill(spec, at, context)? })
            }
            StepKind::PatroniConfig(spec) => Kind::PatroniConfig(crate::resource::PatroniConfig {
                name: name(),
                ..self.fill(spec, at, context)?
            }),
            StepKind::Package(list) => return self.packages(list, at, context),
            StepKind::Sysctl(map) => return self.sysctls(map, spot),
        }])
    }

    fn packages(&self, list: &PackageList, at: &Place, context: &Json) -> Result<Vec<Kind>, Problems> {
        let names = match list {
            PackageList::Same(names) => names,
            PackageList::ByOs(by_os) => {
                let os = context["host"]["os"].as_str().unwrap_or("default");
                let Some(names) = by_os.get(os).or_else(|| by_os.get("default")) else {
                    return Ok(Vec::new());
                };
                names
            }
        };
        let names: Vec<String> = self.fill(names, at, context)?;
        Ok(names.into_iter().map(|name| Kind::Package(Package { name, absent: false })).collect())
    }

    /// The live settings, and the file that keeps them over a reboot.
    fn sysctls(&self, map: &BTreeMap<String, String>, spot: &Spot<'_>) -> Result<Vec<Kind>, Problems> {
        let map: BTreeMap<String, String> = self.fill(map, &spot.step.place, &spot.context)?;
        let lines: String = map.iter().map(|(key, value)| format!("{key} = {value}\n")).collect();
        let name =
            format!("{} {}", spot.playbook.name, spot.step.name).replace(|c: char| !c.is_alphanumeric(), "-");
        let file = File::literal(
            &format!("/etc/sysctl.d/60-hacluster-{name}.conf"),
            &format!("# Managed by hacluster: {}.\n{lines}", spot.playbook.title),
        );
        let live = map.into_iter().map(|(key, value)| Kind::Sysctl(Sysctl { key, value }));
        Ok(std::iter::once(Kind::File(file)).chain(live).collect())
    }

    /// Renders every string in a spec.
    fn fill<T: Serialize + DeserializeOwned>(
        &self,
        spec: &T,
        at: &Place,
        context: &Json,
    ) -> Result<T, Problems> {
        let mut json = serde_json::to_value(spec).unwrap_or_default();
        let value = Value::from(Serde(context));
        fill_json(&mut json, &mut |text| self.renderer.line(text, at, &value))?;
        serde_json::from_value(json).map_err(|error| {
            Problem::error(
                &at.source,
                "HAC-E082",
                at.span.clone(),
                format!("the step does not read: {error}"),
            )
            .into()
        })
    }
}

fn place(playbook: &Playbook, span: &std::ops::Range<usize>) -> Place {
    Place { source: std::sync::Arc::clone(&playbook.source), span: span.clone() }
}

fn fill_json(
    json: &mut Json,
    line: &mut impl FnMut(&str) -> Result<String, Problems>,
) -> Result<(), Problems> {
    match json {
        Json::String(text) => *text = line(text)?,
        Json::Array(list) => list.iter_mut().try_for_each(|item| fill_json(item, line))?,
        Json::Object(map) => map.values_mut().try_for_each(|item| fill_json(item, line))?,
        _ => {}
    }
    Ok(())
}

/// A step that speaks of `it` runs once per item.
fn uses_item(step: &Step) -> bool {
    let json = match &step.kind {
        StepKind::File(s) => serde_json::to_string(s),
        StepKind::Directory(s) => serde_json::to_string(s),
        StepKind::Link(s) => serde_json::to_string(s),
        StepKind::User(s) => serde_json::to_string(s),
        StepKind::Group(s) => serde_json::to_string(s),
        StepKind::Unit(s) => serde_json::to_string(s),
        StepKind::Sysctl(s) => serde_json::to_string(s),
        StepKind::Certificate(s) => serde_json::to_string(s),
        StepKind::Command(s) => serde_json::to_string(s),
        StepKind::Wait(s) => serde_json::to_string(s),
        StepKind::EtcdMember(s) => serde_json::to_string(s),
        StepKind::EtcdAuth(s) => serde_json::to_string(s),
        StepKind::PatroniConfig(s) => serde_json::to_string(s),
        StepKind::Package(_) => return false,
    };
    json.is_ok_and(|text| text.contains("{{ it.") || text.contains("{{ it "))
}
