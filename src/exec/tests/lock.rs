//! Owns the lock on a host, in real shells: who gets it, who waits, what is said.
//! Must not wait for the silence of a vanished client; the lab does.

use std::fs;
use std::io::{BufRead as _, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use tempfile::TempDir;

use super::applies::{STEPS, ids};
use super::host::{self, Lab};
use crate::exec::lock::script;
use crate::transport::Output;
use crate::transport::fake::Fake;

/// Somebody at a host's lock.
struct Contender {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Contender {
    fn new(host: &Path, who: &str) -> Self {
        let place = |folder: &str| host.join(folder).display().to_string();
        let text = script(who)
            .replace("/run/hacluster", &place("run"))
            .replace("/var/lib/hacluster", &place("state"));
        let mut sh = Command::new("sh");
        let mut child = sh.args(["-c", &text]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// Without how long somebody has had it.
    fn line(&mut self) -> String {
        let line = self.lines.next().map(Result::unwrap).unwrap_or_default();
        match line.strip_prefix("busy ").and_then(|rest| rest.split_once(' ')) {
            Some((seconds, who)) if seconds.parse::<u64>().is_ok() => format!("busy {who}"),
            _ => line,
        }
    }

    /// Its connection ends.
    fn leave(mut self) {
        drop(self.child.stdin.take());
        assert!(self.child.wait().unwrap().success());
    }
}

fn host() -> TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn one_holds_it_and_the_counter_goes_up() {
    let host = host();
    let mut first = Contender::new(host.path(), "eve on laptop");
    assert_eq!(first.line(), "held 1");
    let mut second = Contender::new(host.path(), "bob");
    assert_eq!(second.line(), "busy eve on laptop");
    second.leave();
    fs::write(host.path().join("run/running"), "unit\n{}\n").unwrap();
    let mut third = Contender::new(host.path(), "bob");
    assert_eq!([third.line(), third.line()], ["at {}", "busy eve on laptop"]);
    third.leave();
    first.leave();
    assert!(!host.path().join("run/holder").exists());
    // torn by a power cut
    fs::write(host.path().join("state/fence"), "1\u{fffd}2\n").unwrap();
    let mut fourth = Contender::new(host.path(), "bob");
    assert_eq!(fourth.line(), "held 1");
    assert!(!host.path().join("run/running").exists(), "nothing runs, whatever was left lying there");
    fourth.leave();
}

#[test]
fn what_still_runs_is_waited_for_and_its_output_kept() {
    let host = host();
    let run = host.path().join("run");
    fs::create_dir(&run).unwrap();
    for unit in ["hacluster-old-1", "hacluster-older-1"] {
        fs::write(run.join(format!("{unit}.out")), "N end 0 0\n").unwrap();
    }
    fs::write(run.join("running"), "hacluster-old-1\n{\"run\":\"old\"}\n").unwrap();
    let batch = fs::File::create(run.join("step.lock")).unwrap();
    batch.lock().unwrap();
    let mut next = Contender::new(host.path(), "bob");
    assert_eq!(next.line(), "waits {\"run\":\"old\"}");
    let mut third = Contender::new(host.path(), "eve");
    assert_eq!([third.line(), third.line()], ["at {\"run\":\"old\"}", "busy bob"]);
    third.leave();
    batch.unlock().unwrap();
    assert_eq!(next.line(), "held 1");
    assert!(run.join("hacluster-old-1.out").exists() && !run.join("hacluster-older-1.out").exists());
    next.leave();
}

/// A run was cut between a change and its confirmation, and the next one comes before
/// the timer's end.
#[test]
fn what_a_cut_run_did_not_confirm_goes_back_before_the_next_one() {
    let host = host();
    let guard = host.path().join("state/undo/.guard");
    fs::create_dir_all(&guard).unwrap();
    fs::write(guard.join("armed"), "id1\n").unwrap();
    let step = host.path().join("run/step.lock").display().to_string();
    let revert = format!("flock -n {step} mv {0}/armed {0}/reverted-$1\n", guard.display());
    fs::write(guard.join("revert.sh"), revert).unwrap();
    let mut next = Contender::new(host.path(), "bob");
    assert_eq!(next.line(), "held 2", "what was read before still counts");
    assert!(guard.join("reverted-id1").exists());
    next.leave();
    let mut third = Contender::new(host.path(), "bob");
    assert_eq!(third.line(), "held 3");
    third.leave();
}

#[test]
fn a_waiter_that_leaves_lets_go_at_once() {
    let host = host();
    let run = host.path().join("run");
    fs::create_dir(&run).unwrap();
    let batch = fs::File::create(run.join("step.lock")).unwrap();
    batch.lock().unwrap();
    let mut next = Contender::new(host.path(), "bob");
    assert_eq!(next.line(), "waits ");
    next.leave();
    let mut third = Contender::new(host.path(), "eve");
    assert_eq!(third.line(), "waits ");
    batch.unlock().unwrap();
    assert_eq!(third.line(), "held 1", "whoever left raised no counter");
    third.leave();
}

#[tokio::test]
async fn how_it_ended_is_told_and_written_down() {
    let running = r#"{"unit":"hacluster-old-1","run":"old","nonce":"N","steps":[["n1/a","n1/b"],["n1/c"]]}"#;
    let mut lab = Lab::new(STEPS);
    let dir = lab.path("n1", "");
    fs::write(lab.path("n1", "state/fence"), "4\n").unwrap();
    let says = |text: String| Output { stdout: text.into(), ..Output::default() };
    let left = says("N begin 0\nN end 0 0\nN begin 1\nno\nN end 1 3\nN over\n".to_owned());
    lab.host("n1", |_| {
        let fake = Fake::new("n1").on("hac_silence=", says(format!("waits {running}\nheld 4\n")));
        host::on(fake.on("cat /run/hacluster/hacluster-old-1.out", left), dir)
    });
    let summary = lab.run().await.unwrap();
    assert_eq!((summary.changed, ids(&summary.failed).len()), (8, 0), "{summary:?}");
    let events = lab.heard.0.lock().unwrap();
    let told = |words: &str| events.iter().any(|event| format!("{event:?}").contains(words));
    assert!(told("finishes what a run before left there: n1/a and 2 more"), "{events:?}");
    assert!(told("n1: what run old left there has ended, 2 of 3 steps well"), "{events:?}");
    assert!(lab.journal().contains(r#""steps":{"n1/a":0,"n1/b":0,"n1/c":3}"#), "{}", lab.journal());
}
