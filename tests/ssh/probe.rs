//! Owns what a probe cannot do: write, linger, touch the host's own mounts.

use std::sync::Arc;
use std::time::Duration;

use hacluster::transport::local::Local;
use hacluster::transport::{Connection, ProbeText, Prober, Protection};

use super::daemon::{Daemon, SECONDS, eventually, is_running};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_probe_reads_everything_and_writes_nothing() {
    let daemon = Daemon::start();
    let prober = Prober::new(daemon.connect().await);
    let script = format!(
        "for place in /root /run /tmp /dev/shm /etc {0}; do touch $place/hacluster-x && echo wrote $place; done 2>/dev/null\n\
         echo 1 2>/dev/null >/proc/sys/vm/swappiness && echo wrote sysctl\n\
         rm -f {0}/key && echo removed\n\
         echo thrown >/dev/null && echo null works; echo piped | cat; cat; head -c 9 {0}/known_hosts; echo\n\
         dpkg-query -W -f='${{Package}}\\n' dash; cat <<END\nhere $((1 + 1))\nEND\necho bad >&2; exit 5",
        daemon.dir.path().display()
    );
    let answer = prober.probe(&ProbeText::read_only(script), SECONDS(10)).await.unwrap();
    assert_eq!(answer.protection, Protection::ReadOnly);
    assert_eq!(answer.output.stdout_text(), "null works\npiped\n[127.0.0.\ndash\nhere 2\n");
    assert_eq!(answer.output.status, 5);
    assert!(answer.output.stderr_text().contains("Read-only file system"));
    assert!(daemon.at("key").exists());
    // The host's own namespace is as it was.
    std::fs::write(daemon.at("still-writable"), "").unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_probe_dies_with_its_reader() {
    let daemon = Daemon::start();
    let connection = daemon.connect().await;
    let prober = Prober::new(Arc::clone(&connection));
    let mark = format!("77.{}", daemon.port);
    let text = ProbeText::read_only(format!("sleep {mark}; true"));
    let error = prober.probe(&text, Duration::from_millis(200)).await.unwrap_err();
    assert!(error.outcome_unknown(), "{error}");
    eventually("gone after our limit", || !is_running(&format!("sleep {mark}"))).await;
    let running = tokio::spawn(async move { prober.probe(&text, SECONDS(10)).await });
    eventually("started", || is_running(&format!("sleep {mark}"))).await;
    let drops_connection = Arc::into_inner(connection);
    assert!(drops_connection.is_none(), "the prober holds it too");
    running.abort();
    let _ = running.await;
    eventually("gone after the future was dropped", || !is_running(&format!("sleep {mark}"))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_connection_ends_the_probe() {
    let daemon = Daemon::start();
    let prober = Prober::new(daemon.connect().await);
    let mark = format!("78.{}", daemon.port);
    let text =
        ProbeText::read_only(format!("kill -9 $(ps -o ppid= -p $(ps -o sid= -p $$)); sleep {mark}; true"));
    let error = prober.probe(&text, SECONDS(10)).await.unwrap_err();
    assert!(error.is_unreachable(), "{error}");
    eventually("gone", || !is_running(&format!("sleep {mark}"))).await;
}

#[tokio::test]
async fn a_local_probe_is_protected_too() {
    let prober = Prober::new(Arc::new(Connection::Local(Local::new("control"))));
    let text = ProbeText::read_only("touch /root/hacluster-x; echo $?");
    let answer = prober.probe(&text, SECONDS(10)).await.unwrap();
    assert_eq!(answer.protection, Protection::ReadOnly, "run as root");
    assert_eq!(answer.output.stdout_text(), "1\n");
}
