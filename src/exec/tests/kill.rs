//! Owns a control process that is killed, at every point where its journal is
//! written: the next run ends where one that nobody disturbed ends. Must not
//! wait for real time.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;

use super::host::Lab;
use crate::exec::journal::kill;
use crate::exec::{ApplyError, Summary};
use crate::ledger::Ledger;

/// Two batches a host, and one that waits for both hosts.
const STEPS: &str = r#"
[[step]]
name = "one"
file = { path = "ROOT/one", content = "one on {{ host.name }}\n", OWN }

[[step]]
name = "word"
after = ["one"]
file = { path = "ROOT/word", content = "word\n", mode = "0600", OWN }

[[step]]
name = "all"
once = "first"
after = ["word"]
command = { name = "all", run = "cat ROOT/one >>ROOT/all", creates = "ROOT/all" }
"#;

/// What a killed run left running may end between the reading and the lock:
/// the plan is refused then, and made again.
fn run(lab: &Lab) -> Summary {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    match runtime.block_on(lab.run()) {
        Err(ApplyError::Moved(_)) => runtime.block_on(lab.run()),
        ended => ended,
    }
    .unwrap()
}

/// What a host holds: mode and content of files, and what its ledger says.
fn digest(lab: &Lab) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for host in ["n1", "n2"] {
        for entry in fs::read_dir(lab.path(host, "root")).unwrap().flatten() {
            let mode = entry.metadata().unwrap().permissions().mode();
            let text = fs::read_to_string(entry.path()).unwrap();
            found.insert(format!("{host}/{}", entry.file_name().display()), format!("{mode:o} {text}"));
        }
        // Its salt is its own, and so are the contents it stands for.
        let ledger = Ledger::read(lab.read(host, "state/ledger.json").as_deref()).unwrap_or_default();
        let held: Vec<&String> = ledger.resources.keys().chain(ledger.owned.keys()).collect();
        found.insert(format!("{host} remembers"), format!("{held:?}"));
        let left = ["run/running", "run/holder"].map(|path| lab.path(host, path).exists());
        assert_eq!(left, [false, false], "{host} is left as if something ran");
    }
    found
}

/// Killed at this point; whether there was such a point.
fn killed_at(point: usize, expected: &BTreeMap<String, String>) -> bool {
    let lab = Arc::new(Lab::new(STEPS));
    let (dead, heard) = channel();
    let doomed = Arc::clone(&lab);
    // It stops for good in the middle of what it does, and holds on to nothing.
    thread::spawn(move || {
        kill::at(point, dead.clone());
        run(&doomed);
        dead.send(false)
    });
    let killed = heard.recv().unwrap();
    let summary = run(&lab);
    assert!(summary.failed.is_empty() && summary.left.is_empty(), "point {point}: {summary:?}");
    assert_eq!(digest(&lab), *expected, "point {point}");
    remove(lab.path("", "").as_path(), killed);
    killed
}

/// Whoever was killed cleans up no more.
fn remove(dir: &Path, killed: bool) {
    if killed {
        fs::remove_dir_all(dir).unwrap();
    }
}

#[test]
fn a_run_killed_at_any_point_is_ended_by_the_next() {
    let twin = Lab::new(STEPS);
    assert_eq!(run(&twin).changed, 5);
    let expected = digest(&twin);
    let workers: Vec<_> = (0..2)
        .map(|first| {
            let expected = expected.clone();
            thread::spawn(move || {
                (first..).step_by(2).take_while(|point| killed_at(*point, &expected)).count()
            })
        })
        .collect();
    let points: usize = workers.into_iter().map(|worker| worker.join().unwrap()).sum();
    assert!(points >= 15, "only {points} points");
}
