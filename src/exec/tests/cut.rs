//! Owns what happens when a run is cut: the connection, the journal, Ctrl-C.
//! Nothing may count as done that was not seen. Must not wait for real time.

use std::fs;
use std::time::Duration;

use tokio::sync::mpsc::unbounded_channel;

use super::applies::{STEPS, ids, ledger};
use super::host::{self, Lab};
use crate::exec::ApplyError;
use crate::exec::event::Event;
use crate::ledger::Ledger;
use crate::transport::fake::Fake;

/// The calls of a run on each host: the lock, the probe, the claim, then the
/// first batch.
const BATCH: usize = 3;

#[tokio::test]
async fn a_batch_whose_answer_was_lost_is_found_again() {
    let mut lab = Lab::new(STEPS);
    lab.host("n1", |fake| fake.deaf_at(BATCH));
    let summary = lab.run().await.unwrap();
    assert_eq!((summary.changed, summary.failed.len()), (8, 0), "{summary:?}");
    assert!(lab.fakes["n1"].calls()[BATCH + 1].contains("hacluster-"), "it asked for the unit");
    assert!(lab.plan().await.is_empty());
}

#[tokio::test]
async fn a_batch_whose_output_is_gone_is_unknown_not_undone() {
    let mut lab = Lab::new(STEPS);
    // As after a reboot: /run is empty.
    let run = lab.path("n1", "run");
    let reboot = move |script: &str| {
        if script.contains("|| exit 1\nhac_pid=") {
            fs::remove_dir_all(&run).unwrap();
            fs::create_dir(&run).unwrap();
        }
        None
    };
    let dir = lab.path("n1", "");
    lab.host("n1", |_| host::on(Fake::new("n1").deaf_at(BATCH).on_script(reboot), dir));
    let summary = lab.run().await.unwrap();
    let failed = ids(&summary.failed);
    assert_eq!(failed.len(), 3, "{summary:?}");
    assert!(failed.iter().all(|id| id.starts_with("n1/file:")));
    assert!(summary.failed.iter().all(|(_, why)| why.contains("outcome is unknown")), "{summary:?}");
    // It was done all the same, and the last reading of the run saw it.
    assert_eq!(ledger(&lab, "n1").len(), 3);
}

#[tokio::test]
async fn a_host_that_is_gone_fails_alone_and_nothing_there_counts_as_done() {
    let mut lab = Lab::new(STEPS);
    lab.host("n1", |fake| fake.cut_at(BATCH));
    let summary = lab.run().await.unwrap();
    assert_eq!(summary.changed, 4, "{summary:?}");
    assert_eq!(ids(&summary.failed).iter().filter(|id| id.starts_with("n1/file:")).count(), 3);
    assert_eq!(ids(&summary.skipped), ["n1/command:command"]);
    assert_eq!(ledger(&lab, "n2").len(), 4);
}

#[tokio::test]
async fn a_second_reading_that_is_lost_is_no_success() {
    let mut lab = Lab::new(STEPS);
    lab.host("n1", |fake| fake.cut_at(BATCH + 1));
    let summary = lab.run().await.unwrap();
    assert_eq!(summary.failed.len(), 3, "{summary:?}");
    for (id, why) in &summary.failed {
        assert!(
            id.starts_with("n1/file:") && why.starts_with("applied, but it could not be read again"),
            "{why}"
        );
    }
}

#[tokio::test]
async fn a_host_lost_after_the_plan_is_deferred_and_the_other_is_done() {
    let mut lab = Lab::new(STEPS);
    lab.host("n1", |fake| fake.cut_at(BATCH - 2));
    let summary = lab.run().await.unwrap();
    assert!(summary.unreachable, "{summary:?}");
    assert_eq!((summary.changed, summary.deferred.len(), summary.failed.len()), (4, 4, 0), "{summary:?}");
}

#[tokio::test]
async fn a_host_lost_before_the_lock_is_deferred_and_the_other_is_done() {
    let mut lab = Lab::new(STEPS);
    lab.host("n1", |fake| fake.cut_at(BATCH - 3));
    let summary = lab.run().await.unwrap();
    assert!(summary.unreachable, "{summary:?}");
    assert_eq!((summary.changed, summary.deferred.len(), summary.failed.len()), (4, 4, 0), "{summary:?}");
    let events = lab.heard.0.lock().unwrap();
    assert!(events.contains(&Event::Locked { hosts: vec!["n2".to_owned()] }), "{events:?}");
}

#[tokio::test]
async fn with_every_host_gone_before_the_lock_there_is_no_run() {
    let mut lab = Lab::new(STEPS);
    lab.host("n1", |fake| fake.cut_at(BATCH - 3));
    lab.host("n2", |fake| fake.cut_at(BATCH - 3));
    let ended = lab.run().await;
    assert!(matches!(&ended, Err(ApplyError::NoLock { host, .. }) if host == "n1"), "{ended:?}");
    assert_eq!(lab.read("n2", "root/one"), None);
}

