//! Owns taking a host out of service: under the lock, it hands over what it leads,
//! its units stop and do not start again. Must not know which units, nor whether it
//! may be done.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::begin::{run_id, who};
use super::lock::{self, Lock};
use super::summary::ApplyError;
use crate::resource::Script;
use crate::shell::words;
use crate::transport::Connection;

/// A clean stop of PostgreSQL ends with a checkpoint: its unit allows 120 s.
const LIMIT: Duration = Duration::from_mins(5);

/// A host on its way out, and the lock of all hosts.
#[derive(Debug)]
pub struct Retirement {
    host: String,
    link: Arc<Connection>,
    _lock: Lock,
}

impl Retirement {
    /// `None` where the host does not answer: there is nothing to stop.
    pub async fn begin(
        links: &BTreeMap<String, Arc<Connection>>,
        host: &str,
    ) -> Result<Option<Self>, ApplyError> {
        let Some(link) = links.get(host).cloned() else { return Ok(None) };
        let lock = lock::acquire(links, &who("node remove", &run_id()), &()).await?;
        Ok(Some(Self { host: host.to_owned(), link, _lock: lock }))
    }

    /// Gives away what it leads.
    pub async fn hand_over(&self, script: &Script) -> Result<(), ApplyError> {
        self.run(&hands_over(script)).await
    }

    /// Stops `units`, in this order. The host's data is left alone.
    pub async fn stop(&self, units: &[String]) -> Result<(), ApplyError> {
        self.run(&stops(units)).await
    }

    async fn run(&self, script: &str) -> Result<(), ApplyError> {
        let failed = |why: String| ApplyError::NotRetired { host: self.host.clone(), why };
        let output = self.link.run(script, LIMIT, None).await.map_err(|error| failed(error.to_string()))?;
        if output.success() { Ok(()) } else { Err(failed(output.stderr_text().trim().to_owned())) }
    }
}

pub(super) fn hands_over(script: &Script) -> String {
    format!("(\nset -eu\n{}\n) </dev/null", script.expose())
}

pub(super) fn stops(units: &[String]) -> String {
    let units = words(units.iter().map(String::as_str));
    format!(
        "for unit in {units}; do\n  systemctl cat \"$unit\" >/dev/null 2>&1 || continue\n  \
         systemctl disable --now \"$unit\" || exit 1\ndone\n"
    )
}
