//! Owns a run: a plan becomes work, work becomes outcomes, until nothing is
//! left. Must not know how a host is reached, nor print.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;

use super::event::{Event, Outcome, Sink};
use super::gather::millis;
use super::journal::{self, Journal, Record};
use super::lock;

use super::schedule::{Schedule, Task, Work};
use super::summary::{ApplyError, Summary, now};
use super::work::{Worker, group_needs};
use crate::plan::{Assessment, Observed, Plan, Planner};
use crate::resource::Change;
use crate::transport::{Connection, Prober, Target};

/// Everything a run needs. The plan was shown and confirmed.
pub struct Apply<'a> {
    pub planner: Planner<'a>,
    pub plan: Plan,
    pub observed: Observed,
    pub connections: BTreeMap<String, Arc<Connection>>,
    /// To find a host again whose connection was lost.
    pub targets: BTreeMap<String, Target>,
    pub cluster: String,
    /// Flat inventory values, for the ledger.
    pub inventory: BTreeMap<String, String>,
    /// What one step may take, and what the whole run may.
    pub step_timeout: Duration,
    pub run_timeout: Duration,
    /// Where the journal lies.
    pub state_dir: PathBuf,
    /// Hosts to apply on; all where `None`.
    pub only: Option<BTreeSet<String>>,
    pub sink: Arc<dyn Sink>,
}

impl std::fmt::Debug for Apply<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Apply").field("cluster", &self.cluster).finish_non_exhaustive()
    }
}

fn run_id() -> String {
    let stamp = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
    format!("{stamp}-{:04x}", rand::random::<u16>())
}

impl<'a> Apply<'a> {
    /// Carries the plan out. First Ctrl-C: nothing new starts, what runs is
    /// waited for. Second: it is left to run on its hosts.
    pub async fn run(self) -> Result<Summary, ApplyError> {
        let started = Instant::now();
        let run = run_id();
        let sink = Arc::clone(&self.sink);
        if let Some(cut) = journal::last_cut(&self.state_dir, &self.cluster) {
            let step = cut.steps.first().cloned().unwrap_or_else(|| "between two steps".to_owned());
            sink.event(Event::Resumed { run: cut.run, step });
        }
        let chosen = |host: &&String| self.only.as_ref().is_none_or(|only| only.contains(*host));
        let locked: BTreeMap<String, Arc<Connection>> = self
            .connections
            .iter()
            .filter(|(h, _)| chosen(h))
            .map(|(h, c)| (h.clone(), Arc::clone(c)))
            .collect();
        let lock = lock::acquire(&locked, &who(&run)).await?;
        sink.event(Event::Locked { hosts: locked.keys().cloned().collect() });
        let mut journal = Journal::open(&self.state_dir, &self.cluster, &run)?;
        journal.write(&Record::RunStarted {
            run: run.clone(),
            cluster: self.cluster.clone(),
            time: now(),
        })?;
        sink.event(Event::RunStarted { run: run.clone(), total: self.plan.changes().count() });

        let deferred = self.deferred();
        let tasks = self.tasks();
        let mut summary = Summary { run: run.clone(), ..Summary::default() };
        let limit = self.run_timeout;
        let worker = self.worker(run, lock, journal);
        let mut schedule = Schedule::new(worker.planner.graph, worker.planner.resources, tasks, &deferred);
        drive(&worker, &mut schedule, &mut summary, limit).await;
        for (index, because) in deferred {
            summary.deferred.push((worker.planner.resources[index].id.clone(), because));
        }
        worker.finish(&mut summary).await?;
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

    fn tasks(&self) -> BTreeMap<usize, Task> {
        let task = |a: &Assessment| (a.index, Task { host: a.host.clone(), changes: !a.change.is_none() });
        self.plan.assessments.iter().map(task).collect()
    }

    /// Resources on hosts that do not answer, or were not selected.
    fn deferred(&self) -> BTreeMap<usize, String> {
        let mut deferred = BTreeMap::new();
        for (index, resource) in self.planner.resources.iter().enumerate() {
            if let Some(why) = self.plan.deferred.get(&resource.id) {
                deferred.insert(index, why.clone());
            }
        }
        if let Some(only) = &self.only {
            for assessment in self.plan.changes().filter(|a| !only.contains(&a.host)) {
                deferred.insert(assessment.index, format!("{} was not selected with --on", assessment.host));
            }
        }
        deferred
    }

    fn worker(self, run: String, lock: lock::Lock, journal: Journal) -> Worker<'a> {
        let probers = self.connections.iter().map(|(h, c)| (h.clone(), Prober::new(Arc::clone(c)))).collect();
        let group_needs = group_needs(self.planner.resources);
        Worker {
            planner: self.planner,
            assessed: Mutex::new(self.plan.assessments.into_iter().map(|a| (a.index, a)).collect()),
            observed: Mutex::new(self.observed),
            connections: self.connections,
            targets: self.targets,
            probers,
            group_needs,
            cluster: self.cluster,
            inventory: self.inventory,
            only: self.only,
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

fn who(run: &str) -> String {
    let name = |path: &str| std::fs::read_to_string(path).unwrap_or_default().trim().to_owned();
    let user = std::env::var("USER").unwrap_or_else(|_| "someone".to_owned());
    format!("{user} on {}, run {run}, process {}", name("/proc/sys/kernel/hostname"), std::process::id())
}

/// Work, and how each of its resources ended.
type Done = (Work, Vec<(usize, Outcome)>);

async fn drive(worker: &Worker<'_>, schedule: &mut Schedule<'_>, summary: &mut Summary, limit: Duration) {
    let mut tasks: FuturesUnordered<BoxFuture<'_, Done>> = FuturesUnordered::new();
    let mut stopping = false;
    let mut too_long = std::pin::pin!(tokio::time::sleep(limit));
    loop {
        for (index, outcome) in schedule.settle() {
            worker.ended(index, &outcome, summary);
        }
        while let Some(work) = (!stopping).then(|| schedule.next(&worker.view())).flatten() {
            tasks.push(Box::pin(async move {
                let outcomes = worker.perform(&work).await;
                (work, outcomes)
            }));
        }
        tokio::select! {
            ended = tasks.next() => match ended {
                Some((work, outcomes)) => {
                    if !matches!(work, Work::Gate { .. }) {
                        for (index, outcome) in &outcomes {
                            worker.ended(*index, outcome, summary);
                        }
                    }
                    schedule.end(&work, &outcomes);
                }
                None => break,
            },
            () = &mut too_long, if !stopping => {
                (summary.interrupted, stopping) = (true, true);
                let text = format!("the run took longer than {} s: what runs is waited for", limit.as_secs());
                worker.sink.event(Event::Note { text });
            }
            _ = tokio::signal::ctrl_c() => {
                summary.interrupted = true;
                if stopping {
                    break;
                }
                stopping = true;
                let text = "stopping: what runs is waited for; press Ctrl-C again to leave it to the hosts";
                worker.sink.event(Event::Note { text: text.to_owned() });
            }
        }
    }
    for index in schedule.left() {
        let changes = worker.assessment(index).is_some_and(|a| !matches!(a.change, Change::None));
        if changes {
            let id = worker.planner.resources[index].id.clone();
            summary.skipped.push((id, "the run was stopped before".to_owned()));
        }
    }
}
