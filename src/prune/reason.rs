//! Owns why nothing asks for an entry any more: only what can be known.
//! Must not know what becomes of it.

use super::Wanted;
use crate::ledger::Ledger;

pub(super) fn reason(wanted: &Wanted<'_>, host: &str, playbook: &str, ledger: &Ledger) -> String {
    if playbook.is_empty() {
        return "nothing asks for it any more".to_owned();
    }
    let Some(found) = wanted.playbooks.iter().find(|p| p.name == playbook) else {
        return format!("there is no playbook {playbook} any more");
    };
    if wanted.on(host).any(|resource| resource.playbook == playbook) {
        return format!("playbook {playbook} does not ask for it any more");
    }
    let when = found.when.as_ref().map_or("", |(text, _)| text);
    let moved = |key: &&String| {
        words(when).any(|word| word == *key) && ledger.inventory.get(*key) != wanted.inventory.get(*key)
    };
    let keys: Vec<&str> = ledger.inventory.keys().filter(moved).map(String::as_str).collect();
    let why = if keys.is_empty() { String::new() } else { format!(": {} changed", keys.join(", ")) };
    format!("playbook {playbook} does not run here any more{why}")
}

/// Dotted names in an expression.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.'))
}
