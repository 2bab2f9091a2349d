//! Owns everything of a run before its first change: the lock, what others left
//! behind, the last look, the journal. Must not change what the plan is about.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::event::Event;
use super::gather::{away, probe_all};
use super::journal::{self, Journal, Record};
use super::lock::{self, Lock};
use super::receipt::Reader;
use super::run::Apply;
use super::summary::{ApplyError, now};
use crate::facts::Running;
use crate::shell::quote;
use crate::transport::{Connection, Prober};

/// A reading this young counts as one under the lock, where nobody held the lock
/// in between: whoever else may change a host may do so at any moment anyway.
const YOUNG: Duration = Duration::from_secs(5);
/// The output of a batch is some kilobytes.
const OUTPUT_LIMIT: Duration = Duration::from_secs(30);

pub(super) fn run_id() -> String {
    let stamp = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
    format!("{stamp}-{:04x}", rand::random::<u16>())
}

/// Who holds the lock, for whoever meets it.
pub(super) fn who(command: &str, run: &str) -> String {
    let name = |path: &str| std::fs::read_to_string(path).unwrap_or_default().trim().to_owned();
    let user = std::env::var("USER").unwrap_or_else(|_| "someone".to_owned());
    let machine = name("/proc/sys/kernel/hostname");
    format!("{user} on {machine}, hacluster {command}, run {run}, process {}", std::process::id())
}

impl Apply<'_> {
    /// Only under the lock is a journal without an end one of a run that was cut.
    pub(super) async fn begin(&mut self, run: &str) -> Result<(Lock, Journal), ApplyError> {
        let lock = self.lock(run).await?;
        if let Some(cut) = journal::last_cut(&self.state_dir, &self.cluster) {
            self.sink.event(Event::Resumed { step: cut.place(), run: cut.run });
        }
        let mut adopted = Vec::new();
        for (host, running) in &lock.adopted {
            adopted.push(self.adopt(host, running).await);
        }
        if !self.unmoved(&lock) {
            self.plan_again().await?;
        }
        let mut journal = Journal::open(&self.state_dir, &self.cluster, run)?;
        let (run, cluster) = (run.to_owned(), self.cluster.clone());
        journal.write(&Record::RunStarted { run: run.clone(), cluster, time: now() })?;
        for record in &adopted {
            journal.write(record)?;
        }
        let left_out = self.left_out(&self.plan);
        let total = self.plan.chosen(&left_out).filter(|a| a.change.is_work()).count();
        self.sink.event(Event::RunStarted { run, total });
        Ok((lock, journal))
    }

    /// On every host that answered, also those not selected: two runs over
    /// different members of one group must not go on side by side.
    /// One that is lost meanwhile is left to a later run.
    async fn lock(&mut self, run: &str) -> Result<Lock, ApplyError> {
        let answered = |host: &String| self.observed.facts.contains_key(host);
        let hosts = self.connections.iter().filter(|(host, _)| answered(host));
        let hosts: BTreeMap<String, Arc<Connection>> =
            hosts.map(|(host, link)| (host.clone(), Arc::clone(link))).collect();
        let lock = lock::acquire(&hosts, &who("apply", run), &*self.sink).await?;
        self.sink.event(Event::Locked { hosts: lock.fences.keys().cloned().collect() });
        for (host, error) in &lock.lost {
            let away = away(error);
            let (kind, why) = (away.kind, away.why.clone());
            self.sink.event(Event::Unreachable { host: host.clone(), kind, why });
            self.connections.remove(host);
            self.observed.lose(BTreeMap::from([(host.clone(), away)]));
        }
        Ok(lock)
    }

    /// Reads how the steps ended that somebody else had left running.
    async fn adopt(&self, host: &str, running: &Running) -> Record {
        let mut reader = Reader::new(&running.nonce, running.steps.len());
        let script = format!("cat /run/hacluster/{}.out", quote(&running.unit));
        if let Some(link) = self.connections.get(host)
            && let Ok(output) = link.run(&script, OUTPUT_LIMIT, None).await
        {
            output.stdout_text().lines().for_each(|line| drop(reader.line(line)));
        }
        let ended = running.steps.iter().zip(&reader.receipts);
        let steps = ended.flat_map(|(ids, receipt)| ids.iter().map(|id| (id.clone(), receipt.status)));
        let steps: BTreeMap<String, Option<i32>> = steps.collect();
        let well = steps.values().filter(|status| **status == Some(0)).count();
        let text = format!(
            "{host}: what run {} left there has ended, {well} of {} steps well",
            running.run,
            steps.len()
        );
        self.sink.event(Event::Note { text });
        Record::Adopted { host: host.to_owned(), run: running.run.clone(), steps, time: now() }
    }

    /// Nobody is asked, the reading is young, and no other run had the lock since.
    fn unmoved(&self, lock: &Lock) -> bool {
        let seen = |host: &String| self.observed.facts.get(host).map(|facts| facts.identity.fence);
        let next = |(host, fence): (&String, &u64)| seen(host).is_some_and(|seen| seen + 1 == *fence);
        let alone = lock.lost.is_empty() && lock.adopted.is_empty() && lock.fences.iter().all(next);
        self.approved && alone && self.read.elapsed() < YOUNG
    }

    /// Reads the hosts once more, now that nobody else may change them.
    async fn plan_again(&mut self) -> Result<(), ApplyError> {
        let probers = self.connections.iter().map(|(h, c)| (h.clone(), Prober::new(Arc::clone(c)))).collect();
        let gathered = probe_all(&probers, &crate::expand::needs(self.planner.resources), &()).await;
        self.observed.lose(gathered.failed);
        self.observed.update(gathered.ok, now());
        let divided = self.observed.view.divided();
        if !divided.is_empty() {
            return Err(ApplyError::Divided(divided.join("; ")));
        }
        if let Some(outdated) = self.planner.secrets.and_then(|own| self.observed.outdated(own)) {
            return Err(outdated.into());
        }
        let plan = self.planner.plan(&self.observed)?;
        let moved = self.moved(&plan);
        if let (Some(id), false) = (&moved, self.approved) {
            return Err(ApplyError::Moved(id.clone()));
        }
        if let Some(id) = moved {
            let text =
                format!("the hosts moved since the plan was shown ({id}): going on with what they show now");
            self.sink.event(Event::Note { text });
        }
        let left_out = self.left_out(&plan);
        let foreign = plan.in_the_way().filter(|a| !left_out.contains_key(&a.index));
        let foreign: Vec<String> = foreign.map(|a| a.id.clone()).collect();
        if !foreign.is_empty() {
            return Err(ApplyError::Foreign(foreign.join(", ")));
        }
        self.plan = plan;
        Ok(())
    }
}
