//! Owns the check of the shell texts that the executor makes around steps. What
//! steps are made of is checked with their cases. Must not run any.

use std::fs;
use std::process::Command;

use crate::exec::batch::{Step, body, follow, launch};
use crate::exec::{confirm, ledgers, lock, retire};
use crate::facts::Running;
use crate::resource::Script;

fn texts() -> Vec<String> {
    let plain = Script::new("echo 'it is'");
    let step = |script: Script, requires: &[usize]| Step {
        ids: vec!["n1/one".to_owned()],
        script,
        requires: requires.to_vec(),
        owes: vec![("ssh.service".to_owned(), "reload")],
    };
    let confirmed = confirm::armed("0af3", Some("ssh.service"), &plain);
    let steps = [step(plain.clone(), &[]), step(confirmed, &[0]), step(plain.clone(), &[0, 1])];
    let running = Running { unit: "hacluster-r-1".into(), nonce: "b7c1e0".into(), ..Running::default() };
    let body = body(&steps, &running, Some(7));
    vec![
        launch(&body, &running.unit, 60),
        body,
        follow(&running.unit),
        confirm::reverts(),
        confirm::confirms("0af3"),
        ledgers::puts("r", 7, "{\"it's\": 1}"),
        retire::hands_over(&plain),
        retire::stops(&["a.service".to_owned(), "b@it's.service".to_owned()]),
        lock::script("eve on laptop"),
    ]
}

/// As for the scripts of cases: shared functions that one script does not call
/// (2317), a `$` in single quotes (2016), and a `\` before their end (1003).
const EXCEPT: &str = "SC1003,SC2016,SC2317";

#[test]
fn shellcheck_finds_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut check = Command::new("shellcheck");
    check.args(["-s", "sh", "-f", "gcc", "-e", EXCEPT]);
    for (at, text) in texts().iter().enumerate() {
        let path = folder.path().join(format!("{at}.sh"));
        fs::write(&path, text).unwrap();
        check.arg(path);
    }
    let output = check.output().unwrap_or_else(|error| panic!("shellcheck is missing: {error}"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}
