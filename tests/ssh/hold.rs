//! Owns the life of a held process: beats, silence, vanishing.

use hacluster::transport::Held;

use super::daemon::{Daemon, eventually};

/// A lock as the executor will hold one, with 1 s of patience instead of 30.
fn holder(daemon: &Daemon) -> String {
    format!(
        "exec 9>{dir}/lock; flock -n 9 || {{ echo busy; exit 1; }}; echo locked\n\
         while beat=$(timeout 1 sh -c 'IFS= read -r beat && echo \"$beat\"'); do echo \"beat $beat\"; done\n\
         echo gone >{dir}/gone",
        dir = daemon.dir.path().display()
    )
}

async fn next(held: &mut Held) -> String {
    held.line().await.unwrap_or_else(|| "(ended)".into())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beats_keep_it_and_silence_ends_it() {
    let daemon = Daemon::start();
    let connection = daemon.connect().await;
    let script = holder(&daemon);
    let mut held = connection.hold(&script).await.unwrap();
    assert_eq!(next(&mut held).await, "locked");
    for number in 0..3 {
        held.beat(&number.to_string()).unwrap();
        assert_eq!(next(&mut held).await, format!("beat {number}"));
    }
    let mut rival = connection.hold(&script).await.unwrap();
    assert_eq!(next(&mut rival).await, "busy");
    assert_eq!(rival.close().await.unwrap().status, 1);
    assert_eq!(held.line().await, None); // a second of silence
    eventually("a beat to a process that ended fails", || !daemon.read("gone").is_empty()).await;
    assert!(held.beat("late").is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_ends_when_closed_dropped_or_disconnected() {
    let daemon = Daemon::start();
    let script = holder(&daemon);
    for way in ["close", "drop", "disconnect"] {
        let connection = daemon.connect().await;
        let mut held = connection.hold(&script).await.unwrap();
        assert_eq!(next(&mut held).await, "locked", "{way}");
        match way {
            "close" => assert_eq!(held.close().await.unwrap().status, 0),
            "drop" => drop(held),
            _ => std::sync::Arc::into_inner(connection).unwrap().close().await,
        }
        eventually(way, || std::fs::remove_file(daemon.at("gone")).is_ok()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_start_says_why() {
    let daemon = Daemon::start();
    let connection = daemon.connect().await;
    let mut held = connection.hold("echo started; echo why >&2; exit 3").await.unwrap();
    assert_eq!(next(&mut held).await, "started");
    assert_eq!(next(&mut held).await, "(ended)");
    let end = held.close().await.unwrap();
    assert_eq!((end.status, &*end.stderr_text()), (3, "why\n"));
}
