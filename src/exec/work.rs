//! Owns doing one piece of work: scripts out, receipts in, facts read again. A
//! step is done only if the second reading agrees. Must not decide what is next.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use data_encoding::HEXLOWER;

use super::batch::Step;
use super::compose::compose;
use super::event::{Event, Outcome, Sink};
use super::journal::{self, Journal, Record};
use super::links::Links;
use super::lock::Lock;
use super::receipt::Receipt;
use super::runner::Lane;
use super::summary::{Summary, now};
use super::task::Work;
use crate::facts::Needs;
use crate::facts::view::View;
use crate::plan::{Assessment, Observed, Planner, Selection};
use crate::resource::Change;

pub(super) struct Worker<'a> {
    pub planner: Planner<'a>,
    pub assessed: Mutex<BTreeMap<usize, Assessment>>,
    pub observed: Mutex<Observed>,
    /// How the cluster was before the run's first change.
    pub began: View,
    pub links: Links,
    pub group_needs: BTreeMap<String, Needs>,
    pub cluster: String,
    pub inventory: BTreeMap<String, String>,
    pub selection: Selection,
    /// Hosts where something was selected; all where `None`.
    pub touched: Option<BTreeSet<String>>,
    pub run: String,
    pub step_timeout: Duration,
    pub lock: Lock,
    pub journal: Mutex<Journal>,
    pub batches: Mutex<u32>,
    /// Hosts and units there that were not well with what was changed for them.
    pub broken: Mutex<BTreeSet<(String, String)>>,
    /// Milliseconds each step's script took.
    pub took: Mutex<BTreeMap<usize, u64>>,
    pub sink: Arc<dyn Sink>,
}

/// A panic elsewhere leaves data that is still whole: each lock guards one
/// assignment.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Worker<'_> {
    pub(super) fn view(&self) -> View {
        lock(&self.observed).view.clone()
    }

    pub(super) fn assessment(&self, index: usize) -> Option<Assessment> {
        lock(&self.assessed).get(&index).cloned()
    }

    /// Writes down and tells how a step ended; `commit` follows.
    pub(super) fn ended(&self, index: usize, outcome: &Outcome, summary: &mut Summary) {
        let id = self.planner.resources[index].id.clone();
        let nothing_to_do = self.assessment(index).is_some_and(|a| a.change.is_none());
        match outcome {
            Outcome::Unchanged => return,
            Outcome::Skipped { .. } | Outcome::Deferred { .. } if nothing_to_do => return,
            Outcome::Changed => summary.changed += 1,
            Outcome::Failed { why } => summary.failed.push((id.clone(), why.clone())),
            Outcome::Skipped { because } => summary.skipped.push((id.clone(), because.clone())),
            Outcome::Deferred { because } => summary.deferred.push((id.clone(), because.clone())),
        }
        let outcome_word = journal::word(outcome).to_owned();
        let record = Record::StepEnded { id: id.clone(), outcome: outcome_word, time: now() };
        self.written(lock(&self.journal).note(&record));
        let host = self.assessment(index).map(|a| a.host).unwrap_or_default();
        let millis = lock(&self.took).get(&index).copied().unwrap_or_default();
        self.sink.event(Event::StepEnded { host, id, outcome: outcome.clone(), millis });
    }

    pub(super) fn record(&self, record: &Record) {
        self.written(lock(&self.journal).write(record));
    }

    /// What was written down is on the disk afterwards.
    pub(super) fn commit(&self) {
        self.written(lock(&self.journal).commit());
    }

    fn written(&self, result: std::io::Result<()>) {
        if let Err(error) = result {
            self.sink.event(Event::Note { text: format!("the journal cannot be written: {error}") });
        }
    }

    pub(super) async fn perform(&self, work: &Work) -> Vec<(usize, Outcome)> {
        match work {
            Work::Batch { host, steps } => self.batch(host, steps).await,
            Work::Late { host, steps } => self.late(host, steps).await,
            Work::Form { group, steps } => self.form(*group, steps).await,
            Work::Roll { group, step } => self.roll(*group, *step).await,
            Work::Gate { group, .. } => self.gate(*group).await,
        }
    }

    /// Ordinary steps of one host, as one script.
    pub(super) async fn batch(&self, host: &str, steps: &[(usize, Vec<usize>)]) -> Vec<(usize, Outcome)> {
        let mut outcomes = self.unjudged(steps);
        outcomes.extend(self.unspared(host, steps).await);
        let steps: Vec<_> = steps
            .iter()
            .filter(|(index, _)| !outcomes.iter().any(|(other, _)| other == index))
            .cloned()
            .collect();
        if !steps.is_empty() {
            outcomes.extend(self.send_all(host, &steps).await);
        }
        outcomes
    }

    /// Steps of which is not known what they have to do: they are not done, nor
    /// what requires them.
    fn unjudged(&self, steps: &[(usize, Vec<usize>)]) -> Vec<(usize, Outcome)> {
        let mut out: Vec<(usize, Outcome)> = Vec::new();
        for (index, requires) in steps {
            let because = requires.iter().find(|r| out.iter().any(|(other, _)| other == *r));
            let outcome = match (self.assessment(*index).map(|a| a.change), because) {
                (_, Some(first)) => Outcome::Skipped { because: self.planner.resources[*first].id.clone() },
                (Some(Change::Late(why) | Change::Unreadable(why) | Change::Refused(why)), _) => {
                    Outcome::Failed { why }
                }
                (None, _) => Outcome::Failed { why: "it was not judged before".to_owned() },
                _ => continue,
            };
            out.push((*index, outcome));
        }
        out
    }

    async fn send_all(&self, host: &str, steps: &[(usize, Vec<usize>)]) -> Vec<(usize, Outcome)> {
        let guard = steps.iter().any(|(index, _)| self.planner.resources[*index].confirm);
        let guard = guard.then(|| HEXLOWER.encode(&rand::random::<[u8; 8]>()));
        let (script, positions) =
            compose(self.planner.resources, &lock(&self.assessed), steps, guard.as_deref());
        let armed = Instant::now();
        let receipts = match self.send(host, &script).await {
            Ok(receipts) => receipts,
            Err(why) => {
                let failed =
                    |(index, _): &(usize, Vec<usize>)| (*index, Outcome::Failed { why: why.clone() });
                return steps.iter().map(failed).collect();
            }
        };
        let mut outcomes = Vec::new();
        let mut done = Vec::new();
        for (index, _) in steps {
            let position = positions[index];
            lock(&self.took).insert(*index, receipts[position].millis);
            match receipts[position].status {
                Some(0) => done.push(*index),
                status @ Some(_) => {
                    let why = tail(receipts.get(position), status);
                    outcomes.push((*index, Outcome::Failed { why }));
                }
                None => outcomes.push((*index, never_ran(&script, &receipts, position))),
            }
        }
        if let Some(id) = guard.filter(|_| receipts.iter().any(|receipt| receipt.status.is_some()))
            && let Err(why) = self.confirm(host, &id, armed).await
        {
            let failed = done.drain(..).map(|index| (index, Outcome::Failed { why: why.clone() }));
            outcomes.extend(failed);
        }
        self.broke(host, &outcomes);
        outcomes.extend(self.verify(host, &done).await);
        outcomes
    }

    /// Runs a script as a unit of its own on `host`.
    pub(super) async fn send(&self, host: &str, steps: &[Step]) -> Result<Vec<Receipt>, String> {
        let number = {
            let mut batches = lock(&self.batches);
            *batches += 1;
            *batches
        };
        let unit = format!("hacluster-{}-{number}", self.run);
        let ids: Vec<String> = steps.iter().flat_map(|s| s.ids.clone()).collect();
        let record = Record::BatchStarted {
            host: host.to_owned(),
            unit: unit.clone(),
            steps: ids.clone(),
            time: now(),
        };
        lock(&self.journal).write(&record).map_err(|e| format!("the journal cannot be written: {e}"))?;
        self.sink.event(Event::BatchStarted { host: host.to_owned(), steps: ids });
        let lane = Lane {
            host,
            links: &self.links,
            run: &self.run,
            fence: self.lock.fences.get(host).copied(),
            secrets: self.planner.secrets,
            step_timeout: self.step_timeout,
        };
        lane.run(&unit, steps, &*self.sink).await.map_err(|error| error.to_string())
    }
}

