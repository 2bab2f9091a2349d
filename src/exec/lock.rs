//! Owns the lock: held on every host of a run by a process there that lives on
//! our heartbeat. Must not know what the run does.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::task::JoinHandle;

use super::event::{Event, Sink};
use super::summary::ApplyError;
use crate::facts::{Holder, Running};
use crate::shell::quote;
use crate::transport::{Connection, Held, TransportError};

/// A beat every 5 s; the holder ends 30 s after the last (design §6.2): a
/// client that vanished leaves sshd, and a plain flock, alive for hours.
const BEAT: Duration = Duration::from_secs(5);
const SILENCE_SECONDS: u32 = 30;
const HOLD: &str = include_str!("lock.sh");

/// Somebody else holds the lock on a host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{host}: another hacluster run holds the lock ({holder}); it is free when that run ends, or 30 s after its machine vanished; `hacluster lock status` looks again"
)]
pub struct Busy {
    pub host: String,
    pub holder: Holder,
}

/// The lock on all hosts of a run, until it is dropped.
#[derive(Debug, Default)]
pub struct Lock {
    /// The counter each host gave: fences the batches of an older holder.
    pub fences: BTreeMap<String, u64>,
    /// What an earlier run had left running on a host. It has ended since.
    pub(super) adopted: BTreeMap<String, Running>,
    /// Hosts that answer no more.
    pub(super) lost: BTreeMap<String, TransportError>,
    holders: Vec<Kept>,
}

/// One host's lock and the pulse that keeps it.
#[derive(Debug)]
struct Kept {
    held: Held,
    pulse: JoinHandle<()>,
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.pulse.abort();
    }
}

/// A host's lock as it was taken.
struct Taken {
    kept: Kept,
    fence: u64,
    adopted: Option<Running>,
}

pub(super) fn script(who: &str) -> String {
    format!("hac_who={} hac_silence={SILENCE_SECONDS}\n{HOLD}", quote(who))
}

/// The lock of one host; or it answers no more.
async fn take(
    host: &str,
    connection: &Connection,
    who: &str,
    sink: &dyn Sink,
) -> Result<Result<Taken, TransportError>, ApplyError> {
    let not = |why: String| ApplyError::NoLock { host: host.to_owned(), why };
    let held = match connection.hold(&script(who)).await {
        Ok(held) => held,
        Err(error) if error.is_unreachable() => return Ok(Err(error)),
        Err(error) => return Err(not(error.to_string())),
    };
    let mut kept = Kept { pulse: held.pulse(BEAT), held };
    let (mut at, mut adopted) = (None, None);
    loop {
        let line = kept.held.line().await.unwrap_or_default();
        match line.split_once(' ') {
            Some(("waits", what)) => {
                let running = Running::parse(what).unwrap_or_default();
                let text = format!("{host} finishes what a run before left there: {running}");
                sink.event(Event::Note { text });
                adopted = Some(running);
            }
            Some(("held", fence)) => {
                let fence = fence.trim().parse().unwrap_or(0);
                return Ok(Ok(Taken { kept, fence, adopted }));
            }
            Some(("at", running)) => at = Running::parse(running),
            Some(("busy", rest)) => return Err(ApplyError::Locked(Box::new(busy(host, rest, at)))),
            _ => return Err(not("see whether its /run is full or read-only".to_owned())),
        }
    }
}

fn busy(host: &str, rest: &str, running: Option<Running>) -> Busy {
    let (seconds, by) = rest.split_once(' ').unwrap_or((rest, "somebody"));
    let holder = Holder { by: by.to_owned(), seconds: seconds.parse().unwrap_or(0), running };
    Busy { host: host.to_owned(), holder }
}

/// Tries all hosts in parallel. On conflict everything is let go again and tried
/// anew with jitter, so that two runs do not block each other. What a run that
/// vanished left running is waited for.
pub async fn acquire(
    connections: &BTreeMap<String, Arc<Connection>>,
    who: &str,
    sink: &dyn Sink,
) -> Result<Lock, ApplyError> {
    let mut tries = 3;
    loop {
        let taken = join_all(connections.iter().map(|(host, connection)| async move {
            take(host, connection, who, sink).await.map(|taken| (host.clone(), taken))
        }));
        match taken.await.into_iter().collect::<Result<Vec<_>, ApplyError>>() {
            Ok(taken) => return settle(taken),
            Err(ApplyError::Locked(_)) if tries > 1 => tries -= 1,
            Err(error) => return Err(error),
        }
        tokio::time::sleep(Duration::from_millis(rand::random_range(200..800))).await;
    }
}

fn settle(taken: Vec<(String, Result<Taken, TransportError>)>) -> Result<Lock, ApplyError> {
    let mut lock = Lock::default();
    for (host, taken) in taken {
        match taken {
            Ok(taken) => {
                lock.fences.insert(host.clone(), taken.fence);
                lock.holders.push(taken.kept);
                lock.adopted.extend(taken.adopted.map(|running| (host, running)));
            }
            Err(error) => drop(lock.lost.insert(host, error)),
        }
    }
    match lock.lost.iter().next() {
        Some((host, error)) if lock.fences.is_empty() => {
            Err(ApplyError::NoLock { host: host.clone(), why: error.to_string() })
        }
        _ => Ok(lock),
    }
}
