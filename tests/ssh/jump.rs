//! Owns reaching a host through others: one sshd is the jump host, another the
//! target.

use std::sync::Arc;

use hacluster::transport::{Connection, Dialer, Target, TransportError};
use tokio::task::JoinSet;

use super::daemon::{Daemon, SECONDS, keygen};

/// The target behind `jump`, which is itself behind `before`.
fn behind(target: &Daemon, jump: &Daemon, before: Option<Target>) -> Target {
    let via = Target { name: "bastion".into(), via: before.map(Arc::new), ..jump.target() };
    Target { via: Some(Arc::new(via)), ..target.target() }
}

async fn refusal(target: &Target) -> TransportError {
    match Connection::open(target, &Dialer::default()).await {
        Err(error) => error,
        Ok(_) => panic!("the connection was made"),
    }
}

/// Logins that sshd wrote down.
fn logins(daemon: &Daemon) -> usize {
    daemon.read("log").matches("Accepted publickey").count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_hosts_behind_a_jump_host_share_its_connection() {
    let (jump, host) = (Daemon::start(), Daemon::start());
    let target = behind(&host, &jump, None);
    let dialer = Dialer::default();
    let mut tasks = JoinSet::new();
    for number in 0..8 {
        let (target, dialer) = (target.clone(), dialer.clone());
        tasks.spawn(async move {
            let connection = Connection::open(&target, &dialer).await.unwrap();
            let script = format!("head -c 300000 /dev/zero; exit {number}");
            let output = connection.run(&script, SECONDS(20), None).await.unwrap();
            assert_eq!((output.status, output.stdout.len()), (number, 300_000));
        });
    }
    tasks.join_all().await;
    assert_eq!((logins(&jump), logins(&host)), (1, 8));
    // The target sees the jump host, and no agent came along.
    let connection = Arc::new(Connection::open(&target, &dialer).await.unwrap());
    let output = connection.run("echo ${SSH_AUTH_SOCK-none}", SECONDS(5), None).await.unwrap();
    assert_eq!(output.stdout_text(), "none\n");
    let again = connection.reopen().await.unwrap();
    assert!(again.run("true", SECONDS(5), None).await.unwrap().success());
    assert_eq!(logins(&jump), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_jump_host_that_came_back_is_connected_to_again() {
    let (jump, host) = (Daemon::start(), Daemon::start());
    let connection = Connection::open(&behind(&host, &jump, None), &Dialer::default()).await.unwrap();
    let connection = Arc::new(connection);
    jump.cut_connections();
    assert!(connection.run("true", SECONDS(5), None).await.is_err());
    let again = connection.reopen().await.unwrap();
    assert!(again.run("true", SECONDS(5), None).await.unwrap().success());
    assert_eq!(logins(&jump), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chain_names_the_hop_that_failed() {
    let (first, second, host) = (Daemon::start(), Daemon::start(), Daemon::start());
    let before = || Target { name: "outer".into(), ..first.target() };
    let target = behind(&host, &second, Some(before()));
    let connection = Connection::open(&target, &Dialer::default()).await.unwrap();
    assert!(connection.run("true", SECONDS(5), None).await.unwrap().success());
    // Each hop's own key is checked, each hop's own login is made.
    keygen(&first.at("other"), &["-t", "ed25519"]);
    first.pin("other");
    let error = refusal(&target).await.to_string();
    let start = "n1: its jump host bastion cannot be used\nbastion: its jump host outer cannot be used\n\
                 outer: the host key of 127.0.0.1:";
    assert!(error.starts_with(start) && error.contains("has changed"), "{error}");
    first.pin("host_ed25519");
    std::fs::write(second.at("authorized_keys"), "").unwrap();
    let error = refusal(&target).await.to_string();
    let start = "n1: its jump host bastion cannot be used\nbastion: root@127.0.0.1:";
    assert!(error.starts_with(start) && error.contains("accepts none of our keys"), "{error}");
    std::fs::copy(second.at("key.pub"), second.at("authorized_keys")).unwrap();
    std::fs::write(host.at("known_hosts"), "").unwrap();
    let error = refusal(&target).await;
    assert!(matches!(error, TransportError::HostKeyUnknown(_)), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_jump_host_cannot_do_is_said_of_the_target() {
    let host = Daemon::start();
    let jump = Daemon::start();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let away = Target { port: nobody, ..behind(&host, &jump, None) };
    let error = refusal(&away).await;
    assert!(error.is_unreachable(), "{error}");
    assert!(error.to_string().contains("bastion cannot connect to it: refused, or no way there"), "{error}");
    let closed = Daemon::start_with(|_| "AllowTcpForwarding no\n".into());
    let error = refusal(&behind(&host, &closed, None)).await.to_string();
    assert!(error.contains("bastion forbids it") && error.contains("AllowTcpForwarding local"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_behind_a_dead_jump_host_waits_once() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let host = Daemon::start();
    let mut via = host.target();
    (via.name, via.port) = ("bastion".into(), silent.local_addr().unwrap().port());
    via.connect_timeout = std::time::Duration::from_millis(400);
    let target = Target { via: Some(Arc::new(via)), ..host.target() };
    let (dialer, start) = (Dialer::default(), std::time::Instant::now());
    let opened = futures_util::future::join_all((0..4).map(|_| Connection::open(&target, &dialer))).await;
    assert!(start.elapsed() < std::time::Duration::from_millis(1200), "{:?}", start.elapsed());
    for error in opened.into_iter().map(Result::unwrap_err) {
        assert!(error.to_string().contains("bastion: cannot reach 127.0.0.1:"), "{error}");
    }
}
