//! Owns what happens when the host is not who it should be.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hacluster::transport::{Connection, Dialer, Target, TransportError, offered, pin, recognise};

use super::daemon::{Daemon, keygen};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_key_is_refused_with_the_way_to_pin_it() {
    let daemon = Daemon::start();
    std::fs::write(daemon.at("known_hosts"), "").unwrap();
    let error = daemon.refusal(|_| ()).await;
    assert!(matches!(error, TransportError::HostKeyUnknown(_)), "{error}");
    let message = error.to_string();
    assert!(message.contains("ssh-ed25519 SHA256:"), "{message}");
    assert!(message.contains("`hacluster hosts trust n1`"), "{message}");
    assert!(message.contains("`ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub`"), "{message}");
    let error = daemon.refusal(|target| target.known_hosts = vec![daemon.at("absent")]).await;
    assert!(matches!(error, TransportError::HostKeyUnknown(_)), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_key_is_refused_with_its_line_and_both_fingerprints() {
    let daemon = Daemon::start();
    keygen(&daemon.at("other"), &["-t", "ed25519"]);
    daemon.pin("other");
    let error = daemon.refusal(|_| ()).await;
    let TransportError::HostKeyChanged(change) = &error else { panic!("{error}") };
    assert_ne!(change.pinned, change.shown);
    assert!(error.to_string().contains("known_hosts:1 pins ssh-ed25519 SHA256:"), "{error}");
    assert!(error.to_string().contains("`hacluster hosts trust n1`") && error.is_untrusted(), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_is_asked_for_the_type_that_is_pinned() {
    let daemon = Daemon::start();
    daemon.pin("host_ecdsa");
    daemon.connect().await;
    // A type the host does not have: no other is asked for, and it counts as changed.
    keygen(&daemon.at("rsa"), &["-t", "rsa", "-b", "2048"]);
    daemon.pin("rsa");
    let error = daemon.refusal(|_| ()).await;
    let TransportError::HostKeyChanged(change) = &error else { panic!("{error}") };
    assert!(
        change.pinned.starts_with("ssh-rsa ")
            && change.shown.contains("but ssh-ed25519, ecdsa-sha2-nistp256"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_key_is_refused() {
    let daemon = Daemon::start();
    let pinned = daemon.read("known_hosts");
    let revoked = daemon.read("host_ed25519.pub");
    std::fs::write(daemon.at("known_hosts"), format!("{pinned}@revoked * {revoked}")).unwrap();
    let error = daemon.refusal(|_| ()).await;
    assert!(matches!(&error, TransportError::HostKeyRevoked { place, .. } if place.line == 2), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accept_new_pins_what_is_new_and_nothing_else() {
    let daemon = Daemon::start();
    let fresh = Target { accept_new: true, known_hosts: vec![daemon.at("fresh")], ..daemon.target() };
    let dialer = Dialer::default();
    assert!(recognise(&fresh, &dialer).await.unwrap_err().is_untrusted());
    assert!(!daemon.at("fresh").exists(), "looking pins nothing");
    Connection::open(&fresh, &dialer).await.unwrap();
    let notes = dialer.notes().join("\n");
    assert!(
        notes.contains("n1: its host key was not known and is pinned now: ssh-ed25519 SHA256:"),
        "{notes}"
    );
    Connection::open(&Target { accept_new: false, ..fresh.clone() }, &dialer).await.unwrap();
    assert_eq!(dialer.notes(), Vec::<String>::new());
    // Another key, a revoked one, and one beside a line that cannot be read.
    keygen(&daemon.at("other"), &["-t", "ed25519"]);
    daemon.pin("other");
    let changed = daemon.read("known_hosts");
    let revoked = format!("@revoked * {}", daemon.read("host_ed25519.pub"));
    let unread = format!("[127.0.0.1]:{} ssh-ed25519 AAAA\n", daemon.port);
    for text in [changed, revoked, unread] {
        std::fs::write(daemon.at("known_hosts"), &text).unwrap();
        let error = daemon.refusal(|target| target.accept_new = true).await;
        assert!(error.is_untrusted(), "{error}");
        assert_eq!(daemon.read("known_hosts"), text);
    }
}

/// A certificate authority in `dir/ca`, and a certificate for `names` from it
/// on the first host key.
fn with_certificate(names: &[&str]) -> Daemon {
    Daemon::start_with(|dir| {
        keygen(&dir.join("ca"), &["-t", "ed25519"]);
        sign(dir, &["-h", "-n", &names.join(","), "-V", "-1d:+1d"], "host_ed25519.pub");
        format!("HostCertificate {}/host_ed25519-cert.pub\n", dir.display())
    })
}

fn sign(dir: &Path, words: &[&str], key: &str) {
    let mut signing = std::process::Command::new("ssh-keygen");
    signing.args(["-q", "-I", "test", "-s"]).arg(dir.join("ca")).args(words).arg(dir.join(key));
    assert!(signing.status().unwrap().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_certificate_stands_in_for_a_pin() {
    let daemon = with_certificate(&["127.0.0.1"]);
    let line = format!("@cert-authority 127.0.0.* {}", daemon.read("ca.pub"));
    std::fs::write(daemon.at("known_hosts"), &line).unwrap();
    daemon.connect().await;
    // What is pinned is of another type: the certificate is asked for first.
    let pin = format!("[127.0.0.1]:{} {}", daemon.port, daemon.read("host_ecdsa.pub"));
    std::fs::write(daemon.at("known_hosts"), format!("{line}{pin}")).unwrap();
    daemon.connect().await;
    std::fs::write(daemon.at("known_hosts"), format!("{line}@revoked * {}", daemon.read("ca.pub"))).unwrap();
    let error = daemon.refusal(|_| ()).await;
    assert!(matches!(error, TransportError::HostKeyRevoked { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_certificate_for_another_name_is_explained() {
    let daemon = with_certificate(&["node1.example"]);
    let line = format!("@cert-authority * {}", daemon.read("ca.pub"));
    std::fs::write(daemon.at("known_hosts"), line).unwrap();
    let error = daemon.refusal(|_| ()).await;
    assert!(matches!(error, TransportError::HostKeyUnknown(_)), "{error}");
    assert!(
        error.to_string().contains("its certificate names node1.example, not 127.0.0.1: sign it"),
        "{error}"
    );
    // A host without a certificate beside an authority's line.
    let plain = Daemon::start();
    std::fs::copy(daemon.at("known_hosts"), plain.at("known_hosts")).unwrap();
    let error = plain.refusal(|_| ()).await;
    assert!(error.to_string().contains("it shows no certificate"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_shows_all_its_keys_and_any_of_them_can_be_pinned() {
    let daemon = Daemon::start();
    let dialer = Dialer::default();
    let offers = offered(&daemon.target(), &dialer, |_| false).await.unwrap();
    let kinds: Vec<&str> = offers.iter().map(|offer| offer.kind.as_str()).collect();
    assert_eq!(kinds, ["ssh-ed25519", "ecdsa-sha2-nistp256"]);
    let first = offered(&daemon.target(), &dialer, |offer| offer.kind == "ssh-ed25519").await.unwrap();
    assert_eq!(first, offers[..1]);
    recognise(&daemon.target(), &dialer).await.unwrap();
    keygen(&daemon.at("other"), &["-t", "ed25519"]);
    daemon.pin("other");
    assert!(recognise(&daemon.target(), &dialer).await.unwrap_err().is_untrusted());
    for offer in &offers {
        pin(&daemon.target(), &daemon.at("known_hosts"), offer).unwrap();
        recognise(&daemon.target(), &dialer).await.unwrap();
        daemon.connect().await;
        // as ssh reads it
        let mut find = std::process::Command::new("ssh-keygen");
        find.args(["-l", "-F", &format!("[127.0.0.1]:{}", daemon.port), "-f"]).arg(daemon.at("known_hosts"));
        let said = String::from_utf8(find.output().unwrap().stdout).unwrap();
        assert!(said.contains(&offer.fingerprint), "{said}");
    }
}

#[tokio::test]
async fn nobody_there_is_said_in_time() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    for (port, words) in
        [(closed, "is sshd running"), (silent.local_addr().unwrap().port(), "no SSH login in 0.2 s")]
    {
        let target = hacluster::transport::Target {
            name: "n1".into(),
            address: "127.0.0.1".into(),
            port,
            user: "root".into(),
            keyring: Arc::default(),
            known_hosts: vec!["/nonexistent".into()],
            accept_new: false,
            connect_timeout: Duration::from_millis(200),
            via: None,
        };
        let error = Connection::open(&target, &Dialer::default()).await.unwrap_err();
        assert!(error.is_unreachable() && error.to_string().contains(words), "{error}");
    }
}
