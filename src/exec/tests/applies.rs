//! Owns whole runs over two hosts: what is done, told, written down, and what
//! a step that goes wrong takes along. Must not look into the scheduler.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};

use super::host::Lab;
use crate::exec::event::{Event, Outcome};
use crate::exec::{ApplyError, Summary};
use crate::ledger::Ledger;

/// Three files, one with a secret, and a command that prints it.
pub(super) const STEPS: &str = r#"
[[step]]
name = "one"
file = { path = "ROOT/one", content = "one on {{ host.name }}\n", OWN }

[[step]]
name = "two"
file = { path = "ROOT/two", content = "two\n", mode = "0600", OWN }

[[step]]
name = "word"
file = { path = "ROOT/word", template = "word.j2", OWN }

[[step]]
name = "command"
after = ["one", "two", "word"]
command = { run = "cat ROOT/word; echo done >ROOT/done", creates = "ROOT/done" }
"#;

/// Ids that ended so, without what was said.
pub(super) fn ids(list: &[(String, String)]) -> Vec<&str> {
    list.iter().map(|(id, _)| id.as_str()).collect()
}

pub(super) fn ledger(lab: &Lab, host: &str) -> Vec<String> {
    let ledger = Ledger::read(lab.read(host, "state/ledger.json").as_deref());
    ledger.map(|ledger| ledger.resources.into_keys().collect()).unwrap_or_default()
}

#[tokio::test]
async fn a_run_does_everything_once() {
    let lab = Lab::new(STEPS);
    assert_eq!(lab.plan().await.counts(), [6, 0, 0, 2]);
    let summary = lab.run().await.unwrap();
    let Summary { changed, failed, skipped, deferred, left, interrupted, .. } = &summary;
    assert_eq!((*changed, *interrupted), (8, false), "{summary:?}");
    assert!(failed.is_empty() && skipped.is_empty() && deferred.is_empty() && left.is_empty(), "{summary:?}");
    assert_eq!(lab.read("n2", "root/one").unwrap(), "one on n2\n");
    assert_eq!(ledger(&lab, "n1").len(), 4);
    assert!(lab.plan().await.is_empty());
    let again = lab.run().await.unwrap();
    assert_eq!((again.changed, again.left.len()), (0, 0));
}

#[tokio::test]
async fn the_journal_says_before_and_after() {
    let lab = Lab::new(STEPS);
    lab.run().await.unwrap();
    let journal = lab.journal();
    let lines: Vec<&str> = journal.lines().collect();
    assert!(lines[0].contains("run_started") && lines.last().unwrap().contains("run_ended"), "{journal}");
    for step in ["file:{}/one", "file:{}/two", "file:{}/word", "command:command"] {
        let id = format!("\"n1/{}\"", step.replace("{}", super::host::ROOT));
        let at = |record: &str| lines.iter().position(|line| line.contains(record) && line.contains(&id));
        assert!(at("batch_started").unwrap() < at("step_ended").unwrap(), "{id}: {journal}");
    }
}

#[tokio::test]
async fn no_secret_is_told_or_written_down() {
    let lab = Lab::new(STEPS);
    lab.run().await.unwrap();
    let secret = lab.world.secrets.get("patroni.rest").unwrap().expose();
    assert_eq!(lab.read("n1", "root/word").unwrap(), format!("word {secret}\n"));
    let events = lab.heard.0.lock().unwrap();
    let told: Vec<String> = events.iter().map(|event| serde_json::to_string(event).unwrap()).collect();
    assert!(told.iter().any(|event| event.contains("word (patroni.rest)")), "the command printed it");
    let kept = lab.read("n1", "state/ledger.json").unwrap();
    for text in told.iter().chain([&lab.journal(), &kept]) {
        assert!(!text.contains(secret), "{text}");
    }
}

#[tokio::test]
async fn what_depends_on_a_failure_is_skipped_and_the_rest_is_kept() {
    let lab = Lab::new(
        &STEPS.replace("content = \"two\\n\"", "content = \"two\\n\", validate = \"! grep -q two %s\""),
    );
    let summary = lab.run().await.unwrap();
    assert_eq!(ids(&summary.failed), ["n1/file:/hac-test-root/two", "n2/file:/hac-test-root/two"]);
    assert!(summary.failed[0].1.contains("own checker refused"), "{:?}", summary.failed);
    assert_eq!(ids(&summary.skipped), ["n1/command:command", "n2/command:command"]);
    assert_eq!(summary.skipped[0].1, "n1/file:/hac-test-root/two");
    assert_eq!((summary.changed, summary.left.len()), (4, 0));
    assert_eq!(lab.read("n1", "root/done"), None);
    assert_eq!(ledger(&lab, "n1"), ["n1/file:/hac-test-root/one", "n1/file:/hac-test-root/word"]);
}

