//! Owns which keys log in, and what is said of those that do not.

use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use hacluster::transport::identity::{self, KeyError, KeyFile};
use hacluster::transport::{Connection, Dialer, Keyring, TransportError};

use super::daemon::{Daemon, agent, eventually, keygen, keyring};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_login_lists_what_was_tried() {
    let daemon = Daemon::start();
    keygen(&daemon.at("stranger"), &["-t", "ed25519"]);
    let error = daemon.refusal(|target| target.keyring = keyring(&[daemon.at("stranger")])).await;
    let TransportError::AuthFailed { tried, .. } = &error else { panic!("{error}") };
    assert!(tried[0].contains("stranger (SHA256:"), "{tried:?}");
    let error = daemon.refusal(|target| target.keyring = Arc::default()).await;
    assert!(error.to_string().contains("tried nothing"), "{error}");
    let skipped = Keyring { skipped: vec!["absent (no such file)".into()], ..Keyring::default() };
    let error = daemon.refusal(|target| target.keyring = Arc::new(skipped)).await;
    assert!(error.to_string().contains("tried absent (no such file)"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_type_of_key_logs_in_and_they_are_tried_in_order() {
    let daemon = Daemon::start();
    keygen(&daemon.at("stranger"), &["-t", "ed25519"]);
    // The second RSA key is in the format of old versions of OpenSSH.
    let types = [
        ("rsa", &["-t", "rsa", "-b", "2048"][..]),
        ("rsa_pem", &["-t", "rsa", "-b", "2048", "-m", "PEM"]),
        ("p256", &["-t", "ecdsa", "-b", "256"]),
        ("p384", &["-t", "ecdsa", "-b", "384"]),
        ("p521", &["-t", "ecdsa", "-b", "521"]),
    ];
    for (name, words) in types {
        keygen(&daemon.at(name), words);
        std::fs::copy(daemon.at(&format!("{name}.pub")), daemon.at("authorized_keys")).unwrap();
        let mut target = daemon.target();
        target.keyring = keyring(&[daemon.at("stranger"), daemon.at(name)]);
        if let Err(error) = Connection::open(&target, &Dialer::default()).await {
            panic!("{name}: {error}");
        }
    }
}

/// Signs `name.pub` for `root` with the authority `ca`.
fn sign(daemon: &Daemon, name: &str, words: &[&str]) {
    let mut signing = Command::new("ssh-keygen");
    signing.args(["-q", "-I", "me", "-s"]).arg(daemon.at("ca")).args(words);
    assert!(signing.arg(daemon.at(&format!("{name}.pub"))).status().unwrap().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_certificate_beside_a_key_is_shown_first() {
    let daemon = Daemon::start_with(|dir| {
        keygen(&dir.join("ca"), &["-t", "ed25519"]);
        format!("TrustedUserCAKeys {}/ca.pub\n", dir.display())
    });
    std::fs::write(daemon.at("authorized_keys"), "").unwrap();
    for (name, words) in [("mine", &["-t", "ed25519"][..]), ("mine_rsa", &["-t", "rsa", "-b", "2048"])] {
        keygen(&daemon.at(name), words);
        let login = || daemon.refusal(|target| target.keyring = keyring(&[daemon.at(name)]));
        let error = login().await;
        assert!(!error.to_string().contains("cert"), "{error}");
        sign(&daemon, name, &["-n", "nobody"]);
        let error = login().await;
        assert!(error.to_string().contains("-cert.pub (a certificate for nobody)"), "{error}");
        sign(&daemon, name, &["-n", "root", "-V", "20200101:20200102"]);
        let error = login().await;
        assert!(error.to_string().contains("-cert.pub (not shown: it expired on 2020-01-0"), "{error}");
        sign(&daemon, name, &["-n", "root", "-V", "-1d:+1d"]);
        let mut target = daemon.target();
        target.keyring = keyring(&[daemon.at(name)]);
        Connection::open(&target, &Dialer::default()).await.unwrap();
    }
}

fn key_error(path: &std::path::Path) -> KeyError {
    match identity::read(path) {
        Err(error) => error,
        Ok(read) => panic!("it can be used: {read:?}"),
    }
}

#[test]
fn an_unusable_key_file_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("key");
    keygen(&key, &["-t", "ed25519"]);
    let mode = |mode| std::fs::set_permissions(&key, std::fs::Permissions::from_mode(mode)).unwrap();
    for others in [0o644, 0o640, 0o660] {
        mode(others);
        let error = key_error(&key);
        assert!(matches!(error, KeyError::Permissions { mode, .. } if mode == others), "{error}");
        assert_eq!(error.fix(), format!("chmod 600 {}", key.display()));
    }
    mode(0o600);
    for (text, why) in [
        ("not a key", "no private key we can read"),
        ("PuTTY-User-Key-File-3: ssh-ed25519\n", "a key of PuTTY"),
    ] {
        std::fs::write(&key, text).unwrap();
        assert!(key_error(&key).to_string().contains(why), "{}", key_error(&key));
    }
    assert!(matches!(identity::read(&dir.path().join("absent")), Ok(KeyFile::Absent)));
}

struct Agent(Child);

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_logs_in_for_a_locked_key_file() {
    let daemon = Daemon::start();
    let socket = daemon.at("agent");
    let missing = daemon.refusal(|target| target.keyring = agent(&socket)).await;
    assert!(matches!(missing, TransportError::AuthFailed { .. }), "{missing}");
    let child =
        Command::new("ssh-agent").args(["-D", "-a"]).arg(&socket).stdout(Stdio::null()).spawn().unwrap();
    let _agent = Agent(child);
    eventually("the agent's socket", || socket.exists()).await;
    let add = |key: &str| {
        let mut add = Command::new("ssh-add");
        add.arg("-q").arg(daemon.at(key)).env("SSH_AUTH_SOCK", &socket).stdin(Stdio::null());
        assert!(add.status().unwrap().success());
    };
    keygen(&daemon.at("rsa"), &["-t", "rsa", "-b", "2048"]);
    add("rsa");
    add("key");
    let mut target = daemon.target();
    // The file is locked with a passphrase, the agent holds the same key.
    let mut lock = Command::new("ssh-keygen");
    assert!(
        lock.args(["-q", "-p", "-N", "secret words", "-f"]).arg(daemon.at("key")).status().unwrap().success()
    );
    let Ok(KeyFile::Locked(locked)) = identity::read(&daemon.at("key")) else { panic!("not locked") };
    let locked: Vec<_> = locked.public.into_iter().collect();
    target.keyring = Arc::new(Keyring { locked, ..Keyring::clone(&agent(&socket)) });
    Connection::open(&target, &Dialer::default()).await.unwrap();
    std::fs::copy(daemon.at("rsa.pub"), daemon.at("authorized_keys")).unwrap();
    Connection::open(&target, &Dialer::default()).await.unwrap();
}
