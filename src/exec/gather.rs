//! Owns reading hosts: connections in parallel, one probe per host. Must not
//! write: it holds probers only, beside the connections it hands on.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use data_encoding::HEXLOWER;
use tokio::task::JoinSet;

use super::event::{Event, Sink};
use crate::facts::{Facts, Needs, parse, probe_body};
use crate::plan::{Absence, Away};
use crate::transport::{Connection, Dialer, ProbeText, Prober, Protection, Target, TransportError};

/// A probe of a healthy host takes a tenth of a second; REST questions to a
/// frozen service up to 3 s each.
const PROBE_LIMIT: Duration = Duration::from_mins(1);

/// Most characters that are told of the last line a host's shell complained with.
const LAST_WORDS: usize = 300;

/// Hosts that answered, and why the others did not.
#[derive(Debug)]
pub struct Gathered<T> {
    pub ok: BTreeMap<String, T>,
    pub failed: BTreeMap<String, Away>,
}

impl<T> Default for Gathered<T> {
    fn default() -> Self {
        Self { ok: BTreeMap::new(), failed: BTreeMap::new() }
    }
}

impl<T> Gathered<T> {
    fn add(&mut self, host: String, result: Result<T, Away>, sink: &dyn Sink) {
        match result {
            Ok(value) => drop(self.ok.insert(host, value)),
            Err(away) => {
                let (kind, why) = (away.kind, away.why.clone());
                sink.event(Event::Unreachable { host: host.clone(), kind, why });
                self.failed.insert(host, away);
            }
        }
    }
}

/// Connects to all targets at once.
pub async fn connect(targets: &[Target], sink: &dyn Sink) -> Gathered<Arc<Connection>> {
    let dialer = Dialer::default();
    let mut tasks = JoinSet::new();
    for target in targets {
        sink.event(Event::Connecting { host: target.name.clone() });
        let (target, dialer) = (target.clone(), dialer.clone());
        tasks.spawn(async move {
            let start = Instant::now();
            (target.name.clone(), Connection::open(&target, &dialer).await, start.elapsed())
        });
    }
    let mut gathered = Gathered::default();
    while let Some(Ok((host, result, took))) = tasks.join_next().await {
        if result.is_ok() {
            sink.event(Event::Connected { host: host.clone(), millis: millis(took) });
        }
        gathered.add(host, result.map(Arc::new).map_err(|error| away(&error)), sink);
    }
    for text in dialer.notes() {
        sink.event(Event::Note { text });
    }
    gathered
}

/// Probes the hosts of `needs` that have a prober, all at once.
pub async fn probe_all(
    probers: &BTreeMap<String, Prober>,
    needs: &BTreeMap<String, Needs>,
    sink: &dyn Sink,
) -> Gathered<Facts> {
    let mut tasks = JoinSet::new();
    for (host, needs) in needs {
        let Some(prober) = probers.get(host).cloned() else { continue };
        let (host, needs) = (host.clone(), needs.clone());
        tasks.spawn(async move {
            let start = Instant::now();
            (host, probe(&prober, &needs).await, start.elapsed())
        });
    }
    let mut gathered = Gathered::default();
    while let Some(Ok((host, result, took))) = tasks.join_next().await {
        if result.is_ok() {
            sink.event(Event::Probed { host: host.clone(), millis: millis(took) });
        }
        gathered.add(host, result, sink);
    }
    gathered
}

/// What an error makes of its host for a run.
pub(super) fn away(error: &TransportError) -> Away {
    let kind = match error {
        TransportError::NoRoot(_) => Absence::NoRoot,
        _ if error.is_untrusted() => Absence::Untrusted,
        _ => Absence::Silent,
    };
    Away { kind, why: error.to_string() }
}

async fn probe(prober: &Prober, needs: &Needs) -> Result<Facts, Away> {
    let nonce = format!("hac-{}", HEXLOWER.encode(&rand::random::<[u8; 8]>()));
    let text = ProbeText::read_only(probe_body(needs, &nonce));
    let answer = prober.probe(&text, PROBE_LIMIT).await.map_err(|e| away(&e))?;
    let mut facts = parse(&answer.output.stdout_text(), needs, &nonce).map_err(|error| {
        let stderr = answer.output.stderr_text();
        let last: String = stderr.lines().next_back().unwrap_or_default().chars().take(LAST_WORDS).collect();
        let last = if last.is_empty() { "nothing on standard error" } else { &last };
        format!("{error} ({last})")
    })?;
    facts.protected = answer.protection == Protection::ReadOnly;
    Ok(facts)
}

pub(super) fn millis(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}
