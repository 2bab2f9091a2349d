//! Owns what follows where a unit was not well with what was changed for it: its
//! host put that back, and others of its group do too. Must not know how.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;

use super::batch::Step;
use super::event::{Event, Outcome};
use super::journal::Record;
use super::summary::{Summary, now};
use super::work::{Worker, lock};
use crate::expand::Resource;
use crate::resource::{Kind, Script};
use crate::shell::quote;

impl Worker<'_> {
    /// Units among what failed on `host`.
    pub(super) fn broke(&self, host: &str, outcomes: &[(usize, Outcome)]) {
        for (index, outcome) in outcomes {
            if let (Kind::Unit(unit), Outcome::Failed { .. }) =
                (&self.planner.resources[*index].kind, outcome)
            {
                lock(&self.broken).insert((host.to_owned(), unit.full_name()));
            }
        }
    }

    /// Why a resource is not as it was made: a unit was not well with it.
    pub(super) fn put_back(&self, index: usize, host: &str) -> Option<String> {
        let broken = lock(&self.broken);
        let notified = &self.planner.resources[index].notifies;
        let (unit, _) =
            notified.iter().find(|(unit, _)| broken.contains(&(host.to_owned(), unit.clone())))?;
        Some(format!("it was put back: {unit} is not well with the change, here or on another host"))
    }

    /// Where one was not well with a change, the others that come one at a time must
    /// not meet it at their next boot: what waits for their restart goes back.
    pub(super) async fn withdraw(&self) {
        let broken = lock(&self.broken).clone();
        let resources = self.planner.resources;
        let unit = |r: &Resource| match (&r.kind, r.host()) {
            (Kind::Unit(unit), Some(host)) if r.rolling || r.serial => {
                Some((host.to_owned(), unit.full_name()))
            }
            _ => None,
        };
        let failed = resources.iter().filter(|r| unit(r).is_some_and(|unit| broken.contains(&unit)));
        let steps: BTreeSet<(&str, &str)> = failed.map(|r| (&*r.playbook, &*r.step)).collect();
        let alike = resources.iter().filter(|r| steps.contains(&(&*r.playbook, &*r.step))).filter_map(unit);
        let mut by_host: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (host, unit) in alike.filter(|unit| !broken.contains(unit)) {
            by_host.entry(host).or_default().push(unit);
        }
        join_all(by_host.iter().map(|(host, units)| self.withdraw_on(host, units))).await;
    }

    async fn withdraw_on(&self, host: &str, units: &[String]) {
        if self.links.get(host).is_none() || !self.lock.fences.contains_key(host) {
            return;
        }
        let ids: Vec<String> = units.iter().map(|unit| format!("{host}/put back for:{unit}")).collect();
        let steps: Vec<Step> = ids
            .iter()
            .zip(units)
            .map(|(id, unit)| Step {
                ids: vec![id.clone()],
                script: Script::new(format!("hac_withdraw {}", quote(unit))),
                requires: Vec::new(),
                owes: Vec::new(),
            })
            .collect();
        let receipts = self.send(host, &steps).await;
        for id in ids {
            self.record(&Record::StepEnded { id, outcome: "changed".to_owned(), time: now() });
        }
        let receipts = match receipts {
            Ok(receipts) => receipts,
            Err(why) => {
                let text = format!("{host}: what waits for a restart there could not be put back: {why}");
                return self.sink.event(Event::Note { text });
            }
        };
        for (unit, receipt) in units.iter().zip(receipts).filter(|(_, receipt)| !receipt.lines.is_empty()) {
            lock(&self.broken).insert((host.to_owned(), unit.clone()));
            let text = format!("{host}, before {unit} met it: {}", receipt.lines.join("; "));
            self.sink.event(Event::Note { text });
        }
    }

    /// What was changed in this run and put back later did not succeed.
    pub(super) fn recount(&self, differs: &[(usize, String)], summary: &mut Summary) {
        for (index, host) in differs {
            let id = &self.planner.resources[*index].id;
            if let Some(why) = self.put_back(*index, host)
                && !summary.failed.iter().any(|(other, _)| other == id)
            {
                summary.changed = summary.changed.saturating_sub(1);
                summary.failed.push((id.clone(), why));
            }
        }
    }
}