/// What must be probed on each host to judge a group.
pub(super) fn group_needs(resources: &[crate::expand::Resource]) -> BTreeMap<String, Needs> {
    let mut needs: BTreeMap<String, Needs> = BTreeMap::new();
    for (host, all) in crate::expand::needs(resources) {
        let group = Needs { etcd: all.etcd, patroni: all.patroni, ..Needs::default() };
        if group != Needs::default() {
            needs.insert(host, group);
        }
    }
    needs
}

/// A step without a receipt: what it required failed, or the batch was cut.
fn never_ran(steps: &[Step], receipts: &[Receipt], position: usize) -> Outcome {
    match steps[position].requires.iter().find(|r| receipts[**r].status != Some(0)) {
        Some(first) => Outcome::Skipped { because: steps[*first].ids.join(", ") },
        None => Outcome::Failed { why: format!("it never ran: {}", receipts[position].lines.join("; ")) },
    }
}

/// Lines people see of a failed step: a unit's last words, and what became of it.
const SHOWN: usize = 20;
/// Characters of each: services write their whole state into one.
const WIDTH: usize = 300;

/// The end of what a failed step printed.
pub(super) fn tail(receipt: Option<&Receipt>, status: Option<i32>) -> String {
    let lines = receipt.map_or(&[][..], |receipt| &receipt.lines);
    // Cut only here: half a secret is not known for one, so they were masked whole.
    let short = |line: &String| line.chars().take(WIDTH).collect::<String>();
    let last: Vec<String> = lines[lines.len().saturating_sub(SHOWN)..].iter().map(short).collect();
    let lines = last.join("\n");
    match status {
        _ if !lines.is_empty() => lines,
        Some(status) => format!("it ended with {status} and said nothing"),
        None => "it never ran".to_owned(),
    }
}
