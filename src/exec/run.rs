//! Owns a run: a plan becomes work, work becomes outcomes, until nothing is
//! left. Must not know how a host is reached, nor print.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::begin::run_id;
use super::drive::{Stops, drive, interrupts, presses};
use super::event::{Event, Sink};
use super::gather::millis;
use super::journal::Journal;
use super::links::Links;
use super::lock;
use super::majority::outvoted;
use super::schedule::Schedule;
use super::serial::{disrupts, serial};
use super::summary::{ApplyError, Summary};
use super::task::{Parallelism, Task};
use super::work::{Worker, group_needs};
use crate::plan::{Assessment, LeftOut, Observed, Plan, Planner, Selection};
use crate::resource::{Change, Kind};
use crate::transport::Connection;

/// Everything a run needs. The plan was shown and confirmed.
pub struct Apply<'a> {
    pub planner: Planner<'a>,
    pub plan: Plan,
    pub observed: Observed,
    /// When the hosts were read for it.
    pub read: Instant,
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
    /// The first failure anywhere is the last thing that is begun.
    pub fail_fast: bool,
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

/// The end of a run; the second Ctrl-C in all ends this too.
async fn last_look(worker: Worker<'_>, summary: &mut Summary, stops: &mut Stops) -> Result<(), ApplyError> {
    let more = if summary.interrupted { 1 } else { 2 };
    let ended = tokio::select! {
        ended = worker.finish(summary) => Some(ended),
        () = presses(stops, more) => None,
    };
    summary.aborted = ended.is_none();
    summary.interrupted |= summary.aborted;
    ended.unwrap_or(Ok(()))
}

fn ended(summary: &Summary) -> Event {
    Event::RunEnded {
        changed: summary.changed,
        failed: summary.failed.len(),
        skipped: summary.skipped.len(),
        deferred: summary.deferred.len(),
        millis: summary.millis,
    }
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
        let begun = tokio::select! {
            begun = self.begin(&run) => Some(begun?),
            () = presses(&mut stops, 1) => None,
        };
        let Some((lock, journal)) = begun else {
            return Ok(Summary { run, interrupted: true, ..Summary::default() });
        };
        let left_out = self.left_out(&self.plan);
        let unselected = left_out.keys().copied().collect();
        let (deferred, tasks, limit) = (self.deferred(left_out, &lock), self.tasks(), self.run_timeout);
        let fail_fast = self.fail_fast;
        let asked = |host: &String| self.selection.concerns(host, self.planner.resources);
        let unreachable = self.observed.unreachable.keys().any(asked);
        let mut summary = Summary { run: run.clone(), unreachable, ..Summary::default() };
        let parallelism = self.paced();
        let worker = self.worker(run, lock, journal, &deferred);
        let mut schedule = Schedule::new(worker.planner.graph, worker.planner.resources, tasks, &deferred)
            .leaving_out(unselected, &worker.began)
            .within(parallelism)
            .fail_fast(fail_fast);
        worker.claim(&deferred).await;
        let waited = drive(&worker, &mut schedule, &mut summary, limit, &mut stops).await;
        summary.aborted = !waited;
        for (index, because) in deferred {
            summary.deferred.push((worker.planner.resources[index].id.clone(), because));
        }
        if waited {
            last_look(worker, &mut summary, &mut stops).await?;
        }
        summary.millis = millis(started.elapsed());
        sink.event(ended(&summary));
        Ok(summary)
    }

    /// An update loads the disks of servers that are at work, and may be a bad one:
    /// one host at a time.
    fn paced(&mut self) -> Parallelism {
        let mut parallelism = std::mem::take(&mut self.parallelism);
        let update = |a: &&Assessment| matches!((&a.kind, &a.change), (Kind::Package(_), Change::Update(_)));
        for update in self.plan.changes().filter(update) {
            let limit = self.planner.resources[update.index].limit.clone();
            parallelism.named.extend(limit.map(|limit| (limit, 1)));
        }
        parallelism
    }

    fn tasks(&self) -> BTreeMap<usize, Task> {
        let task = |a: &Assessment| {
            let step = &self.planner.resources[a.index];
            let task = Task {
                host: a.host.clone(),
                changes: a.change.is_work(),
                unknown: a.change.held().is_some(),
                serial: serial(step, a),
                disturbs: a.kind.disturbs(&a.change),
                disrupts: disrupts(step, a),
            };
            (a.index, task)
        };
        self.plan.assessments.iter().map(task).collect()
    }

    /// What was left out may move as it likes.
    pub(super) fn moved(&self, newer: &Plan) -> Option<String> {
        if self.selection.is_whole() {
            return self.plan.moved(newer);
        }
        let view = &self.observed.view;
        let chosen = |plan: &Plan| self.planner.without(plan, &self.left_out(plan), view);
        chosen(&self.plan).moved(&chosen(newer))
    }

    pub(super) fn left_out(&self, plan: &Plan) -> LeftOut {
        self.planner.left_out(&self.selection, plan, &self.observed.view)
    }

    /// Resources on hosts that do not answer, or were not selected; members of
    /// groups while too few of them are locked.
    fn deferred(&self, left_out: LeftOut, lock: &lock::Lock) -> BTreeMap<usize, String> {
        let mut deferred = left_out;
        let outvoted = outvoted(self.planner.resources, |host| lock.fences.contains_key(host));
        for (index, resource) in self.planner.resources.iter().enumerate() {
            let outvoted = outvoted.as_ref().filter(|_| resource.group.is_some());
            if let Some(why) = self.plan.deferred.get(&resource.id).or(outvoted) {
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
        let began = self.observed.view.clone();
        // A ledger is written where something was to be done.
        let chosen = self.plan.changes().filter(|a| !deferred.contains_key(&a.index));
        let touched = (!self.selection.is_whole()).then(|| chosen.map(|a| a.host.clone()).collect());
        Worker {
            planner: self.planner,
            assessed: Mutex::new(self.plan.assessments.into_iter().map(|a| (a.index, a)).collect()),
            observed: Mutex::new(self.observed),
            began,
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
            broken: Mutex::default(),
            took: Mutex::default(),
            sink: self.sink,
        }
    }
}
