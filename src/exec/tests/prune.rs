//! Owns whole runs in which something goes, or lies in the way. Must not look
//! into the scheduler.

use std::fs;

use super::applies::ids;
use super::host::{Lab, ROOT};
use crate::exec::ApplyError;
use crate::exec::event::{Event, Outcome};
use crate::ledger::Ledger;

const STEPS: &str = r#"
[[step]]
name = "folder"
directory = { path = "ROOT/app", OWN }

[[step]]
name = "file"
file = { path = "ROOT/app/a.conf", content = "a\n", OWN }

[[step]]
name = "link"
link = { path = "ROOT/app/link", target = "a.conf" }

[[step]]
name = "data"
directory = { path = "ROOT/data", data = true, OWN }

[[step]]
name = "other"
file = { path = "ROOT/other", content = "o\n", OWN }
"#;

/// The last of the steps under another name.
const LESS: &str = r#"
[[step]]
name = "called otherwise"
file = { path = "ROOT/other", content = "o\n", OWN }
"#;

fn owned(lab: &Lab, host: &str) -> Vec<String> {
    let ledger = Ledger::read(lab.read(host, "state/ledger.json").as_deref()).unwrap();
    let name = |id: String| id.replace(&format!("{host}/"), "").replace(ROOT, "");
    ledger.owned.into_keys().map(name).collect()
}

/// Ids of one host in the order in which they ended.
fn ended(lab: &Lab, host: &str) -> Vec<String> {
    let events = lab.heard.0.lock().unwrap();
    let ended = events.iter().filter_map(|event| match event {
        Event::StepEnded { host: at, id, outcome: Outcome::Changed, .. } if at == host => {
            Some(id.replace(&format!("{host}/"), "").replace(ROOT, ""))
        }
        _ => None,
    });
    ended.collect()
}

#[tokio::test]
async fn what_nothing_asks_for_goes_and_data_stays_until_it_may() {
    let mut lab = Lab::new(STEPS);
    lab.run().await.unwrap();
    fs::write(lab.path("n1", "root/data/rows"), "precious").unwrap();
    lab.ask_for(LESS, false).await;
    let plan = lab.plan().await;
    assert_eq!(plan.counts(), [0, 0, 6, 0], "a step of another name is none of them");
    let mut stays: Vec<_> = plan.stays().map(|(host, label, why)| format!("{host} {label} {why}")).collect();
    stays.sort();
    assert_eq!(stays.len(), 2, "{stays:?}");
    assert!(stays[0].starts_with("n1 directory:/hac-test-root/data it holds data"), "{stays:?}");
    lab.heard.0.lock().unwrap().clear();
    let summary = lab.run().await.unwrap();
    assert_eq!((summary.changed, summary.failed.len(), summary.left.len()), (6, 0, 0), "{summary:?}");
    let order = ended(&lab, "n1");
    assert_eq!((order.len(), order.last().map(String::as_str)), (3, Some("directory:/app")), "{order:?}");
    assert!(!lab.path("n1", "root/app").exists());
    assert_eq!(owned(&lab, "n1"), ["directory:/data", "file:/other"]);
    assert!(lab.plan().await.is_empty(), "what is kept is no change");

    lab.ask_for(LESS, true).await;
    assert_eq!(lab.run().await.unwrap().changed, 2);
    assert!(!lab.path("n1", "root/data").exists());
    assert_eq!(owned(&lab, "n1"), ["file:/other"]);
}

/// Nothing of what else its host waits for comes with it, nor holds it back.
#[tokio::test]
async fn a_removal_can_be_all_that_is_selected() {
    let mut lab = Lab::new(STEPS);
    lab.run().await.unwrap();
    lab.ask_for(&LESS.replace("o\\n", "new\\n"), false).await;
    let selection = lab.world.select(["n1/directory:*/app", "", ""]);
    let mut apply = lab.apply().await;
    apply.selection = selection;
    let (_heard, stops) = tokio::sync::mpsc::unbounded_channel();
    let summary = apply.run_until(stops).await.unwrap();
    assert_eq!((summary.changed, summary.deferred.len(), summary.left.len()), (3, 5, 0), "{summary:?}");
    assert!(!lab.path("n1", "root/app").exists() && lab.path("n2", "root/app").exists());
    assert_eq!(lab.read("n1", "root/other").as_deref(), Some("o\n"));
    assert_eq!(owned(&lab, "n1"), ["directory:/data", "file:/other"]);
}

