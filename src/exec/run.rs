//! Owns a run: a plan becomes work, work becomes outcomes, until nothing is
//! left. Must not know how a host is reached, nor print.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::drive::{Stops, drive, interrupts, presses};
use super::event::{Event, Sink};
use super::gather::{away, millis, probe_all};
use super::journal::{self, Journal, Record};
use super::links::Links;
use super::lock;
use super::schedule::Schedule;
use super::summary::{ApplyError, Summary, now};
use super::task::{Parallelism, Task};
use super::work::{Worker, group_needs};
use crate::plan::{Assessment, LeftOut, Observed, Plan, Planner, Selection};
use crate::transport::{Connection, Prober};

/// Everything a run needs. The plan was shown and confirmed.
pub struct Apply<'a> {
    pub planner: Planner<'a>,
    pub plan: Plan,
    pub observed: Observed,
    pub connections: BTreeMap<String, Arc<Connection>>,
    pub cluster: String,
    /// Flat inventory values, for the ledger.
    pub inventory: BTreeMap<String, String>,
    /// What one step may take, and what the whole run may.
    pub step_timeout: Duration,
    pub run_timeout: Duration,
    /// Where the journal lies.
    pub state_dir: PathBuf,
    /// Go on with the newer plan where the hosts moved before the lock was had.
    pub approved: bool,
    /// What to apply; the rest of the plan is deferred.
    pub selection: Selection,
    pub parallelism: Parallelism,
    pub sink: Arc<dyn Sink>,
}

impl std::fmt::Debug for Apply<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Apply").field("cluster", &self.cluster).finish_non_exhaustive()
    }
}

pub(super) fn run_id() -> String {
    let stamp = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
    format!("{stamp}-{:04x}", rand::random::<u16>())
}

impl<'a> Apply<'a> {
    /// Carries the plan out. First Ctrl-C: nothing new starts, what runs is
    /// waited for. Second: it is left to run on its hosts.
    pub async fn run(self) -> Result<Summary, ApplyError> {
        self.run_until(interrupts()).await
    }

    pub(super) async fn run_until(mut self, mut stops: Stops) -> Result<Summary, ApplyError> {
        let started = Instant::now();
        let run = run_id();
        let sink = Arc::clone(&self.sink);
        let (lock, journal) = self.begin(&run).await?;
        let (deferred, tasks, limit) = (self.deferred(), self.tasks(), self.run_timeout);
        let asked = |host: &String| self.selection.concerns(host, self.planner.resources);
        let unreachable = self.observed.unreachable.keys().any(asked);
        let mut summary = Summary { run: run.clone(), unreachable, ..Summary::default() };
        let parallelism = std::mem::take(&mut self.parallelism);
        let worker = self.worker(run, lock, journal, &deferred);
        let mut schedule = Schedule::new(worker.planner.graph, worker.planner.resources, tasks, &deferred)
            .within(parallelism);
        worker.claim(&deferred).await;
        let waited = drive(&worker, &mut schedule, &mut summary, limit, &mut stops).await;
        for (index, because) in deferred {
            summary.deferred.push((worker.planner.resources[index].id.clone(), because));
        }
        if waited {
            // The second Ctrl-C in all ends this too.
            let more = if summary.interrupted { 1 } else { 2 };
            let ended = tokio::select! {
                ended = worker.finish(&mut summary) => Some(ended),
                () = presses(&mut stops, more) => None,
            };
            summary.interrupted |= ended.is_none();
            ended.unwrap_or(Ok(()))?;
        }
        summary.millis = millis(started.elapsed());
        sink.event(Event::RunEnded {
            changed: summary.changed,
            failed: summary.failed.len(),
            skipped: summary.skipped.len(),
            deferred: summary.deferred.len(),
            millis: summary.millis,
        });
        Ok(summary)
    }

