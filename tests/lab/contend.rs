//! Three contenders for the hosts' lock, in one process inside the lab's network,
//! each over connections of its own that it keeps. Owns the races and what was
//! seen; must not know how the lock works.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

use hacluster::exec::lock::acquire;
use hacluster::exec::{ApplyError, connect};
use hacluster::transport::identity::{KeyFile, read};
use hacluster::transport::{Connection, Keyring, Target};

use crate::lab::{HOSTS, address};

/// What the whole of it may take.
const LIMIT: Duration = Duration::from_mins(6);

#[derive(Debug, Default)]
struct Seen {
    inside: AtomicU64,
    taken: AtomicU64,
    busy: AtomicU64,
    double: AtomicU64,
    /// Milliseconds the slowest taking took.
    slowest: AtomicU64,
}

/// `contend CACHE TIMES`: prints what was seen; an error says why it could not.
pub fn main(cache: &str, times: u64) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(|e| e.to_string())?.block_on(async {
        let seen = Arc::new(Seen::default());
        let mut all = Vec::new();
        for name in ["one", "two", "three"] {
            let links = links(Path::new(cache)).await?;
            all.push(tokio::spawn(contend(name, links, Arc::clone(&seen), times)));
        }
        for contender in all {
            contender.await.map_err(|e| e.to_string())??;
        }
        let count = |number: &AtomicU64| number.load(SeqCst);
        println!(
            "{} {} {} {}",
            count(&seen.taken),
            count(&seen.busy),
            count(&seen.double),
            count(&seen.slowest)
        );
        Ok(())
    })
}

async fn links(cache: &Path) -> Result<BTreeMap<String, Arc<Connection>>, String> {
    let Ok(KeyFile::Open(identity)) = read(&cache.join("id_ed25519")) else {
        return Err("the lab's key cannot be read".to_owned());
    };
    let keyring = Arc::new(Keyring { identities: vec![identity], ..Keyring::default() });
    let target = |host: &str| Target {
        name: host.to_owned(),
        address: address(host).to_owned(),
        port: 22,
        user: "root".to_owned(),
        keyring: Arc::clone(&keyring),
        known_hosts: vec![cache.join("known_hosts")],
        accept_new: false,
        connect_timeout: Duration::from_secs(10),
        via: None,
    };
    let reached = connect(&HOSTS.map(target), &()).await;
    if reached.failed.is_empty() { Ok(reached.ok) } else { Err(format!("{:?}", reached.failed)) }
}

/// Takes the lock again and again. Whoever has it leaves a mark on a host, which
/// must not be there already.
async fn contend(
    name: &str,
    links: BTreeMap<String, Arc<Connection>>,
    seen: Arc<Seen>,
    times: u64,
) -> Result<(), String> {
    let end = Instant::now() + LIMIT;
    let host = links.get("node1").ok_or("no node1")?;
    while seen.taken.load(SeqCst) < times {
        if Instant::now() > end {
            return Err(format!("only {} times in {LIMIT:?}", seen.taken.load(SeqCst)));
        }
        let start = Instant::now();
        let lock = match acquire(&links, name, &()).await {
            Ok(lock) => lock,
            Err(ApplyError::Locked(_)) => {
                seen.busy.fetch_add(1, SeqCst);
                continue;
            }
            Err(error) => return Err(error.to_string()),
        };
        let took = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        seen.slowest.fetch_max(took, SeqCst);
        let alone = seen.inside.fetch_add(1, SeqCst) == 0;
        let mark = "mkdir /run/drill-held && rmdir /run/drill-held";
        let marked = host.run(mark, Duration::from_secs(10), None).await.map_err(|e| e.to_string())?;
        seen.double.fetch_add(u64::from(!alone || !marked.success()), SeqCst);
        seen.taken.fetch_add(1, SeqCst);
        seen.inside.fetch_sub(1, SeqCst);
        drop(lock);
    }
    Ok(())
}
