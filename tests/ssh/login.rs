//! Owns which keys log in, and what is said of those that do not.

use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};

use hacluster::transport::{Connection, Limits, TransportError};

use super::daemon::{Daemon, eventually, keygen};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_login_lists_what_was_tried() {
    let daemon = Daemon::start();
    keygen(&daemon.at("stranger"), &["-t", "ed25519"]);
    let error = daemon.refusal(|target| target.keys = vec![daemon.at("absent"), daemon.at("stranger")]).await;
    let TransportError::AuthFailed { tried, .. } = &error else { panic!("{error}") };
    assert!(tried[0].ends_with("absent (no such file)"), "{tried:?}");
    assert!(tried[1].contains("stranger (SHA256:"), "{tried:?}");
    let error = daemon.refusal(|target| target.keys.clear()).await;
    assert!(error.to_string().contains("tried nothing"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_tried_in_order_and_rsa_signs_with_sha2() {
    let daemon = Daemon::start();
    keygen(&daemon.at("stranger"), &["-t", "ed25519"]);
    keygen(&daemon.at("rsa"), &["-t", "rsa", "-b", "2048"]);
    std::fs::copy(daemon.at("rsa.pub"), daemon.at("authorized_keys")).unwrap();
    let mut target = daemon.target();
    target.keys = vec![daemon.at("stranger"), daemon.at("rsa")];
    Connection::open(&target, &Limits::default()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unusable_key_file_is_an_error_of_its_own() {
    let daemon = Daemon::start();
    let mode =
        |mode| std::fs::set_permissions(daemon.at("key"), std::fs::Permissions::from_mode(mode)).unwrap();
    mode(0o644);
    let error = daemon.refusal(|_| ()).await;
    assert!(matches!(error, TransportError::KeyPermissions { mode: 0o644, .. }), "{error}");
    assert!(error.to_string().ends_with(&format!("chmod 600 {}", daemon.at("key").display())), "{error}");
    mode(0o600);
    keygen(&daemon.at("locked"), &["-t", "ed25519", "-N", "secret words"]);
    let error = daemon.refusal(|target| target.keys = vec![daemon.at("locked")]).await;
    assert!(matches!(error, TransportError::KeyFile { .. }), "{error}");
    assert!(error.to_string().contains("passphrase"), "{error}");
    std::fs::write(daemon.at("key"), "not a key").unwrap();
    let error = daemon.refusal(|_| ()).await;
    assert!(error.to_string().contains("no private key we can read"), "{error}");
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
    let missing = daemon.refusal(|target| (target.keys, target.agent) = (vec![], Some(socket.clone()))).await;
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
    // The file is locked with a passphrase, the agent holds the same key.
    let mut lock = Command::new("ssh-keygen");
    assert!(
        lock.args(["-q", "-p", "-N", "secret words", "-f"]).arg(daemon.at("key")).status().unwrap().success()
    );
    let mut target = daemon.target();
    target.agent = Some(socket.clone());
    Connection::open(&target, &Limits::default()).await.unwrap();
    std::fs::copy(daemon.at("rsa.pub"), daemon.at("authorized_keys")).unwrap();
    Connection::open(&target, &Limits::default()).await.unwrap();
}
