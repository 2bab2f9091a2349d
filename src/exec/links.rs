//! Owns the connections of a run, and making a lost one anew. Must not know
//! what travels over them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use super::work::lock;
use crate::transport::{Connection, Prober};

#[derive(Debug)]
pub(super) struct Links {
    open: Mutex<BTreeMap<String, Arc<Connection>>>,
}

impl Links {
    pub(super) fn new(open: BTreeMap<String, Arc<Connection>>) -> Self {
        Self { open: Mutex::new(open) }
    }

    pub(super) fn get(&self, host: &str) -> Option<Arc<Connection>> {
        lock(&self.open).get(host).cloned()
    }

    /// Connects to a host again, for everything that follows. The lock there
    /// went with the old connection: from now on only its counter guards us.
    pub(super) async fn reopen(&self, host: &str) -> Option<Arc<Connection>> {
        let fresh = self.get(host)?.reopen().await.ok()?;
        lock(&self.open).insert(host.to_owned(), Arc::clone(&fresh));
        Some(fresh)
    }

    pub(super) fn probers(&self) -> BTreeMap<String, Prober> {
        lock(&self.open)
            .iter()
            .map(|(host, link)| (host.clone(), Prober::between_changes(Arc::clone(link))))
            .collect()
    }
}
