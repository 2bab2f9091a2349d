//! Owns the loop of a run: what may start is started, what ends is written
//! down, until nothing is left or somebody stops it. Must not do work itself.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::event::{Event, Outcome};
use super::schedule::Schedule;
use super::summary::Summary;
use super::task::{State, Work};
use super::work::Worker;

/// One message for each Ctrl-C.
pub(super) type Stops = UnboundedReceiver<()>;

/// What asks a run to stop: Ctrl-C, `kill`, a terminal that went away.
const SIGNALS: [fn() -> SignalKind; 3] = [SignalKind::interrupt, SignalKind::terminate, SignalKind::hangup];

/// Hears every one of them from now on, also while nobody waits for one.
pub(super) fn interrupts() -> Stops {
    let (heard, stops) = unbounded_channel();
    for mut signals in SIGNALS.iter().filter_map(|kind| signal(kind()).ok()) {
        let heard = heard.clone();
        tokio::spawn(async move { while signals.recv().await.is_some() && heard.send(()).is_ok() {} });
    }
    stops
}

/// Waits for this many Ctrl-C; for ever where nobody can press it.
pub(super) async fn presses(stops: &mut Stops, count: u32) {
    for _ in 0..count {
        if stops.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

const STOPPING: &str = "stopping: what runs is waited for; press Ctrl-C again to leave it to the hosts";
/// Between two words on how long that may take yet.
const COUNTDOWN: Duration = Duration::from_secs(10);

/// Work, and how each of its resources ended.
type Done = (Work, Vec<(usize, Outcome)>);

async fn done(worker: &Worker<'_>, work: Work) -> Done {
    let outcomes = worker.perform(&work).await;
    (work, outcomes)
}

/// Whether all work that was started was waited for.
pub(super) async fn drive(
    worker: &Worker<'_>,
    schedule: &mut Schedule<'_>,
    summary: &mut Summary,
    limit: Duration,
    stops: &mut Stops,
) -> bool {
    let mut tasks: FuturesUnordered<BoxFuture<'_, Done>> = FuturesUnordered::new();
    let mut too_long = std::pin::pin!(tokio::time::sleep(limit));
    let mut stopped = Instant::now();
    loop {
        for (index, outcome) in schedule.settle() {
            worker.ended(index, &outcome, summary);
        }
        let open = !summary.interrupted && schedule.halted.is_none();
        while let Some(work) = open.then(|| schedule.next(&worker.view())).flatten() {
            tasks.push(Box::pin(done(worker, work)));
        }
        tokio::select! {
            biased;
            () = presses(stops, 1) => {
                if summary.interrupted && !tasks.is_empty() {
                    left(worker, schedule, summary);
                    return false;
                }
                stopped = stop(worker, summary, STOPPING.to_owned());
            }
            ended = tasks.next() => match ended {
                Some((work, outcomes)) => end(worker, schedule, summary, &work, &outcomes),
                None => break,
            },
            () = tokio::time::sleep(COUNTDOWN), if summary.interrupted => {
                let text = countdown(worker, schedule, stopped.elapsed());
                worker.sink.event(Event::Note { text });
            }
            () = &mut too_long, if !summary.interrupted => {
                let text = format!("the run took longer than {} s: what runs is waited for", limit.as_secs());
                stopped = stop(worker, summary, text);
            }
        }
    }
    left(worker, schedule, summary);
    true
}

/// Nothing new starts from now on.
fn stop(worker: &Worker<'_>, summary: &mut Summary, text: String) -> Instant {
    summary.interrupted = true;
    worker.sink.event(Event::Note { text });
    Instant::now()
}

fn end(
    worker: &Worker<'_>,
    schedule: &mut Schedule<'_>,
    summary: &mut Summary,
    work: &Work,
    outcomes: &[(usize, Outcome)],
) {
    for (index, outcome) in outcomes {
        match (work, outcome) {
            (Work::Gate { group, .. }, Outcome::Failed { why }) => {
                summary.failed.push((format!("cluster/gate:{}", group.word()), why.clone()));
            }
            (Work::Gate { .. }, _) => {}
            _ => worker.ended(*index, outcome, summary),
        }
    }
    worker.commit();
    let before = schedule.halted.is_some();
    schedule.end(work, outcomes);
    if let Some(first) = schedule.halted.as_ref().filter(|_| !before) {
        let text = format!("{first} failed: nothing more begins (--fail-fast), what runs is waited for");
        worker.sink.event(Event::Note { text });
    }
}

/// What a stopped run still waits for, and how long that may take: each step of a
/// batch has its own limit.
fn countdown(worker: &Worker<'_>, schedule: &Schedule<'_>, waited: Duration) -> String {
    let mut hosts: BTreeMap<String, u32> = BTreeMap::new();
    for (node, index) in schedule.resource_nodes() {
        if matches!(schedule.state(node), State::Running)
            && let Some(assessment) = worker.assessment(index)
        {
            *hosts.entry(assessment.host).or_default() += 1;
        }
    }
    let most = worker.step_timeout * hosts.values().copied().max().unwrap_or_default();
    let left = most.saturating_sub(waited).as_secs();
    let hosts: Vec<String> = hosts.into_keys().collect();
    format!("still waiting for {}, at most {left} s more; Ctrl-C leaves it to the hosts", hosts.join(", "))
}

/// What a stopped run did not come to, and what it does not wait for.
fn left(worker: &Worker<'_>, schedule: &Schedule<'_>, summary: &mut Summary) {
    for (node, index) in schedule.resource_nodes() {
        let why = match (schedule.state(node), &schedule.halted) {
            (State::Waiting, Some(first)) => format!("not begun after {first} failed (--fail-fast)"),
            (State::Waiting, None) => "the run was stopped before".to_owned(),
            (State::Running, _) => "it was left to run on its host: how it ended is not known".to_owned(),
            (State::Ended(_), _) => continue,
        };
        if worker.assessment(index).is_some_and(|a| !a.change.is_none()) {
            summary.skipped.push((worker.planner.resources[index].id.clone(), why));
        }
    }
}
