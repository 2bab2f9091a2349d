//! Owns the kind `patroni_restart`: PostgreSQL on one host runs with the settings
//! it has. Restarted through Patroni, never by its unit. Must not know in which
//! order members are restarted, nor who takes over.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::change::{Change, Fields, Have, fields, owed_for, owes};
use super::patroni_rest::Rest;
use super::update::overdue;
use super::{Manage, ResolveError, Resolver, Script, Unit};
use crate::facts::view::View;
use crate::facts::{Fact, Facts, Needs, PatroniEndpoint};
use crate::secret::Secret;

/// Before it stops, PostgreSQL writes all that is dirty: minutes on slow disks.
const RESTART_SECONDS: u32 = 500;
/// Patroni itself gives up after 20 s.
const SWITCHOVER_SECONDS: u32 = 60;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PatroniRestart {
    #[serde(default)]
    pub name: String,
    /// `https://127.0.0.1:8008`
    pub url: String,
    pub ca: String,
    /// Path stem of a client certificate.
    pub identity: String,
    pub data: String,
    /// Packages that PostgreSQL runs: when one of them is updated, it owes a restart.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<String>,
    #[serde(skip)]
    pub passwords: Vec<Secret>,
}

impl PatroniRestart {
    fn rest(&self) -> Rest<'_> {
        Rest { url: &self.url, ca: &self.ca, identity: &self.identity, passwords: &self.passwords }
    }
}

/// Start of the postmaster: `2026-11-21 15:58:46.083219+00:00`.
fn started(member: &Value) -> Option<u64> {
    let time: jiff::Timestamp = member["postmaster_start_time"].as_str()?.parse().ok()?;
    u64::try_from(time.as_second()).ok()
}

impl Manage for PatroniRestart {
    fn needs(&self, needs: &mut Needs) {
        let endpoint =
            PatroniEndpoint { url: self.url.clone(), ca: self.ca.clone(), data: self.data.clone() };
        needs.patroni = Some(endpoint);
        needs.packages.extend(self.packages.iter().cloned());
    }

    fn want(&self) -> Option<Fields> {
        Some(fields([(Unit::CONFIGURATION, "current")]))
    }

    fn have(&self, host: &Facts, _cluster: &View) -> Have {
        let member = match &host.patroni {
            None => return Have::Unreadable("Patroni was not asked".to_owned()),
            Some(Fact::Unreadable(why)) => return Have::Unreadable(why.clone()),
            Some(Fact::Absent) => None,
            Some(Fact::Present(fact)) => fact.member.as_ref(),
        };
        // One that does not run takes its settings along when it starts.
        let waits = member.is_some_and(|member| member["pending_restart"] == true);
        let overdue = overdue(&self.packages, member.and_then(started), host);
        let owes = (waits || overdue.is_some()).then(|| owes("restart", overdue.as_deref()));
        Have::Fields(fields([(Unit::CONFIGURATION, owes.as_deref().unwrap_or("current"))]))
    }

    /// For its settings only where it still waits: somebody may have been quicker.
    /// Of an update Patroni knows nothing.
    fn apply(&self, change: &Change) -> Script {
        let updated = change.fields().iter().any(|field| owed_for(&field.from).is_some());
        let body = if updated { json!({}) } else { json!({ "restart_pending": true }) };
        Script::new(self.rest().send("POST", "/restart", &body.to_string(), RESTART_SECONDS))
    }

    fn hand_over(&self, from: &str, to: &str) -> Option<Script> {
        let body = json!({ "leader": from, "candidate": to }).to_string();
        Some(Script::new(self.rest().send("POST", "/switchover", &body, SWITCHOVER_SECONDS)))
    }

    fn resolve(&mut self, with: &dyn Resolver) -> Result<(), ResolveError> {
        self.passwords = with.secrets().map(|secrets| secrets.known("patroni.rest")).unwrap_or_default();
        Ok(())
    }
}