#[tokio::test]
async fn a_run_that_was_overtaken_writes_nothing_more() {
    // Somebody else took the lock after this run's first batch began.
    let lab = Lab::new(&STEPS.replace("echo done", "echo 99 >/var/lib/hacluster/fence; echo done"));
    let summary = lab.run().await.unwrap();
    assert_eq!(summary.changed, 8);
    assert_eq!((ledger(&lab, "n1").len(), ledger(&lab, "n2").len()), (0, 0));
    let events = lab.heard.0.lock().unwrap();
    let told = |event: &&Event| matches!(event, Event::Note { text } if text.contains("took over"));
    assert_eq!(events.iter().filter(told).count(), 2);
}

#[tokio::test]
async fn without_a_journal_nothing_is_done() {
    let lab = Lab::new(STEPS);
    fs::write(lab.state_dir(), "in the way").unwrap();
    let ended = lab.run().await;
    assert!(matches!(ended, Err(ApplyError::Journal(_))), "{ended:?}");
    assert_eq!(lab.read("n1", "root/one"), None);
}

#[tokio::test]
async fn hosts_that_moved_since_the_plan_stop_the_run() {
    let lab = Lab::new(STEPS);
    let apply = lab.apply().await;
    fs::write(lab.path("n2", "root/one"), "somebody else").unwrap();
    let (_heard, stops) = unbounded_channel();
    let ended = apply.run_until(stops).await;
    let Err(ApplyError::Moved(id)) = &ended else { panic!("{ended:?}") };
    assert_eq!(id, "n2/file:/hac-test-root/one");
    assert_eq!(lab.read("n1", "root/one"), None);
}

#[tokio::test]
async fn the_first_ctrl_c_waits_for_what_runs() {
    let lab = Lab::new(STEPS);
    let summary = lab.run_pressed(1).await.unwrap();
    assert!(summary.interrupted);
    // Both hosts' first batch had begun; the commands wait for a later one.
    assert_eq!((summary.changed, ids(&summary.skipped).len()), (6, 2), "{summary:?}");
    assert!(lab.journal().contains("run_ended"));
    assert_eq!(ledger(&lab, "n1").len(), 3);
}

#[tokio::test]
async fn the_second_ctrl_c_leaves_it_to_the_hosts() {
    let lab = Lab::new(STEPS);
    let summary = lab.run_pressed(2).await.unwrap();
    assert!(summary.interrupted);
    assert_eq!(summary.changed, 0);
    let unknown = summary.skipped.iter().filter(|(_, why)| why.contains("not known")).count();
    assert_eq!((unknown, summary.skipped.len()), (6, 8), "{summary:?}");
    assert!(!lab.journal().contains("run_ended"), "the next run must say that this one was cut");
    assert_eq!(ledger(&lab, "n1").len(), 0, "nothing was seen to be done");
    let owned = Ledger::read(lab.read("n1", "state/ledger.json").as_deref()).unwrap().owned;
    assert_eq!(owned.len(), 3, "what may have been made is known to be ours");
}

#[tokio::test]
async fn the_next_run_says_that_the_last_was_cut() {
    let lab = Lab::new(STEPS);
    lab.run_pressed(2).await.unwrap();
    // Journals are told apart by the second they begin in.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let summary = lab.run().await.unwrap();
    // What was left to the hosts they have done.
    assert_eq!(summary.changed, 2, "{summary:?}");
    let events = lab.heard.0.lock().unwrap();
    assert!(events.iter().any(|event| matches!(event, Event::Resumed { .. })));
}

#[tokio::test]
async fn ctrl_c_before_anything_runs_changes_nothing() {
    let lab = Lab::new(STEPS);
    let (heard, stops) = unbounded_channel();
    heard.send(()).unwrap();
    let summary = lab.run_until(stops).await.unwrap();
    assert!(summary.interrupted);
    assert_eq!((lab.read("n1", "root/one"), lab.journal()), (None, String::new()));
}

#[tokio::test]
async fn a_young_reading_counts_as_one_under_the_lock() {
    let lab = Lab::new(STEPS);
    let mut apply = lab.apply().await;
    apply.approved = true;
    let (_heard, stops) = unbounded_channel();
    let summary = apply.run_until(stops).await.unwrap();
    assert_eq!(summary.changed, 8, "{summary:?}");
    // the lock, the claim, then the first batch: no second probe before it
    assert!(lab.fakes["n1"].calls()[BATCH - 1].contains("hacluster-"));
}

#[tokio::test]
async fn a_reading_before_another_run_does_not_count() {
    let lab = Lab::new(STEPS);
    let mut apply = lab.apply().await;
    apply.approved = true;
    fs::write(lab.path("n1", "state/fence"), "7\n").unwrap();
    let (_heard, stops) = unbounded_channel();
    let summary = apply.run_until(stops).await.unwrap();
    assert_eq!(summary.changed, 8, "{summary:?}");
    assert!(lab.fakes["n1"].calls()[BATCH].contains("hacluster-"));
}
