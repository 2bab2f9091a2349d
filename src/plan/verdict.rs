//! Owns what `drift-check` makes of an assessment, with or without the secrets.
//! Must not know how it is shown.

use super::{Assessment, Cause, cause, moved};
use crate::ledger::Ledger;
use crate::resource::{Change, Field, Unit};

/// What `drift-check` makes of one assessment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// As applied, or waiting for something that is listed itself.
    Same,
    Drift,
    Pending,
    Both,
    Unreadable(String),
}

/// Judges one assessment. What a unit owes is left out: debts are a list of
/// their own, and a debt that a change will make is that change's.
pub fn verdict(assessment: &Assessment, ledger: Option<&Ledger>) -> Verdict {
    match &assessment.change {
        Change::Unreadable(why) => return Verdict::Unreadable(why.clone()),
        // What it waits for is judged itself.
        Change::Late(_) => return Verdict::Same,
        _ if assessment.lacks_secrets => return blind(assessment, ledger),
        _ => {}
    }
    let owes = |field: &Field| field.name == Unit::CONFIGURATION && field.from.starts_with("owes a ");
    match &assessment.change {
        Change::None => return Verdict::Same,
        Change::Update(fields) if fields.iter().all(owes) => return Verdict::Same,
        _ => {}
    }
    match cause(assessment, ledger) {
        Cause::Drift => Verdict::Drift,
        Cause::Both => Verdict::Both,
        Cause::Pending | Cause::Unknown => Verdict::Pending,
    }
}

/// Without the secrets: the host against the ledger, and of the configuration
/// what can be known.
fn blind(assessment: &Assessment, ledger: Option<&Ledger>) -> Verdict {
    let last = ledger.and_then(|ledger| Some((ledger, ledger.resources.get(&assessment.id)?)));
    let Some((ledger, last)) = last else { return Verdict::Pending };
    let want = ledger.protect(&assessment.kind.manage().want().unwrap_or_default());
    let edited = want.iter().any(|(name, value)| last.get(name) != Some(value));
    match (!moved(assessment, ledger).is_empty(), edited) {
        (true, true) => Verdict::Both,
        (true, false) => Verdict::Drift,
        (false, true) => Verdict::Pending,
        (false, false) => Verdict::Same,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Foreign;
    use crate::resource::{Fields, File, Kind};

    const ID: &str = "n1/file:/etc/a";

    fn file(pairs: &[(&str, &str)]) -> Fields {
        let base = [("group", "root"), ("mode", "0644"), ("owner", "root"), ("type", "file")];
        base.iter().chain(pairs).map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    fn ledger(applied: &Fields) -> Ledger {
        let mut ledger = Ledger::new("cold", "salt".into());
        let kept = ledger.protect(applied);
        ledger.resources.insert(ID.to_owned(), kept);
        ledger
    }

    /// A file whose content needs secrets, as found on the host.
    fn blind_file(have: Option<Fields>) -> Assessment {
        Assessment {
            index: 0,
            id: ID.to_owned(),
            host: "n1".to_owned(),
            kind: Kind::File(File::literal("/etc/a", "")),
            change: Change::None,
            have,
            lacks_secrets: true,
            foreign: Foreign::No,
            stays: None,
        }
    }

    #[test]
    fn without_secrets_the_ledger_judges() {
        let applied = file(&[("content", "hash1")]);
        let kept = ledger(&applied);
        let judge = |have: Option<Fields>| verdict(&blind_file(have), Some(&kept));
        assert_eq!(judge(Some(applied.clone())), Verdict::Same);
        assert_eq!(judge(Some(file(&[("content", "hash2")]))), Verdict::Drift);
        assert_eq!(judge(Some(file(&[("content", "hash1"), ("mode", "0600")]))), Verdict::Drift);
        assert_eq!(judge(None), Verdict::Drift);
        assert_eq!(verdict(&blind_file(Some(applied.clone())), None), Verdict::Pending);
        let other = Ledger::new("cold", "salt".into());
        assert_eq!(verdict(&blind_file(Some(applied)), Some(&other)), Verdict::Pending);
    }

    #[test]
    fn a_changed_mode_in_the_configuration_shows_without_secrets() {
        let applied = file(&[("content", "hash1"), ("mode", "0600")]);
        let found = blind_file(Some(applied.clone()));
        assert_eq!(verdict(&found, Some(&ledger(&applied))), Verdict::Pending);
    }

    #[test]
    fn what_moved_has_words_for_contents() {
        let kept = ledger(&file(&[("content", "hash1")]));
        let rows = moved(&blind_file(Some(file(&[("content", "hash2"), ("owner", "www")]))), &kept);
        let rows: Vec<String> = rows.iter().map(|f| format!("{}: {} -> {}", f.name, f.from, f.to)).collect();
        assert_eq!(rows, ["content: as applied -> edited", "owner: root -> www"]);
    }

    #[test]
    fn a_debt_alone_is_neither() {
        let row =
            |name: &str, from: &str, to: &str| Field { name: name.into(), from: from.into(), to: to.into() };
        let unit: Unit = serde_json::from_str(r#"{"name":"a","state":"started","enabled":true}"#).unwrap();
        let last = unit_fields("current");
        let mut kept = Ledger::new("cold", "salt".into());
        kept.resources.insert("n1/unit:a".to_owned(), last);
        let owes = row(Unit::CONFIGURATION, "owes a restart", "current");
        let mut found = Assessment {
            id: "n1/unit:a".to_owned(),
            kind: Kind::Unit(unit),
            change: Change::Update(vec![owes.clone()]),
            have: Some(unit_fields("owes a restart")),
            lacks_secrets: false,
            ..blind_file(None)
        };
        assert_eq!(verdict(&found, Some(&kept)), Verdict::Same);
        found.change = Change::Update(vec![owes, row("enabled", "no", "yes")]);
        found.have = Some(
            unit_fields("owes a restart").into_iter().chain([("enabled".into(), "no".into())]).collect(),
        );
        assert_eq!(verdict(&found, Some(&kept)), Verdict::Drift);
        found.change = Change::Late("known after b".into());
        assert_eq!(verdict(&found, Some(&kept)), Verdict::Same);
        found.change = Change::Unreadable("time".into());
        assert_eq!(verdict(&found, Some(&kept)), Verdict::Unreadable("time".into()));
    }

    fn unit_fields(configuration: &str) -> Fields {
        let pairs =
            [("masked", "no"), ("enabled", "yes"), ("state", "active"), (Unit::CONFIGURATION, configuration)];
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }
}
