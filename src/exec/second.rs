//! Owns the second reading: what was applied is probed again and must agree.
//! Must not apply anything.

use std::collections::BTreeMap;

use super::event::Outcome;
use super::gather::probe_all;
use super::summary::now;
use super::work::{Worker, lock};
use crate::facts::Needs;
use crate::plan::Assessment;
use crate::resource::{Change, Field, sealed};

impl Worker<'_> {
    /// Reads the resources again and judges them anew.
    pub(super) async fn verify(&self, host: &str, indices: &[usize]) -> Vec<(usize, Outcome)> {
        let mut outcomes = Vec::new();
        // A member's first data comes with the start of its unit; the gate sees it.
        let (now, later): (Vec<usize>, Vec<usize>) = indices.iter().partition(|index| {
            self.assessment(**index).is_none_or(|a| a.change.to("start") != Some("first"))
        });
        outcomes.extend(later.into_iter().map(|index| (index, Outcome::Changed)));
        if now.is_empty() {
            return outcomes;
        }
        if let Err(why) = self.reread(host, &now).await {
            let why = format!("applied, but it could not be read again: {why}");
            outcomes.extend(now.into_iter().map(|index| (index, Outcome::Failed { why: why.clone() })));
            return outcomes;
        }
        for index in now {
            let outcome = match self.judge(index, host) {
                Ok(assessment) if assessment.change.is_none() => Outcome::Changed,
                Ok(assessment) => Outcome::Failed {
                    why: self.put_back(index, host).unwrap_or_else(|| {
                        format!("applied, but a second reading disagrees: {}", differs(&assessment))
                    }),
                },
                Err(why) => Outcome::Failed { why },
            };
            outcomes.push((index, outcome));
        }
        outcomes
    }

    /// Probes what `indices` need on `host`, and what their groups need anywhere.
    /// An error where `host` itself does not answer.
    pub(super) async fn reread(&self, host: &str, indices: &[usize]) -> Result<(), String> {
        let mut needs: BTreeMap<String, Needs> = BTreeMap::new();
        let own = needs.entry(host.to_owned()).or_default();
        let mut group = false;
        for index in indices {
            let resource = &self.planner.resources[*index];
            resource.kind.manage().needs(own);
            group |= resource.group.is_some() && (resource.rolling || resource.once.is_some());
        }
        if group {
            for (host, more) in &self.group_needs {
                needs.entry(host.clone()).or_default().merge(more.clone());
            }
        }
        let mut gathered = probe_all(&self.links.probers(), &needs, &()).await;
        if gathered.failed.contains_key(host) && self.links.reopen(host).await.is_some() {
            needs.retain(|other, _| other == host);
            let again = probe_all(&self.links.probers(), &needs, &()).await;
            gathered.failed.retain(|other, _| other != host);
            gathered.failed.extend(again.failed);
            gathered.ok.extend(again.ok);
        }
        lock(&self.observed).renew(gathered.ok, &gathered.failed, now());
        gathered.failed.remove(host).map_or(Ok(()), |away| Err(away.why))
    }

    /// Judges one resource by what is known now and remembers the judgement.
    pub(super) fn judge(&self, index: usize, host: &str) -> Result<Assessment, String> {
        let assessment = self
            .planner
            .assess(index, host, &lock(&self.observed))
            .map_err(|problems| problems.to_string())?;
        lock(&self.assessed).insert(index, assessment.clone());
        Ok(assessment)
    }
}

/// The fields in which an assessment still differs.
pub(super) fn differs(assessment: &Assessment) -> String {
    match &assessment.change {
        Change::Late(why) | Change::Unreadable(why) | Change::Refused(why) => why.clone(),
        Change::Remove => "it is still there".to_owned(),
        change => {
            let row = |field: &Field| {
                let Field { name, from, to } = field;
                if sealed(name) {
                    format!("its {name} differs")
                } else {
                    format!("{name} is {from:?}, not {to:?}")
                }
            };
            change.fields().iter().map(row).collect::<Vec<_>>().join("; ")
        }
    }
}