    /// Everything before the first change. Only under the lock is a journal
    /// without an end one of a run that was cut.
    async fn begin(&mut self, run: &str) -> Result<(lock::Lock, Journal), ApplyError> {
        let lock = self.lock(run).await?;
        if let Some(cut) = journal::last_cut(&self.state_dir, &self.cluster) {
            let step = cut.steps.first().cloned().unwrap_or_else(|| "between two steps".to_owned());
            self.sink.event(Event::Resumed { run: cut.run, step });
        }
        self.plan_again().await?;
        let mut journal = Journal::open(&self.state_dir, &self.cluster, run)?;
        let (run, cluster) = (run.to_owned(), self.cluster.clone());
        journal.write(&Record::RunStarted { run: run.clone(), cluster, time: now() })?;
        let left_out = self.left_out(&self.plan);
        let total = self.plan.chosen(&left_out).filter(|a| a.change.is_work()).count();
        self.sink.event(Event::RunStarted { run, total });
        Ok((lock, journal))
    }

    /// On every host that answered, also those not selected: two runs over
    /// different members of one group must not go on side by side.
    /// One that is lost meanwhile is left to a later run.
    async fn lock(&mut self, run: &str) -> Result<lock::Lock, ApplyError> {
        let answered = |host: &String| self.observed.facts.contains_key(host);
        let hosts = self.connections.iter().filter(|(host, _)| answered(host));
        let hosts: BTreeMap<String, Arc<Connection>> =
            hosts.map(|(host, link)| (host.clone(), Arc::clone(link))).collect();
        let (lock, lost) = lock::acquire(&hosts, &who(run)).await?;
        self.sink.event(Event::Locked { hosts: lock.fences.keys().cloned().collect() });
        for (host, error) in lost {
            let away = away(&error);
            let (kind, why) = (away.kind, away.why.clone());
            self.sink.event(Event::Unreachable { host: host.clone(), kind, why });
            self.connections.remove(&host);
            self.observed.lose(BTreeMap::from([(host, away)]));
        }
        Ok(lock)
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

    fn tasks(&self) -> BTreeMap<usize, Task> {
        let task = |a: &Assessment| {
            let unknown = a.change.held().is_some();
            let task = Task { host: a.host.clone(), changes: a.change.is_work(), unknown };
            (a.index, task)
        };
        self.plan.assessments.iter().map(task).collect()
    }

    /// What was left out may move as it likes.
    fn moved(&self, newer: &Plan) -> Option<String> {
        if self.selection.is_whole() {
            return self.plan.moved(newer);
        }
        let view = &self.observed.view;
        let chosen = |plan: &Plan| self.planner.without(plan, &self.left_out(plan), view);
        chosen(&self.plan).moved(&chosen(newer))
    }

    fn left_out(&self, plan: &Plan) -> LeftOut {
        self.planner.left_out(&self.selection, plan, &self.observed.view)
    }

    /// Resources on hosts that do not answer, or were not selected.
    fn deferred(&self) -> BTreeMap<usize, String> {
        let mut deferred = self.left_out(&self.plan);
        for (index, resource) in self.planner.resources.iter().enumerate() {
            if let Some(why) = self.plan.deferred.get(&resource.id) {
                deferred.insert(index, why.clone());
            }
        }
        deferred
    }

    fn worker(
        self,
        run: String,
        lock: lock::Lock,
        journal: Journal,
        deferred: &BTreeMap<usize, String>,
    ) -> Worker<'a> {
        let group_needs = group_needs(self.planner.resources);
        // A ledger is written where something was to be done.
        let chosen = self.plan.changes().filter(|a| !deferred.contains_key(&a.index));
        let touched = (!self.selection.is_whole()).then(|| chosen.map(|a| a.host.clone()).collect());
        Worker {
            planner: self.planner,
            assessed: Mutex::new(self.plan.assessments.into_iter().map(|a| (a.index, a)).collect()),
            observed: Mutex::new(self.observed),
            links: Links::new(self.connections),
            group_needs,
            cluster: self.cluster,
            inventory: self.inventory,
            selection: self.selection,
            touched,
            run,
            step_timeout: self.step_timeout,
            lock,
            journal: Mutex::new(journal),
            batches: Mutex::new(0),
            took: Mutex::default(),
            sink: self.sink,
        }
    }
}

pub(super) fn who(run: &str) -> String {
    let name = |path: &str| std::fs::read_to_string(path).unwrap_or_default().trim().to_owned();
    let user = std::env::var("USER").unwrap_or_else(|_| "someone".to_owned());
    format!("{user} on {}, run {run}, process {}", name("/proc/sys/kernel/hostname"), std::process::id())
}
