//! Owns the walk: which step runs on which host for which item, and what two
//! steps may not both say. Must not know what a step's strings become.

use std::collections::BTreeSet;

use minijinja::context;
use minijinja::value::{Serde, Value};
use serde_json::Value as Json;

use super::Resource;
use crate::playbook::{Playbook, Step, StepKind};
use crate::problem::{Problem, Problems};
use crate::render::Renderer;
use crate::resource::{Kind, OnChange};
use crate::span::Place;

pub(super) struct Expansion<'a> {
    /// The inventory's values: one copy that all resources of all hosts share.
    context: Value,
    pub(super) renderer: &'a Renderer,
    pub(super) resources: Vec<Resource>,
    /// The members of the playbook's group are those of another one.
    pub(super) guest: bool,
    seen: BTreeSet<String>,
}

/// One step on one host, for one item.
pub(super) struct Spot<'a> {
    pub(super) playbook: &'a Playbook,
    pub(super) step: &'a Step,
    host: &'a str,
    item: Option<&'a Json>,
    pub(super) context: Value,
}

impl<'a> Expansion<'a> {
    pub(super) fn new(context: &Json, renderer: &'a Renderer) -> Self {
        Self {
            context: Value::from(Serde(context)),
            renderer,
            resources: Vec::new(),
            guest: false,
            seen: BTreeSet::new(),
        }
    }

    pub(super) fn playbook(&mut self, playbook: &Playbook, host: &Json) -> Result<(), Problems> {
        let has_role = host["roles"].as_array().is_some_and(|roles| roles.iter().any(|r| r == &playbook.on));
        let Some(name) = host["name"].as_str().filter(|_| has_role) else { return Ok(()) };
        let context = context! { host => Value::from(Serde(host)), ..self.context.clone() };
        if !self.holds(playbook.when.as_ref(), playbook, &context)? {
            return Ok(());
        }
        let all = self.list(playbook.each.as_ref(), playbook, &context)?;
        for step in &playbook.steps {
            let spot = |item, context| Spot { playbook, step, host: name, item, context };
            if (playbook.each.is_some() || step.each.is_some()) && step.uses_item() {
                let own = step.each.as_ref().map(|each| self.list(Some(each), playbook, &context));
                for item in own.transpose()?.as_ref().unwrap_or(&all) {
                    self.step(&spot(Some(item), with_item(item, &context)))?;
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
        context: &Value,
    ) -> Result<bool, Problems> {
        let Some((text, span)) = when else { return Ok(true) };
        let value = self.renderer.expression(text, &place(playbook, span), context)?;
        Ok(value.is_true())
    }

    fn list(
        &self,
        each: Option<&(String, std::ops::Range<usize>)>,
        playbook: &Playbook,
        context: &Value,
    ) -> Result<Vec<Json>, Problems> {
        each.map_or(Ok(Vec::new()), |(text, span)| self.items(text, &place(playbook, span), context))
    }

    fn items(&self, text: &str, at: &Place, context: &Value) -> Result<Vec<Json>, Problems> {
        let value = self.renderer.expression(text, at, context)?;
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
        // Items of a step's own list are nothing to the other steps' items.
        let item = spot.item.filter(|_| spot.step.each.is_none());
        let item = item.map(|item| item["name"].as_str().map_or_else(|| item.to_string(), str::to_owned));
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
            confirm: spot.step.confirm,
            serial: spot.step.serial,
            group: spot.playbook.group,
            guest: self.guest,
            limit: spot.step.limit.clone(),
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
        if let (Kind::Package(first), Kind::Package(other)) = (&mut first.kind, kind) {
            first.on = first.on.or(&other.on);
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
            if target.uses_item() && spot.item.is_none() {
                // A step of the whole host notifies the unit of every item.
                for item in self.list(spot.playbook.each.as_ref(), spot.playbook, &spot.context)? {
                    let context = with_item(&item, &spot.context);
                    found.push((self.fill(unit, &target.place, &context)?.full_name(), unit.on_change));
                }
            } else {
                found.push((self.fill(unit, &target.place, &spot.context)?.full_name(), unit.on_change));
            }
        }
        Ok(found)
    }
}

fn with_item(item: &Json, context: &Value) -> Value {
    context! { it => Value::from(Serde(item)), ..context.clone() }
}

fn place(playbook: &Playbook, span: &std::ops::Range<usize>) -> Place {
    Place { source: std::sync::Arc::clone(&playbook.source), span: span.clone() }
}
