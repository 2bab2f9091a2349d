//! Owns the end of a run: all hosts read once more, the ledgers written, what
//! still differs named. Must not change anything else.

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;

use super::event::Event;
use super::gather::probe_all;
use super::journal::Record;
use super::summary::{ApplyError, Summary, now};
use super::work::{Worker, lock};
use crate::facts::{LEDGER, STATE};
use crate::ledger::Ledger;
use crate::plan::{Assessment, Plan};
use crate::resource::{Change, PRELUDE};
use crate::shell::quote;

/// A ledger is a few kilobytes.
const WRITE_LIMIT: std::time::Duration = std::time::Duration::from_secs(30);

impl Worker<'_> {
    /// Reads everything again: after a run the whole plan must be empty.
    pub(super) async fn finish(self, summary: &mut Summary) -> Result<(), ApplyError> {
        let gathered =
            probe_all(&self.links.probers(), &crate::expand::needs(self.planner.resources), &*self.sink)
                .await;
        let plan = {
            let mut observed = lock(&self.observed);
            let asked = |host: &String| self.selection.concerns(host, self.planner.resources);
            summary.unreachable |= gathered.failed.keys().any(asked);
            observed.lose(gathered.failed);
            observed.update(gathered.ok, now());
            self.planner.plan(&observed)?
        };
        let untouched = |id: &str| {
            let among = |list: &[(String, String)]| list.iter().any(|(other, _)| other == id);
            among(&summary.failed) || among(&summary.skipped) || among(&summary.deferred)
        };
        // What is only known after another one that differs is not at fault.
        let differs = plan.changes().filter(|a| !matches!(a.change, Change::Late(_)));
        let left: Vec<String> = differs.map(|a| a.id.clone()).filter(|id| !untouched(id)).collect();
        summary.left = if summary.interrupted { Vec::new() } else { left };
        self.write_ledgers(&plan).await;
        self.record(&Record::RunEnded { time: now() });
        Ok(())
    }

    async fn write_ledgers(&self, plan: &Plan) {
        for (host, text) in self.ledgers(plan) {
            let Some(connection) = self.links.get(&host) else { continue };
            // Only under the lock that this run took there.
            let Some(fence) = self.lock.fences.get(&host) else { continue };
            let script = format!(
                "read -r hac_fence <{STATE}/fence\n\
                 [ \"$hac_fence\" = {fence} ] || {{ echo 'another hacluster run took over' >&2; exit 1; }}\n\
                 umask 077\nmkdir -p {STATE}\n{PRELUDE}\nset -e\nprintf '%s\\n' {} | hac_put {STATE}/{LEDGER} 0600 root root\n",
                quote(&text)
            );
            let why = match connection.run(&script, WRITE_LIMIT, None).await {
                Ok(output) if output.success() => continue,
                Ok(output) => output.stderr_text().trim().to_owned(),
                Err(error) => error.to_string(),
            };
            let text = format!("{host}: what was applied could not be written down there: {why}");
            self.sink.event(Event::Note { text });
        }
    }

    /// The ledgers that differ from what lies on their hosts.
    fn ledgers(&self, plan: &Plan) -> BTreeMap<String, String> {
        let observed = lock(&self.observed);
        let mut texts = BTreeMap::new();
        for (host, facts) in &observed.facts {
            if self.touched.as_ref().is_some_and(|touched| !touched.contains(host)) {
                continue;
            }
            let old = Ledger::read(facts.ledger.as_deref());
            let fresh = || Ledger::new(&self.cluster, HEXLOWER.encode(&rand::random::<[u8; 16]>()));
            let mut ledger = old.clone().unwrap_or_else(fresh);
            let mut whole = true;
            // What runs once is known wherever it may run: another one may lead next time.
            let here = |a: &&Assessment| {
                let resource = &self.planner.resources[a.index];
                &a.host == host || (resource.once.is_some() && resource.hosts.contains(host))
            };
            for assessment in plan.assessments.iter().filter(here) {
                if assessment.change.is_none() {
                    let want = assessment.kind.manage().want().unwrap_or_default();
                    let kept = ledger.protect(&want);
                    ledger.resources.insert(assessment.id.clone(), kept);
                } else {
                    whole = false;
                }
            }
            if whole {
                ledger.inventory.clone_from(&self.inventory);
            }
            if old.as_ref() != Some(&ledger)
                && let Ok(text) = serde_json::to_string(&ledger)
            {
                texts.insert(host.clone(), text);
            }
        }
        texts
    }
}
