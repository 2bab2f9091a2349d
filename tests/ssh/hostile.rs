//! Owns what a host may do to those who read it: endless output, and none of it text.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Mutex;

use hacluster::exec::{Event, Sink, connect, probe_all};
use hacluster::facts::Needs;
use hacluster::transport::{OUTPUT_LIMIT, Prober, Target, TransportError};

use super::daemon::{Daemon, SECONDS};

/// Most that a program may take that reads such hosts (knowledge: F31).
const MOST_KIB: u64 = 200 << 10;

/// A host whose every command is `script`; it may run what was asked as `sh -c "$asked"`.
fn host(script: &'static str) -> Daemon {
    Daemon::start_with(|dir| {
        let path = dir.join("forced");
        let text = format!("#!/bin/sh\nasked=$SSH_ORIGINAL_COMMAND\n{script}\n");
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        format!("ForceCommand {}\n", path.display())
    })
}

/// The most memory this process ever had.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[derive(Default)]
struct Heard(Mutex<Vec<Event>>);

impl Sink for Heard {
    fn event(&self, event: Event) {
        self.0.lock().unwrap().push(event);
    }
}

/// Four such hosts at once are left out with a word, and cost no memory.
async fn left_out(daemon: &Daemon) -> BTreeSet<String> {
    let heard = Heard::default();
    let names = ["n1", "n2", "n3", "n4"];
    let targets = names.map(|name| Target { name: name.to_owned(), ..daemon.target() });
    let connected = connect(&targets, &heard).await;
    let probers: BTreeMap<String, Prober> =
        connected.ok.into_iter().map(|(name, connection)| (name, Prober::new(connection))).collect();
    let mut needs = Needs::default();
    needs.file("/etc/passwd");
    let needs = names.map(|name| (name.to_owned(), needs.clone())).into();
    let read = probe_all(&probers, &needs, &heard).await;
    assert!(read.ok.is_empty(), "{:?}", read.ok);
    assert_eq!(probers.len() + connected.failed.len(), 4);
    connected.failed.into_values().chain(read.failed.into_values()).map(|away| away.why).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_megabytes_cost_no_memory() {
    let cases = [
        ("yes | head -c 100000000", "standard output"),
        ("tr '\\0' '\\377' </dev/zero | head -c 100000000", "standard output"),
        ("yes | head -c 100000000 >&2", "standard error"),
    ];
    for (script, stream) in cases {
        let daemon = host(script);
        let said = left_out(&daemon).await;
        let limit = format!("wrote more than {OUTPUT_LIMIT} bytes to {stream}");
        assert!(said.iter().all(|why| why.contains(&limit)), "{script}: {said:?}");
        assert!(peak_kib() < MOST_KIB, "{script}: {} KiB", peak_kib());
    }
    println!("peak: {} KiB", peak_kib());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_just_below_the_limit_costs_little_too() {
    // Each of these bytes becomes three where it is made a text, and none of them ends a line.
    let daemon = host(
        "tr '\\0' '\\377' </dev/zero | head -c 8000000; tr '\\0' '\\377' </dev/zero | head -c 8000000 >&2",
    );
    let said = left_out(&daemon).await;
    assert!(said.iter().all(|why| why.contains("no identity section") && why.len() < 2000), "{said:?}");
    assert!(peak_kib() < MOST_KIB, "{} KiB", peak_kib());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn escapes_nul_and_bytes_that_are_no_text_make_no_host() {
    let daemon = host("printf '\\033]0;owned\\007\\033[2J\\000\\377\\376 begin identity\\n'; exit 3");
    let said = left_out(&daemon).await;
    assert!(said.iter().all(|why| why.contains("no identity section")), "{said:?}");
}

/// Who holds the lock there prints for ever: without a line's end, and with many.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_holder_that_never_stops_talking_is_given_up() {
    for script in ["tr '\\0' y </dev/zero", "yes", "yes ''"] {
        let daemon = host("sh -c \"$asked\"");
        let connection = daemon.connect().await;
        let mut held = connection.hold(script).await.unwrap();
        let ended = tokio::time::timeout(SECONDS(60), async { while held.line().await.is_some() {} }).await;
        assert!(ended.is_ok(), "{script}: it went on");
        let ended = held.close().await;
        assert!(matches!(ended, Err(TransportError::TooMuchOutput { .. })), "{script}: {ended:?}");
    }
    assert!(peak_kib() < MOST_KIB, "{} KiB", peak_kib());
}
