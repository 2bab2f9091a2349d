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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::view::View;
    use crate::facts::{Fact, Facts, PathFact, PathType};
    use crate::pki::{Authority, LeafSpec, describe};
    use crate::plan::{Foreign, Verdict, verdict};
    use crate::resource::{Certificate, Have};
    use crate::secrets::Secrets;

    const NOW: u64 = 1_790_000_000;
    const ID: &str = "n1/certificate:/c.crt";

    /// As it is asked for with `secrets`; without them where `blind`.
    fn asked(secrets: &Secrets, blind: bool) -> Kind {
        let spec =
            serde_json::json!({ "cert": "/c.crt", "key": "/c.key", "names": ["n1"], "usages": ["client"] });
        let mut asked: Certificate = serde_json::from_value(spec).unwrap();
        asked.now = NOW;
        if !blind {
            asked.authority = Some(secrets.authority.clone());
            asked.other = secrets.other_authority().cloned();
        }
        Kind::Certificate(Box::new(asked))
    }

    /// A host with a certificate that `authority` issued.
    fn host(authority: &Authority) -> Facts {
        let (names, usages) = (vec!["n1".into()], vec!["client".into()]);
        let (pem, _) =
            authority.issue(&LeafSpec { common_name: None, names, usages, days: 825 }, NOW).unwrap();
        let file = |path: &str, mode: &str| {
            let owner = "root".to_owned();
            let fact = PathFact {
                kind: PathType::File,
                mode: mode.into(),
                owner,
                group: "root".into(),
                target: None,
            };
            (path.to_owned(), Fact::Present(fact))
        };
        let key = describe(&pem).unwrap().public_key;
        Facts {
            paths: [file("/c.crt", "0644"), file("/c.key", "0640")].into(),
            public_keys: [("/c.key".to_owned(), Fact::Present(key))].into(),
            contents: [("/c.crt".to_owned(), Fact::Present(pem))].into(),
            ..Facts::default()
        }
    }

    /// What is said where `applied` was applied last and `secrets` are at hand.
    fn judged(applied: &Secrets, secrets: &Secrets, found: &Facts, blind: bool) -> Verdict {
        let mut ledger = Ledger::new("cold", "salt".into());
        let last = asked(applied, false).manage().want().unwrap();
        ledger.resources.insert(ID.to_owned(), ledger.protect(&last));
        let view = View { now: NOW, ..View::default() };
        let kind = asked(secrets, blind);
        let Have::Fields(have) = kind.manage().have(found, &view) else { panic!("no certificate") };
        let assessment = Assessment {
            index: 0,
            id: ID.to_owned(),
            host: "n1".to_owned(),
            change: kind.manage().diff(found, &view),
            have: Some(have),
            kind,
            lacks_secrets: blind,
            foreign: Foreign::No,
            stays: None,
        };
        verdict(&assessment, Some(&ledger))
    }

    /// Nobody touched a host while its next certificates wait for an operator.
    #[test]
    fn between_two_stages_of_a_succession_certificates_are_pending() {
        let first = Secrets::generate("cold", NOW).unwrap();
        let begun = first.succeeded_by(Authority::generate("cold", NOW).unwrap());
        let issues = begun.settled().unwrap();
        let drops = issues.settled().unwrap();
        let over = drops.settled().unwrap();
        let course = [(&first, &begun), (&begun, &issues), (&issues, &drops), (&drops, &over)];
        let stranger = host(&Authority::generate("cold", NOW).unwrap());
        for (applied, next) in course {
            let found = host(&applied.authority);
            let waits = next.stage() == Some(crate::secrets::Stage::Issue);
            let expected = if waits { Verdict::Pending } else { Verdict::Same };
            assert_eq!(judged(applied, next, &found, false), expected, "{:?}", next.stage());
            // Somebody else's is drift all the same; without the secrets too.
            let expected = if waits { Verdict::Both } else { Verdict::Drift };
            assert_eq!(judged(applied, next, &stranger, false), expected, "{:?}", next.stage());
            assert_eq!(judged(applied, next, &found, true), Verdict::Same);
            assert_eq!(judged(applied, next, &stranger, true), Verdict::Drift);
        }
    }
}
