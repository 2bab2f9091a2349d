//! Owns why something differs: the host moved (drift), or the configuration
//! did (pending). Must not know how either is shown.

use std::collections::BTreeMap;

use super::Assessment;
use crate::ledger::Ledger;
use crate::resource::{Change, Fields};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The host moved away from what was last applied.
    Drift,
    /// The configuration moved and was not applied.
    Pending,
    Both,
    /// It cannot be told now.
    Unknown,
}

/// Compares a change with what was last applied on its host.
pub fn cause(assessment: &Assessment, ledger: Option<&Ledger>) -> Cause {
    match &assessment.change {
        Change::None | Change::Late(_) | Change::Unreadable(_) => return Cause::Unknown,
        _ => {}
    }
    let Some(ledger) = ledger else { return Cause::Pending };
    let Some(last) = ledger.resources.get(&assessment.id) else { return Cause::Pending };
    let want = ledger.protect(&assessment.kind.manage().want().unwrap_or_default());
    let have = ledger.protect(&assessment.have.clone().unwrap_or_default());
    let moved = differs(last, &have);
    let edited = differs(last, &want);
    match (moved, edited) {
        (true, true) => Cause::Both,
        (false, true) => Cause::Pending,
        // The last apply did not reach what it wanted, or the host moved.
        _ => Cause::Drift,
    }
}

/// Some field of the last applied state reads otherwise on the other side.
fn differs(last: &Fields, other: &Fields) -> bool {
    last.iter().any(|(name, value)| other.get(name) != Some(value))
        || other.keys().any(|name| name == "content" && !last.contains_key(name))
}

/// One clause that says why, for people.
pub fn reason(
    assessment: &Assessment,
    ledger: Option<&Ledger>,
    reads: &[String],
    inventory: &BTreeMap<String, String>,
    place: &dyn Fn(&str) -> Option<String>,
) -> String {
    let changed = |ledger: &Ledger| -> Vec<String> {
        let touched = |key: &&String| reads.iter().any(|r| *key == r || key.starts_with(&format!("{r}.")));
        let moved = |key: &&String| ledger.inventory.get(*key) != inventory.get(*key);
        let say = |key: &String| match place(key) {
            Some(place) => format!("{key} changed ({place})"),
            None => format!("{key} changed"),
        };
        inventory.keys().filter(touched).filter(moved).map(say).collect()
    };
    match (cause(assessment, ledger), ledger) {
        (Cause::Drift, _) => "the host moved away from what was last applied".to_owned(),
        (Cause::Unknown, _) | (Cause::Pending, None) => "not applied here yet".to_owned(),
        (Cause::Pending, Some(ledger)) if !ledger.resources.contains_key(&assessment.id) => {
            "not applied here yet".to_owned()
        }
        (cause, Some(ledger)) => {
            let changed = changed(ledger);
            let why = if changed.is_empty() {
                "because its playbook, template or content changed".to_owned()
            } else {
                format!("because {}", changed.join(", "))
            };
            if cause == Cause::Both { format!("{why}; the host moved too") } else { why }
        }
        (Cause::Both, None) => "the host moved away from what was last applied".to_owned(),
    }
}
