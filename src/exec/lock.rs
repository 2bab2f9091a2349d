//! Owns the lock: held on every host of a run by a process there that lives on
//! our heartbeat. Must not know what the run does.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::task::JoinHandle;

use super::summary::ApplyError;
use crate::shell::quote;
use crate::transport::{Connection, Held, TransportError};

/// A beat every 5 s; the holder ends 30 s after the last (design §6.2): a
/// client that vanished leaves sshd, and a plain flock, alive for hours.
const BEAT: Duration = Duration::from_secs(5);
const SILENCE_SECONDS: u32 = 30;

/// Somebody else holds the lock on a host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{host}: another hacluster run holds the lock ({by}); it is free when that run ends, or 30 s after its machine vanished"
)]
pub struct Busy {
    pub host: String,
    pub by: String,
}

/// The lock on all hosts of a run, until it is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    /// The counter each host gave: fences the batches of an older holder.
    pub fences: BTreeMap<String, u64>,
    beat: JoinHandle<()>,
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.beat.abort();
    }
}

fn script(who: &str) -> String {
    format!(
        "umask 077; mkdir -p -m 0755 /run/hacluster /var/lib/hacluster\n\
         exec 8>/run/hacluster/lock\n\
         if ! flock -n 8; then printf 'busy %s\\n' \"$(cut -d' ' -f2- /run/hacluster/holder 2>/dev/null)\"; exit 0; fi\n\
         rm -f /run/hacluster/hacluster-*.out\n\
         exec 7>/run/hacluster/step.lock; flock 7; exec 7>&-\n\
         n=0; [ -s /var/lib/hacluster/fence ] && read -r n </var/lib/hacluster/fence\n\
         n=$((n + 1)); printf '%s\\n' \"$n\" >/var/lib/hacluster/fence.new\n\
         mv -f /var/lib/hacluster/fence.new /var/lib/hacluster/fence\n\
         printf '%s %s\\n' $$ {} >/run/hacluster/holder\nprintf 'held %s\\n' \"$n\"\n\
         while [ -n \"$(timeout {SILENCE_SECONDS} dd bs=4096 count=1 2>/dev/null)\" ]; do :; done\n\
         rm -f /run/hacluster/holder\n",
        quote(who)
    )
}

/// A host's holder and counter; or the host answers no more.
type Taken = Result<(Held, u64), TransportError>;

async fn take(host: &str, connection: &Connection, who: &str) -> Result<Taken, ApplyError> {
    let not = |why: String| ApplyError::NoLock { host: host.to_owned(), why };
    let mut held = match connection.hold(&script(who)).await {
        Ok(held) => held,
        Err(error) if error.is_unreachable() => return Ok(Err(error)),
        Err(error) => return Err(not(error.to_string())),
    };
    let line = held.line().await.unwrap_or_default();
    match line.split_once(' ') {
        Some(("held", fence)) => Ok(Ok((held, fence.trim().parse().unwrap_or(0)))),
        Some(("busy", by)) => Err(Busy { host: host.to_owned(), by: by.to_owned() }.into()),
        _ => Err(not("see whether its /run is full or read-only".to_owned())),
    }
}

/// Tries all hosts in parallel, and tells which answer no more. On conflict
/// everything is let go again and tried anew with jitter, so that two runs do
/// not block each other.
pub(super) async fn acquire(
    connections: &BTreeMap<String, Arc<Connection>>,
    who: &str,
) -> Result<(Lock, BTreeMap<String, TransportError>), ApplyError> {
    let mut tries = 3;
    loop {
        let taken = join_all(connections.iter().map(|(host, connection)| async move {
            take(host, connection, who).await.map(|taken| (host.clone(), taken))
        }));
        match taken.await.into_iter().collect::<Result<Vec<_>, ApplyError>>() {
            Ok(taken) => return settle(taken),
            Err(ApplyError::Locked(_)) if tries > 1 => tries -= 1,
            Err(error) => return Err(error),
        }
        tokio::time::sleep(Duration::from_millis(rand::random_range(200..800))).await;
    }
}

fn settle(taken: Vec<(String, Taken)>) -> Result<(Lock, BTreeMap<String, TransportError>), ApplyError> {
    let (mut fences, mut holders, mut lost) = (BTreeMap::new(), Vec::new(), BTreeMap::new());
    for (host, taken) in taken {
        match taken {
            Ok((held, fence)) => {
                fences.insert(host, fence);
                holders.push(held);
            }
            Err(error) => drop(lost.insert(host, error)),
        }
    }
    match lost.iter().next() {
        Some((host, error)) if fences.is_empty() => {
            Err(ApplyError::NoLock { host: host.clone(), why: error.to_string() })
        }
        _ => Ok((Lock { fences, beat: tokio::spawn(beat(holders)) }, lost)),
    }
}

async fn beat(mut holders: Vec<Held>) {
    loop {
        tokio::time::sleep(BEAT).await;
        holders.retain_mut(|held| held.beat("alive").is_ok());
    }
}
