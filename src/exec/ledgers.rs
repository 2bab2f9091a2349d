//! Owns the writing of ledgers: what a run is about to make, before it does, and
//! what it reached, at its end. Must not change anything else.

use std::collections::{BTreeMap, BTreeSet};

use data_encoding::HEXLOWER;
use futures_util::future::join_all;

use super::event::Event;
use super::work::{Worker, lock};
use crate::facts::{LEDGER, STATE};
use crate::ledger::{Ledger, Owned};
use crate::plan::{Assessment, Plan};
use crate::resource::{Change, Kind, PRELUDE};
use crate::shell::quote;

/// A ledger is a few kilobytes.
const WRITE_LIMIT: std::time::Duration = std::time::Duration::from_secs(30);

impl Worker<'_> {
    /// Before the first change: what was not there and is now to be made is
    /// hacluster's, and of which secrets it is, also where the run is cut.
    pub(super) async fn claim(&self, deferred: &BTreeMap<usize, String>) {
        let assessed: Vec<Assessment> =
            lock(&self.assessed).values().filter(|a| !deferred.contains_key(&a.index)).cloned().collect();
        let texts = self.texts(|host, ledger| {
            for assessment in assessed.iter().filter(|a| self.concerns(host, a) && a.change.is_work()) {
                if !ledger.owned.contains_key(&assessment.id)
                    && let Some(owned) = self.owned(assessment)
                {
                    ledger.owned.insert(assessment.id.clone(), owned);
                }
            }
        });
        self.put(texts).await;
    }

    /// After the last change: what is as it should be, and what is no more.
    pub(super) async fn write_ledgers(&self, plan: &Plan) {
        let texts = self.texts(|host, ledger| {
            let mut whole = true;
            for assessment in plan.assessments.iter().filter(|a| self.concerns(host, a)) {
                if assessment.change.is_none() && !matches!(assessment.kind, Kind::Gone(_)) {
                    self.reached(ledger, assessment);
                }
                whole &= !assessment.change.is_work();
            }
            if ledger.cluster == self.cluster {
                let held = self.held(host, plan);
                ledger.resources.retain(|id, _| held.contains(id.as_str()));
                ledger.owned.retain(|id, _| held.contains(id.as_str()));
            }
            if whole {
                ledger.inventory.clone_from(&self.inventory);
            }
        });
        self.put(texts).await;
    }

    /// What runs once is known wherever it may run: another one may lead next time.
    fn concerns(&self, host: &str, assessment: &Assessment) -> bool {
        let resource = &self.planner.resources[assessment.index];
        let may = || resource.once.is_some() && resource.hosts.iter().any(|other| other == host);
        assessment.host == host || may()
    }

    fn owned(&self, assessment: &Assessment) -> Option<Owned> {
        let resource = &self.planner.resources[assessment.index];
        Owned::new(resource, &assessment.change, assessment.have.as_ref())
    }

    fn reached(&self, ledger: &mut Ledger, assessment: &Assessment) {
        let want = assessment.kind.manage().want().unwrap_or_default();
        ledger.resources.insert(assessment.id.clone(), ledger.protect(&want));
        if let Some(newer) = self.owned(assessment) {
            let known = ledger.owned.get(&assessment.id);
            let owned = known.map_or(newer.clone(), |known| known.renewed(newer));
            ledger.owned.insert(assessment.id.clone(), owned);
        }
    }

    /// Ids of what is asked for, and of what is not any more and still there.
    fn held<'a>(&'a self, host: &str, plan: &'a Plan) -> BTreeSet<&'a str> {
        let asked = self.planner.resources.iter().filter(|r| !matches!(r.kind, Kind::Gone(_)));
        let there = plan
            .assessments
            .iter()
            .filter(|a| self.concerns(host, a) && a.have.is_some() && !matches!(a.change, Change::Forget(_)));
        asked.map(|r| r.id.as_str()).chain(there.map(|a| a.id.as_str())).collect()
    }

    /// The ledgers that `change` makes other than what lies on their hosts.
    fn texts(&self, change: impl Fn(&str, &mut Ledger)) -> BTreeMap<String, String> {
        let observed = lock(&self.observed);
        let mut texts = BTreeMap::new();
        for (host, facts) in &observed.facts {
            if self.touched.as_ref().is_some_and(|touched| !touched.contains(host)) {
                continue;
            }
            let old = Ledger::read(facts.ledger.as_deref());
            let fresh = || Ledger::new(&self.cluster, HEXLOWER.encode(&rand::random::<[u8; 16]>()));
            let mut ledger = old.clone().unwrap_or_else(fresh);
            change(host, &mut ledger);
            if ledger == Ledger::new(&ledger.cluster, ledger.salt.clone()) {
                continue;
            }
            // They came of those that the host was given before: else nothing would run.
            let given = self.planner.secrets.and_then(|secrets| secrets.generation());
            ledger.secrets = given.map(str::to_owned).or(ledger.secrets);
            if old.as_ref() != Some(&ledger) {
                ledger.version = crate::ledger::VERSION;
                texts.extend(serde_json::to_string(&ledger).ok().map(|text| (host.clone(), text)));
            }
        }
        texts
    }

    async fn put(&self, texts: BTreeMap<String, String>) {
        join_all(texts.iter().map(|(host, text)| self.put_one(host, text))).await;
    }

    async fn put_one(&self, host: &str, text: &str) {
        let Some(connection) = self.links.get(host) else { return };
        // Only under the lock that this run took there.
        let Some(fence) = self.lock.fences.get(host) else { return };
        let why = match connection.run(&puts(&self.run, *fence, text), WRITE_LIMIT, None).await {
            Ok(output) if output.success() => return,
            Ok(output) => output.stderr_text().trim().to_owned(),
            Err(error) => error.to_string(),
        };
        let text = format!("{host}: what was applied could not be written down there: {why}");
        self.sink.event(Event::Note { text });
    }
}

pub(super) fn puts(run: &str, fence: u64, text: &str) -> String {
    format!(
        "HAC_RUN={}\nread -r hac_fence <{STATE}/fence\n\
         [ \"$hac_fence\" = {fence} ] || {{ echo 'another hacluster run took over' >&2; exit 1; }}\n\
         umask 077\nmkdir -p {STATE}\n{PRELUDE}\nset -e\nprintf '%s\\n' {} | hac_put {STATE}/{LEDGER} 0600 root root\n",
        quote(run),
        quote(text)
    )
}
