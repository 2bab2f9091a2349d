//! Owns an sshd of its own: keys, configuration and files in a temporary
//! directory, loopback only, gone when dropped.
//! Must not know what is tested with it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests")]

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hacluster::transport::identity::{self, KeyFile};
use hacluster::transport::{Connection, Dialer, Keyring, Target, TransportError};
use tempfile::TempDir;

const SSHD: &str = "/usr/sbin/sshd";
pub(super) const SECONDS: fn(u64) -> Duration = Duration::from_secs;

pub(super) struct Daemon {
    pub(super) dir: TempDir,
    pub(super) port: u16,
    child: Child,
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Daemon {
    /// Starts sshd with an ed25519 and an ECDSA host key; the first is pinned,
    /// and `dir/key` may log in.
    pub(super) fn start() -> Self {
        Self::start_with(|_| String::new())
    }

    /// The same after `prepare`, which may add files and lines of configuration.
    pub(super) fn start_with(prepare: impl FnOnce(&Path) -> String) -> Self {
        check_machine();
        let dir = TempDir::new().unwrap();
        let at = |name: &str| dir.path().join(name);
        keygen(&at("key"), &["-t", "ed25519"]);
        keygen(&at("host_ed25519"), &["-t", "ed25519"]);
        keygen(&at("host_ecdsa"), &["-t", "ecdsa"]);
        std::fs::copy(at("key.pub"), at("authorized_keys")).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let more = prepare(dir.path());
        std::fs::write(at("config"), config(dir.path(), port) + &more).unwrap();
        let log = std::fs::File::create(at("log")).unwrap();
        let child = Command::new(SSHD)
            .args(["-D", "-e", "-f"])
            .arg(at("config"))
            .stdin(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let daemon = Self { dir, port, child };
        daemon.wait_until_up();
        daemon.pin("host_ed25519");
        daemon
    }

    fn wait_until_up(&self) {
        let start = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(start.elapsed() < SECONDS(5), "sshd did not start: {}", self.read("log"));
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    pub(super) fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(super) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.at(name)).unwrap_or_default()
    }

    /// Makes `host_key` the only key pinned in `dir/known_hosts`.
    pub(super) fn pin(&self, host_key: &str) {
        let key = self.read(&format!("{host_key}.pub"));
        std::fs::write(self.at("known_hosts"), format!("[127.0.0.1]:{} {key}", self.port)).unwrap();
    }

    pub(super) fn target(&self) -> Target {
        Target {
            name: "n1".into(),
            address: "127.0.0.1".into(),
            port: self.port,
            user: "root".into(),
            keyring: keyring(&[self.at("key")]),
            known_hosts: vec![self.at("known_hosts")],
            accept_new: false,
            connect_timeout: SECONDS(5),
            via: None,
        }
    }

    /// Ends the processes of all connections; sshd itself goes on.
    pub(super) fn cut_connections(&self) {
        let parent = self.child.id().to_string();
        let children = Command::new("pkill").args(["-KILL", "-P", &parent]).status().unwrap();
        assert!(children.success(), "no connection was open");
    }

    pub(super) async fn connect(&self) -> Arc<Connection> {
        match Connection::open(&self.target(), &Dialer::default()).await {
            Ok(connection) => Arc::new(connection),
            Err(error) => panic!("{error}\n{}", self.read("log")),
        }
    }

    /// Why `change` makes the connection fail.
    pub(super) async fn refusal(&self, change: impl FnOnce(&mut Target)) -> TransportError {
        let mut target = self.target();
        change(&mut target);
        Connection::open(&target, &Dialer::default()).await.expect_err("the connection was made")
    }
}

/// What logs in with these files alone.
pub(super) fn keyring(paths: &[PathBuf]) -> Arc<Keyring> {
    let read = |path: &PathBuf| match identity::read(path) {
        Ok(KeyFile::Open(identity)) => identity,
        other => panic!("{other:?}"),
    };
    Arc::new(Keyring { identities: paths.iter().map(read).collect(), ..Keyring::default() })
}

/// What logs in with an agent alone.
pub(super) fn agent(socket: &Path) -> Arc<Keyring> {
    Arc::new(Keyring { agent: Some(socket.to_owned()), ..Keyring::default() })
}

/// A skipped test would look like a passed one, so what is missing fails.
fn check_machine() {
    assert!(Path::new(SSHD).exists(), "{SSHD} is missing; fix: apt-get install openssh-server");
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let root = status.lines().any(|line| line.starts_with("Uid:\t0\t"));
    assert!(root, "these tests log in as root and use mount namespaces; fix: run them as root");
    std::fs::create_dir_all("/run/sshd").unwrap(); // sshd's privilege separation directory
}

/// `HOME` moves so that no rc file of the machine's root is paid for.
fn config(dir: &Path, port: u16) -> String {
    let dir = dir.display();
    format!(
        "ListenAddress 127.0.0.1:{port}\nPidFile none\nUsePAM no\nStrictModes no\n\
         PermitRootLogin prohibit-password\nPasswordAuthentication no\nMaxStartups 100\n\
         AuthorizedKeysFile {dir}/authorized_keys\nSetEnv HOME={dir}\n\
         HostKey {dir}/host_ed25519\nHostKey {dir}/host_ecdsa\n"
    )
}

pub(super) fn keygen(path: &Path, arguments: &[&str]) {
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-C", "test", "-f"]).arg(path).args(arguments);
    if !arguments.contains(&"-N") {
        command.args(["-N", ""]);
    }
    assert!(command.status().unwrap().success());
}

/// Waits for what must become true on the host soon.
pub(super) async fn eventually(what: &str, mut check: impl FnMut() -> bool) {
    // Much, for a machine with much else to do.
    let start = Instant::now();
    while start.elapsed() < SECONDS(20) {
        if check() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("not within 20 s: {what}");
}

/// Whether any process has `text` in its command line.
pub(super) fn is_running(text: &str) -> bool {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    processes
        .filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok())
        .any(|line| String::from_utf8_lossy(&line).replace('\0', " ").contains(text))
}
