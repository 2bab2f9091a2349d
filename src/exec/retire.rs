//! Owns taking a host out of service: under the lock, its units stop and do not
//! start again. Must not know which units, nor whether it may be done.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::begin::{run_id, who};
use super::lock;
use super::summary::ApplyError;
use crate::shell::words;
use crate::transport::Connection;

/// A clean stop of PostgreSQL ends with a checkpoint: its unit allows 120 s.
const LIMIT: Duration = Duration::from_mins(5);

/// Stops `units` on `host`, in this order. Its data is left alone.
pub async fn retire(
    links: &BTreeMap<String, Arc<Connection>>,
    host: &str,
    units: &[String],
) -> Result<(), ApplyError> {
    let Some(link) = links.get(host) else { return Ok(()) };
    let _lock = lock::acquire(links, &who("node remove", &run_id()), &()).await?;
    let script = format!(
        "for unit in {}; do\n  systemctl cat \"$unit\" >/dev/null 2>&1 || continue\n  \
         systemctl disable --now \"$unit\" || exit 1\ndone\n",
        words(units.iter().map(String::as_str))
    );
    let failed = |why: String| ApplyError::NotRetired { host: host.to_owned(), why };
    let output = link.run(&script, LIMIT, None).await.map_err(|error| failed(error.to_string()))?;
    if output.success() { Ok(()) } else { Err(failed(output.stderr_text().trim().to_owned())) }
}
