//! Owns the kind `unit`: a systemd unit's state, enablement, mask, and the
//! restart it may owe. Must not know what the unit serves.

use serde::{Deserialize, Serialize};

use super::change::{Change, Fields, Have, fields, owed, owes};
use super::update::overdue;
use super::{Manage, Script};
use crate::facts::view::View;
use crate::facts::{Fact, Facts, Needs, UnitFact};
use crate::shell::quote;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unit {
    pub name: String,
    #[serde(default)]
    pub state: Option<State>,
    #[serde(default)]
    pub enabled: Option<bool>,
    #[serde(default)]
    pub masked: bool,
    /// What a step that notifies this unit makes it do.
    #[serde(default)]
    pub on_change: OnChange,
    /// A read-only check that must pass after a start, restart or reload.
    #[serde(default)]
    pub healthy: Option<String>,
    /// Seconds the check may take to pass.
    #[serde(default = "patience")]
    pub patience: u32,
    /// Packages it runs: when one of them is updated, it owes a restart. Their own
    /// scripts leave it alone meanwhile.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<String>,
}

fn patience() -> u32 {
    10
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Started,
    Stopped,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnChange {
    #[default]
    Restart,
    Reload,
    None,
}

impl OnChange {
    pub fn word(self) -> Option<&'static str> {
        match self {
            Self::Restart => Some("restart"),
            Self::Reload => Some("reload"),
            Self::None => None,
        }
    }
}

fn yes(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}

impl Unit {
    /// The full name systemd uses.
    pub fn full_name(&self) -> String {
        if self.name.contains('.') { self.name.clone() } else { format!("{}.service", self.name) }
    }

    /// Whether it starts at boot. What has no `[Install]` of its own cannot be
    /// changed, so it counts as wanted; `enabled-runtime` ends with the boot, so
    /// it counts as whatever is not wanted.
    fn is_enabled(&self, file_state: &str) -> bool {
        match file_state {
            "enabled" => true,
            "static" | "indirect" | "generated" | "transient" | "alias" => self.enabled.unwrap_or(true),
            "enabled-runtime" => self.enabled == Some(false),
            _ => false,
        }
    }

    /// What systemd says of it; else what stands in its place.
    fn fact<'a>(&self, host: &'a Facts) -> Result<&'a UnitFact, Have> {
        let name = self.full_name();
        match host.units.get(&name) {
            None => Err(Have::Unreadable(format!("{name} was not asked for"))),
            Some(Fact::Unreadable(why)) => Err(Have::Unreadable(why.clone())),
            Some(Fact::Absent) => Err(Have::Absent),
            Some(Fact::Present(unit)) => Ok(unit),
        }
    }

    /// What is left of what was asked for: it runs, starts at boot, is masked.
    pub(super) fn remains(&self, host: &Facts) -> Have {
        let unit = match self.fact(host) {
            Ok(unit) => unit,
            Err(have) => return have,
        };
        let runs = self.state == Some(State::Started) && !matches!(&*unit.active, "inactive" | "failed" | "");
        let starts = self.enabled == Some(true) && unit.file_state.starts_with("enabled");
        if runs || starts || (self.masked && unit.load == "masked") {
            return Have::Fields(fields([("state", &unit.active), ("enabled", &unit.file_state)]));
        }
        Have::Absent
    }

    fn undo(&self) -> Script {
        let name = quote(&self.full_name());
        if self.masked {
            return Script::new(format!("systemctl unmask {name}"));
        }
        let mut calls = Vec::new();
        if self.state == Some(State::Started) {
            calls.push(format!("systemctl stop {name}"));
        }
        if self.enabled == Some(true) {
            calls.push(format!("systemctl disable {name}"));
        }
        calls.push(format!("systemctl reset-failed {name} 2>/dev/null || true\nhac_paid {name}"));
        Script::new(calls.join("\n"))
    }

    /// The field that says a unit runs with what is on disk.
    pub const CONFIGURATION: &str = "configuration";
}

impl Manage for Unit {
    fn needs(&self, needs: &mut Needs) {
        needs.units.insert(self.full_name());
        needs.packages.extend(self.packages.iter().cloned());
    }

    fn want(&self) -> Option<Fields> {
        let mut want = fields([("masked", yes(self.masked))]);
        if let Some(enabled) = self.enabled {
            want.insert("enabled".to_owned(), yes(enabled).to_owned());
        }
        if self.masked {
            want.insert("state".to_owned(), "inactive".to_owned());
            return Some(want);
        }
        if let Some(state) = self.state {
            let active = if state == State::Started { "active" } else { "inactive" };
            want.insert("state".to_owned(), active.to_owned());
        }
        if self.state == Some(State::Started) {
            want.insert(Self::CONFIGURATION.to_owned(), "current".to_owned());
        }
        Some(want)
    }

    fn have(&self, host: &Facts, _cluster: &View) -> Have {
        let unit = match self.fact(host) {
            Ok(unit) => unit,
            Err(have) => return have,
        };
        let enabled = self.is_enabled(&unit.file_state);
        let state = match unit.active.as_str() {
            "reloading" | "refreshing" => "active",
            "failed" if self.masked || self.state == Some(State::Stopped) => "inactive",
            other => other,
        };
        let runs = unit.started.filter(|_| state == "active");
        let overdue = overdue(&self.packages, runs, host);
        let owes = match host.debts.get(&self.full_name()) {
            _ if overdue.is_some() => owes("restart", overdue.as_deref()),
            Some(action) => owes(action, None),
            None if unit.need_reload => "unit file changed on disk".to_owned(),
            None => "current".to_owned(),
        };
        Have::Fields(fields([
            ("masked", yes(unit.load == "masked")),
            ("enabled", yes(enabled)),
            ("state", state),
            (Self::CONFIGURATION, &owes),
        ]))
    }

    fn apply(&self, change: &Change) -> Script {
        if matches!(change, Change::Remove) {
            return self.undo();
        }
        let full = self.full_name();
        let name = quote(&full);
        if self.masked {
            return Script::new(format!("systemctl mask --now {name}"));
        }
        let from = |field| change.fields().iter().find(|f| f.name == field).map(|f| f.from.as_str());
        let mut calls = Vec::new();
        if change.to("masked").is_some() {
            calls.push(format!("systemctl unmask {name}"));
        }
        calls.push(format!("hac_reload_units {name}"));
        match change.to("enabled").and(self.enabled) {
            Some(true) => calls.push(format!("hac_enable {name}")),
            // One call removes only its own kind of link.
            Some(false) => {
                calls.push(format!("systemctl disable {name}\nsystemctl disable --runtime {name}"));
            }
            None => {}
        }
        if from("state") == Some("failed") {
            // A unit that failed too often in a row refuses to start.
            calls.push(format!("systemctl reset-failed {name}"));
        }
        let owes = from(Self::CONFIGURATION).and_then(owed);
        let verb = match (change.to("state"), self.state) {
            // One that is still starting does so with what it read before.
            (Some("active"), _) if owes.is_some() => Some("restart"),
            (Some("active"), _) => Some("start"),
            (Some(_), _) => Some("stop"),
            (None, Some(State::Started)) if owes == Some("restart") => Some("restart"),
            (None, Some(State::Started)) if owes == Some("reload") => Some("reload"),
            _ => None,
        };
        calls.extend(verb.map(|verb| match (verb, &self.healthy) {
            ("stop", _) => format!("systemctl stop {name}"),
            (_, None) => format!("hac_act {verb} {name}"),
            (_, Some(check)) => format!("hac_act {verb} {name} {} {}", self.patience, quote(check)),
        }));
        Script::new(calls.join("\n"))
    }
}
