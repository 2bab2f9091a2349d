//! Owns what running a script promises.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hacluster::transport::{OUTPUT_LIMIT, TransportError};
use tokio::task::JoinSet;

use super::daemon::{Daemon, SECONDS, eventually, is_running};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn status_streams_and_lines_come_back() {
    let daemon = Daemon::start();
    let connection = daemon.connect().await;
    let script = "echo one; echo bad >&2; cat; printf 'tw\\303\\244\\n'; printf last; exit 7";
    let mut lines = Vec::new();
    let mut see = |line: &str| lines.push(line.to_owned());
    let output = connection.run(script, SECONDS(5), Some(&mut see)).await.unwrap();
    assert_eq!(output.status, 7);
    assert_eq!(output.stdout_text(), "one\ntwä\nlast");
    assert_eq!(output.stderr_text(), "bad\n");
    assert_eq!(lines, ["one", "twä", "last"]);
    let killed = connection.run("kill -9 $$", SECONDS(5), None).await.unwrap();
    assert_eq!(killed.status, 137);
    let empty = connection.run("", SECONDS(5), None).await.unwrap();
    assert_eq!((empty.status, empty.stdout.len(), empty.stderr.len()), (0, 0, 0));
    let locale = connection.run("echo $LC_ALL; command -v sysctl ip", SECONDS(5), None).await.unwrap();
    assert!(locale.stdout_text().starts_with("C\n/"), "{locale:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_are_shown_while_the_script_still_runs() {
    let daemon = Daemon::start();
    let connection = daemon.connect().await;
    let start = Instant::now();
    let mut first = None;
    let mut see = |_: &str| first = first.or_else(|| Some(start.elapsed()));
    connection.run("echo early; sleep 0.4; echo late", SECONDS(5), Some(&mut see)).await.unwrap();
    assert!(first.unwrap() < Duration::from_millis(300), "{first:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn size_is_no_matter_until_the_limit() {
    let daemon = Daemon::start();
    let connection = daemon.connect().await;
    let body = "0123456789abcdef\n".repeat(130_000);
    let script = format!("cksum <<'END'\n{body}END\n");
    assert!(script.len() > 2 << 20);
    let output = connection.run(&script, SECONDS(10), None).await.unwrap();
    assert_eq!(output.stdout_text().split(' ').nth(1).unwrap().trim(), body.len().to_string());
    let big = "head -c 3000000 /dev/zero; head -c 3000000 /dev/zero >&2";
    let output = connection.run(big, SECONDS(10), None).await.unwrap();
    assert_eq!((output.stdout.len(), output.stderr.len()), (3_000_000, 3_000_000));
    let runaway = format!("head -c {} /dev/zero", OUTPUT_LIMIT + 1);
    let error = connection.run(&runaway, SECONDS(20), None).await.unwrap_err();
    assert!(matches!(error, TransportError::TooMuchOutput { .. }), "{error}");
    assert!(connection.run("true", SECONDS(5), None).await.unwrap().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_timeout_says_so_and_the_connection_lives() {
    let daemon = Daemon::start();
    let connection = daemon.connect().await;
    let error = connection.run("sleep 2", Duration::from_millis(100), None).await.unwrap_err();
    assert!(error.outcome_unknown());
    assert_eq!(error.to_string(), "n1: no end of a script after 0.1 s; it may still be running there");
    assert!(connection.run("true", SECONDS(5), None).await.unwrap().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_killed_mid_run_is_an_unknown_outcome() {
    let daemon = Daemon::start();
    let connection = daemon.connect().await;
    let error = connection.run("echo started; kill -9 $PPID; sleep 1", SECONDS(5), None).await.unwrap_err();
    assert_eq!(error, TransportError::Disconnected { node: "n1".into(), sent: true });
    let error = connection.run("true", SECONDS(5), None).await.unwrap_err();
    assert_eq!(error, TransportError::Disconnected { node: "n1".into(), sent: false });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_scripts_at_once_share_one_connection() {
    let daemon = Daemon::start();
    let connection = daemon.connect().await;
    let mut running = JoinSet::new();
    for number in 0..50 {
        let connection = Arc::clone(&connection);
        running.spawn(async move {
            let output = connection.run(&format!("echo {number}; exit {number}"), SECONDS(10), None).await;
            assert_eq!(output.unwrap().status, number);
        });
    }
    assert_eq!(running.join_all().await.len(), 50);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cancelled_runs_use_up_no_channels() {
    let daemon = Daemon::start();
    let connection = daemon.connect().await;
    for wait in 0..30 {
        let run = connection.run("sleep 0.2", SECONDS(5), None);
        let _ = tokio::time::timeout(Duration::from_millis(wait), run).await;
    }
    assert!(connection.run("true", SECONDS(5), None).await.unwrap().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_run_closes_its_channel() {
    let daemon = Daemon::start();
    let connection = daemon.connect().await;
    // Nobody reads: only a closed channel ends it, by SIGPIPE.
    let mark = format!("timeout 60.{}", daemon.port);
    let script = format!("{mark} sh -c 'while echo x; do sleep 0.02; done'");
    let run = connection.run(&script, SECONDS(30), None);
    tokio::select! {
        end = run => panic!("it ended: {end:?}"),
        () = eventually("started", || is_running(&mark)) => {}
    }
    eventually("stopped", || !is_running(&mark)).await;
}
