//! Owns the kind `patroni_restart`: PostgreSQL on one host runs with the settings
//! it has. Restarted through Patroni, never by its unit. Must not know in which
//! order members are restarted, nor who takes over.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::change::{Change, Fields, Have, fields};
use super::patroni_rest::Rest;
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
    #[serde(skip)]
    pub password: Option<Secret>,
}

impl PatroniRestart {
    fn rest(&self) -> Rest<'_> {
        Rest { url: &self.url, ca: &self.ca, identity: &self.identity, password: self.password.as_ref() }
    }
}

impl Manage for PatroniRestart {
    fn needs(&self, needs: &mut Needs) {
        let endpoint =
            PatroniEndpoint { url: self.url.clone(), ca: self.ca.clone(), data: self.data.clone() };
        needs.patroni = Some(endpoint);
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
        let owes = member.is_some_and(|member| member["pending_restart"] == true);
        Have::Fields(fields([(Unit::CONFIGURATION, if owes { "owes a restart" } else { "current" })]))
    }

    /// Only where it still waits: somebody may have been quicker.
    fn apply(&self, _change: &Change) -> Script {
        let body = json!({ "restart_pending": true }).to_string();
        Script::new(self.rest().send("POST", "/restart", &body, RESTART_SECONDS))
    }

    fn hand_over(&self, from: &str, to: &str) -> Option<Script> {
        let body = json!({ "leader": from, "candidate": to }).to_string();
        Some(Script::new(self.rest().send("POST", "/switchover", &body, SWITCHOVER_SECONDS)))
    }

    fn resolve(&mut self, with: &dyn Resolver) -> Result<(), ResolveError> {
        self.password = with.secrets().and_then(|s| s.get("patroni.rest")).cloned();
        Ok(())
    }
}
