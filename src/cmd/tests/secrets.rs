//! Owns the tests of when secrets are made, and when never.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;

use super::{Folder, silent};
use crate::error::Reason;
use crate::facts::Facts;
use crate::plan::Observed;
use crate::secrets::Secrets;

fn observed(answer: &[(&str, Option<&str>)], away: &[&str]) -> Observed {
    let facts = |ledger: Option<&str>| Facts { ledger: ledger.map(str::to_owned), ..Facts::default() };
    let answer = answer.iter().map(|(name, ledger)| ((*name).to_owned(), facts(*ledger))).collect();
    let away = away
        .iter()
        .map(|name| ((*name).to_owned(), "no route".to_owned().into()))
        .collect::<BTreeMap<_, _>>();
    Observed::new(answer, away, 1)
}

#[test]
fn made_once_where_nothing_was_ever_applied() {
    let folder = Folder::new();
    let mut world = folder.world();
    world.ensure_secrets(&observed(&[("n1", None), ("n2", None)], &[]), &silent()).unwrap();
    let path = Secrets::path_beside(&folder.file());
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(Secrets::load(&path).unwrap().as_ref(), world.secrets.as_deref());
    // A fresh look finds the same, and makes nothing.
    assert_eq!(folder.world().secrets, world.secrets);
}

#[test]
fn never_where_somebody_may_have_others() {
    let folder = Folder::new();
    let cases = [
        (observed(&[("n1", Some("{}")), ("n2", None)], &[]), "n1 was set up with it"),
        (observed(&[("n1", None)], &["n2"]), "1 of 2 hosts do not answer"),
    ];
    for (observed, why) in cases {
        let failure = folder.world().ensure_secrets(&observed, &silent()).unwrap_err();
        assert_eq!(failure.reason, Reason::Secrets);
        assert!(
            failure.message.contains("secrets.toml") && failure.message.contains(why),
            "{}",
            failure.message
        );
    }
    assert!(!Secrets::path_beside(&folder.file()).exists());
}