#[tokio::test]
async fn with_fail_fast_nothing_begins_after_a_failure() {
    let only = "content = \"two\\n\", validate = \"[ {{ host.name }} = n2 ]\"";
    let only_n2 = STEPS.replace("content = \"two\\n\"", only);
    for fail_fast in [false, true] {
        let lab = Lab::new(&only_n2);
        let mut apply = lab.apply().await;
        apply.fail_fast = fail_fast;
        apply.parallelism.hosts = 1;
        let (_heard, stops) = tokio::sync::mpsc::unbounded_channel();
        let summary = apply.run_until(stops).await.unwrap();
        let n2 = ids(&summary.skipped).iter().filter(|id| id.starts_with("n2/")).count();
        assert_eq!((n2, summary.interrupted), (if fail_fast { 4 } else { 0 }, false), "{summary:?}");
        assert_eq!(lab.read("n2", "root/one").is_some(), !fail_fast);
        assert!(lab.read("n1", "root/one").is_some(), "what was begun is ended");
        let why = "not begun after n1/file:/hac-test-root/two failed (--fail-fast)";
        let told = summary.skipped.iter().filter(|(_, because)| because == why).count();
        assert_eq!(told, if fail_fast { 4 } else { 0 }, "{summary:?}");
    }
}

#[tokio::test]
async fn a_second_reading_that_disagrees_names_the_field() {
    let lab = Lab::new(&STEPS.replace("; echo done >ROOT/done", ""));
    let summary = lab.run().await.unwrap();
    assert_eq!(ids(&summary.failed), ["n1/command:command", "n2/command:command"]);
    assert!(
        summary.failed[0].1.ends_with("second reading disagrees: done is \"\", not \"yes\""),
        "{summary:?}"
    );
}

#[tokio::test]
async fn a_step_that_undoes_another_is_named_as_a_bug() {
    let lab = Lab::new(&STEPS.replace("echo done", "rm ROOT/one; echo done"));
    let mut summary = lab.run().await.unwrap();
    assert!(summary.failed.is_empty(), "{summary:?}");
    summary.left.sort();
    assert_eq!(summary.left, ["n1/file:/hac-test-root/one", "n2/file:/hac-test-root/one"]);
}

#[tokio::test]
async fn what_cannot_be_read_is_not_done() {
    // A guard that runs out of time tells nothing, so its command must not run.
    let lab = Lab::new(&STEPS.replace("creates = \"ROOT/done\"", "unless = \"exit 124\""));
    let summary = lab.run().await.unwrap();
    assert_eq!(ids(&summary.failed), ["n1/command:command", "n2/command:command"]);
    assert!(summary.failed[0].1.contains("ran out of time"), "{summary:?}");
    assert_eq!(lab.read("n1", "root/done"), None);
}

/// Holds the lock of a host as another run would.
fn holder(lab: &Lab, host: &str) -> Child {
    let run = lab.path(host, "run").display().to_string();
    let script =
        format!("exec 8>{run}/lock; flock 8; echo '1 eve on elsewhere' >{run}/holder; echo held; read x");
    let mut sh = Command::new("sh");
    let mut child = sh.args(["-c", &script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap().take(5)).read_line(&mut line).unwrap();
    assert_eq!(line, "held\n");
    child
}

#[tokio::test]
async fn a_busy_lock_names_its_holder_and_nothing_is_written() {
    let lab = Lab::new(STEPS);
    let mut other = holder(&lab, "n2");
    let mut apply = lab.apply().await;
    // Not selected, and locked all the same: both may belong to one group.
    apply.selection = lab.world.select(["", "", "n1"]);
    let (_heard, stops) = tokio::sync::mpsc::unbounded_channel();
    let ended = apply.run_until(stops).await;
    let Err(ApplyError::Locked(busy)) = ended else { panic!("{ended:?}") };
    assert_eq!((busy.host.as_str(), busy.holder.by.as_str()), ("n2", "eve on elsewhere"));
    assert_eq!((lab.journal().as_str(), lab.read("n1", "root/one")), ("", None));
    assert!(!lab.state_dir().exists());
    drop(other.stdin.take());
    other.wait().unwrap();
}

#[tokio::test]
async fn hosts_not_selected_stay_as_they_are() {
    let lab = Lab::new(STEPS);
    let mut apply = lab.apply().await;
    apply.selection = lab.world.select(["", "", "n1"]);
    let (_heard, stops) = tokio::sync::mpsc::unbounded_channel();
    let summary = apply.run_until(stops).await.unwrap();
    assert_eq!((summary.changed, summary.deferred.len()), (4, 4), "{summary:?}");
    assert_eq!((lab.read("n2", "root/one"), lab.read("n2", "state/ledger.json")), (None, None));
    let ended = lab
        .heard
        .0
        .lock()
        .unwrap()
        .iter()
        .filter(
            |event| matches!(event, Event::StepEnded { host, outcome: Outcome::Changed, .. } if host == "n1"),
        )
        .count();
    assert_eq!(ended, 4);
}
