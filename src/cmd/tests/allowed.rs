//! Owns the tests of what a saved plan was allowed, and of what only a ledger
//! knows. Must not open a connection.

use std::fs;

use super::converged;
use super::saved::{Case, FILE_EDITED, PACKAGE_GONE};
use crate::cmd::saved;
use crate::cmd::world::World;
use crate::ledger::Ledger;
use crate::plan::Allowed;

/// A ledger that knows of data that nothing asks for, and not of the file that is there.
fn theirs(world: &World) -> String {
    let sections = converged(world, "n1");
    let (_, text) = sections.iter().find(|(name, _)| *name == "ledger").unwrap();
    let mut ledger = Ledger::read(Some(text)).unwrap();
    ledger.resources.remove("n1/file:/etc/route");
    let owned = r#"{"kind":{"directory":{"path":"/srv/data","data":true}},"playbook":"own"}"#;
    ledger.owned.insert("n1/directory:/srv/data".to_owned(), serde_json::from_str(owned).unwrap());
    serde_json::to_string(&ledger).unwrap()
}

const THEIR_PATHS: &str = "regular file|0640|root|root|/etc/route\ndirectory|0755|root|root|/srv/data";

/// What was allowed is part of the plan: what is allowed later is not in it, and an
/// edited file is refused.
#[tokio::test]
async fn what_a_plan_was_allowed_is_kept_with_it() {
    let case = Case::new();
    let ledger = theirs(&case.old);
    let there: &[(&str, &str)] = &[("ledger", &ledger), ("paths", THEIR_PATHS)];
    let other: Vec<(&str, &str)> = [there, FILE_EDITED].concat();
    let hosts = [("n1", there), ("n2", &[][..])];
    let destroy = |destroy| Allowed { destroy, ..Allowed::default() };
    case.save_allowed("", destroy(true), &hosts).await.unwrap();
    assert_eq!(case.apply(&hosts).await.unwrap(), ["n1/directory:/srv/data"]);
    case.save_allowed("", destroy(false), &hosts).await.unwrap();
    assert_eq!(case.apply(&hosts).await.unwrap(), Vec::<String>::new());
    let text = fs::read_to_string(case.path()).unwrap();
    fs::write(case.path(), text.replace("\"destroy\": false", "\"destroy\": true")).unwrap();
    assert!(saved::read(&case.path()).unwrap().allowed.destroy);
    let said = case.apply(&hosts).await.unwrap_err();
    assert!(said.contains("it is not as it was saved"), "{said}");

    let hosts = [("n1", &*other), ("n2", &[][..])];
    case.save("", &hosts).await;
    let said = case.apply(&hosts).await.unwrap_err();
    assert_eq!(said, "1 of the files to write are there and are not hacluster's");
    let adopt = |path: &str| Allowed { adopt: vec![path.to_owned()], ..Allowed::default() };
    case.save_allowed("", adopt("/etc/route"), &hosts).await.unwrap();
    assert_eq!(case.apply(&hosts).await.unwrap(), ["n1/file:/etc/route", "n1/unit:router"]);
}

/// By the same words as anything else; a typing error is told from it only when
/// the ledgers are read.
#[tokio::test]
async fn what_only_a_ledger_knows_can_be_named() {
    let case = Case::new();
    let ledger = theirs(&case.old);
    let there: Vec<(&str, &str)> = [&[("ledger", &*ledger), ("paths", THEIR_PATHS)], PACKAGE_GONE].concat();
    let hosts = [("n1", &*there), ("n2", PACKAGE_GONE)];
    let allowed = || Allowed { destroy: true, ..Allowed::default() };
    for target in ["n1/directory:/srv/data", "directory:/srv/data", "own", "own/*", "n?/directory:*"] {
        case.save_allowed(target, allowed(), &hosts).await.unwrap();
        assert_eq!(case.apply(&hosts).await.unwrap(), ["n1/directory:/srv/data"], "{target}");
    }
    let failure = case.save_allowed("directory:/srv/dat", allowed(), &hosts).await.unwrap_err();
    let said = failure.text(crate::report::ui::Paint::default());
    insta::assert_snapshot!(said, @"
    error: --target directory:/srv/dat: nothing in this cluster is called so
    hint: did you mean directory:/srv/data?
    ");
}