#[tokio::test]
async fn a_directory_with_somebody_elses_file_is_left() {
    let mut lab = Lab::new(STEPS);
    lab.run().await.unwrap();
    fs::write(lab.path("n1", "root/app/theirs"), "").unwrap();
    lab.ask_for(LESS, true).await;
    let plan = lab.plan().await;
    let stays: Vec<_> = plan.stays().map(|(host, label, why)| format!("{host} {label}: {why}")).collect();
    assert_eq!(stays, ["n1 directory:/hac-test-root/app: it is not empty: theirs"]);
    lab.run().await.unwrap();
    assert!(lab.path("n1", "root/app/theirs").exists() && !lab.path("n2", "root/app").exists());
    assert_eq!(owned(&lab, "n1"), ["directory:/app", "file:/other"]);
}

#[tokio::test]
async fn what_was_there_before_is_forgotten() {
    let mut lab = Lab::new(STEPS);
    fs::write(lab.path("n1", "root/other"), "o\n").unwrap();
    lab.run().await.unwrap();
    let rest = STEPS.split("[[step]]\nname = \"other\"").next().unwrap();
    lab.ask_for(rest, false).await;
    let plan = lab.plan().await;
    assert_eq!((plan.counts(), plan.changes().count()), ([0, 0, 1, 0], 2));
    let summary = lab.run().await.unwrap();
    assert_eq!((summary.changed, summary.left.len()), (1, 0), "{summary:?}");
    assert!(lab.path("n1", "root/other").exists() && !lab.path("n2", "root/other").exists());
    assert!(!owned(&lab, "n1").contains(&"file:/other".to_owned()));
    assert!(lab.plan().await.is_empty());
}

#[tokio::test]
async fn what_a_cut_run_made_is_known_to_be_ours() {
    let mut lab = Lab::new(STEPS);
    assert!(lab.run_pressed(2).await.unwrap().interrupted);
    // What it left to the hosts goes on there.
    fs::write(lab.path("n1", "root/other"), "o\n").unwrap();
    lab.ask_for(&STEPS.replace("\"o\\n\"", "\"new\\n\""), false).await;
    assert_eq!(lab.plan().await.in_the_way().count(), 0);
}

#[tokio::test]
async fn somebody_elses_file_is_not_overwritten() {
    let mut lab = Lab::new(STEPS);
    fs::write(lab.path("n1", "root/other"), "theirs\n").unwrap();
    let plan = lab.plan().await;
    let ways: Vec<&str> = plan.in_the_way().map(|a| a.id.as_str()).collect();
    assert_eq!(ways, ["n1/file:/hac-test-root/other"]);
    let ended = lab.run().await;
    assert!(matches!(ended, Err(ApplyError::Foreign(_))), "{ended:?}");
    assert_eq!(
        (lab.read("n2", "root/other"), lab.read("n1", "root/other").as_deref()),
        (None, Some("theirs\n"))
    );

    lab.ask_for(&STEPS.replace("content = \"o\\n\"", "content = \"o\\n\", replaces = true"), false).await;
    assert_eq!(lab.plan().await.in_the_way().count(), 0);
    let summary = lab.run().await.unwrap();
    assert!(ids(&summary.failed).is_empty() && summary.left.is_empty(), "{summary:?}");
    assert_eq!(lab.read("n1", "root/other").as_deref(), Some("o\n"));
    let kept = format!("state/previous/{}{}", summary.run, lab.path("n1", "root/other").display());
    assert_eq!(lab.read("n1", &kept).as_deref(), Some("theirs\n"));
}
