//! Owns why something differs: the host moved (drift), or the configuration
//! did (pending). Must not know how either is shown.

use std::collections::BTreeMap;

use super::Assessment;
use crate::ledger::Ledger;
use crate::resource::{Change, Field, Fields, Kind, Unit, sealed};

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
    // That nothing asks for it any more is the configuration's doing.
    if matches!(assessment.kind, Kind::Gone(_)) {
        return Cause::Pending;
    }
    let Some(ledger) = ledger else { return Cause::Pending };
    let Some(last) = ledger.resources.get(&assessment.id) else { return Cause::Pending };
    let want = ledger.protect(&assessment.kind.manage().want().unwrap_or_default());
    let have = ledger.protect(&assessment.have.clone().unwrap_or_default());
    let moved = differs(last, &have);
    let edited = differs(last, &want) || want.keys().any(|name| !last.contains_key(name));
    match (moved, edited) {
        (true, true) => Cause::Both,
        (false, true) => Cause::Pending,
        // The last apply did not reach what it wanted, or the host moved.
        _ => Cause::Drift,
    }
}

/// Some field of the last applied state reads otherwise on the other side. What
/// a unit owes is a debt, not a difference.
fn differs(last: &Fields, other: &Fields) -> bool {
    let debt = |name: &String| {
        name == Unit::CONFIGURATION && other.get(name).is_some_and(|value| value.starts_with("owes a "))
    };
    last.iter().any(|(name, value)| other.get(name) != Some(value) && !debt(name))
        || other.keys().any(|name| sealed(name) && !last.contains_key(name))
}

/// How a host moved away from what was last applied there, from the ledger
/// alone: `from` was applied, `to` is there. For resources whose content cannot
/// be known without the secrets. Contents stand as words, never as hashes.
pub fn moved(assessment: &Assessment, ledger: &Ledger) -> Vec<Field> {
    let Some(last) = ledger.resources.get(&assessment.id) else { return Vec::new() };
    let have = ledger.protect(&assessment.have.clone().unwrap_or_default());
    let field = |(name, from): (&String, &String)| {
        let to = have.get(name).cloned().unwrap_or_default();
        let hidden = sealed(name) && !to.is_empty();
        let (from, to) =
            if hidden { ("as applied".to_owned(), "edited".to_owned()) } else { (from.clone(), to) };
        Field { name: name.clone(), from, to }
    };
    last.iter().filter(|(name, value)| have.get(*name) != Some(value)).map(field).collect()
}

/// One clause that says why, for people.
pub fn reason(
    assessment: &Assessment,
    ledger: Option<&Ledger>,
    reads: &[String],
    inventory: &BTreeMap<String, String>,
    place: &dyn Fn(&str) -> Option<String>,
) -> String {
    if let Kind::Gone(gone) = &assessment.kind {
        return gone.reason.clone();
    }
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
        (Cause::Drift, _) | (Cause::Both, None) => {
            "the host moved away from what was last applied".to_owned()
        }
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
    }
}
