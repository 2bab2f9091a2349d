//! Owns the tests of when secrets are made, and when never.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;

use super::{Folder, silent};
use crate::error::Reason;
use crate::facts::Facts;
use crate::ledger::Ledger;
use crate::pki::Authority;
use crate::plan::Observed;
use crate::report::ui::Paint;
use crate::secret::Secret;
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
    let path = folder.store().path().to_owned();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(folder.store().load().unwrap().as_ref(), world.secrets.as_deref());
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
    assert!(!folder.store().path().to_owned().exists());
}

/// A playbook that needs a password of its own.
const USER: &str = r#"[playbook]
name  = "users"
title = "a user"
on    = "base"

[[step]]
name          = "app"
once          = "first"
postgres_user = { name = "app", password = "postgres-app", attributes = "login", server = { psql = "/bin/psql", port = "5432" } }
"#;

fn with_user(folder: &Folder) {
    std::fs::write(folder.file().with_file_name("playbooks/users.toml"), USER).unwrap();
}

#[test]
fn a_password_that_was_declared_since_is_added_and_the_others_stay() {
    let folder = Folder::new().with_secrets();
    let before = folder.world().secrets.unwrap();
    with_user(&folder);
    let mut world = folder.world();
    world.ensure_secrets(&observed(&[("n1", Some("{}")), ("n2", None)], &[]), &silent()).unwrap();
    let after = folder.store().load().unwrap().unwrap();
    assert_eq!(after.get("postgres-app").map(|secret| secret.expose().len()), Some(32));
    assert!(before.iter().all(|(name, value)| after.get(name) == Some(value)));
    assert_eq!(Some(&after), world.secrets.as_deref());
    let again = observed(&[("n1", None)], &[]);
    world.ensure_secrets(&again, &silent()).unwrap();
    assert_eq!(Some(after), folder.store().load().unwrap());
}

/// Another operator declared the user, applied, and has the password.
#[test]
fn a_password_that_is_in_use_is_asked_for_and_not_made_anew() {
    let folder = Folder::new().with_secrets();
    with_user(&folder);
    let mut ledger = Ledger::new("tiny", "salt".into());
    ledger.resources.insert("cluster/postgres_user:app".to_owned(), [("login".into(), "yes".into())].into());
    let text = serde_json::to_string(&ledger).unwrap();
    let seen = observed(&[("n1", None), ("n2", Some(&text))], &[]);
    let failure = folder.world().ensure_secrets(&seen, &silent()).unwrap_err();
    assert_eq!(failure.reason, Reason::Secrets);
    let says = "secrets.toml has no postgres-app, and n2 was set up with it (cluster/postgres_user:app)";
    assert!(failure.message.ends_with(says), "{}", failure.message);
    assert_eq!(folder.world().secrets.unwrap().get("postgres-app"), None);
}

/// What a ledger tells of somebody who rotated and applied; whichever secret it was.
#[test]
fn secrets_that_are_not_the_newest_are_refused_whatever_was_rotated() {
    let folder = Folder::new().with_secrets();
    let first = folder.store().load().unwrap().unwrap();
    let turned = first.rotated(&["postgres.replication"]);
    let given = |secrets: &Secrets| {
        let secrets = secrets.generation().map(str::to_owned);
        let ledger = Ledger { secrets, ..Ledger::new("tiny", "salt".into()) };
        let text = serde_json::to_string(&ledger).unwrap();
        observed(&[("n1", None), ("n2", Some(&text))], &[])
    };
    folder.world().ensure_secrets(&given(&first), &silent()).unwrap();
    let before = std::fs::read(folder.store().path()).unwrap();
    let failure = folder.world().ensure_secrets(&given(&turned), &silent()).unwrap_err();
    assert_eq!(failure.reason, Reason::Secrets);
    insta::assert_snapshot!(folder.shown(&failure.text(Paint::default())), @"
    error: secrets.toml: generation 0 of the secrets is here, and n2 was given generation 1: somebody changed them since; nothing was done
    hint: take the newest secrets file: `git pull` where it is in git, else copy it from whoever applied last
    ");
    assert_eq!(std::fs::read(folder.store().path()).unwrap(), before);
    // Whoever has the newer file, or what it became, goes on.
    for newer in [turned.clone(), turned.settled().unwrap(), turned.rotated(&["etcd.root"])] {
        folder.store().replace(&newer).unwrap();
        folder.world().ensure_secrets(&given(&turned), &silent()).unwrap();
    }
}

/// A file of the second stage would bring back trust in the former authority.
#[test]
fn an_authority_that_was_dropped_does_not_come_back() {
    let folder = Folder::new().with_secrets();
    let first = folder.store().load().unwrap().unwrap();
    let begun = first.succeeded_by(Authority::generate("tiny", 1_790_000_000).unwrap());
    let issues = begun.settled().unwrap();
    let drops = issues.settled().unwrap();
    let over = drops.settled().unwrap();
    let course = [&first, &begun, &issues, &drops, &over];
    for (had, given) in course.iter().enumerate() {
        let secrets = given.generation().map(str::to_owned);
        let ledger = Ledger { secrets, ..Ledger::new("tiny", "salt".into()) };
        let text = serde_json::to_string(&ledger).unwrap();
        for (place, file) in course.iter().enumerate() {
            folder.store().replace(file).unwrap();
            let seen = observed(&[("n1", Some(&text))], &[]);
            let taken = folder.world().ensure_secrets(&seen, &silent()).is_ok();
            assert_eq!(taken, place >= had, "{place} where a host has {had}");
        }
    }
}

/// A name that somebody wrote and misspelt must not become a new password.
#[test]
fn a_written_name_that_nobody_made_is_an_error_at_its_place() {
    let folder = Folder::new().with_secrets();
    with_user(&folder);
    let playbook = folder.file().with_file_name("playbooks/users.toml");
    std::fs::write(&playbook, USER.replace("postgres-app", "nas-kye")).unwrap();
    folder.edit(
        "[redis]",
        "[truenas]\naddress = \"10.0.0.13\"\nplatform = \"debian\"\napi_key = \"secret://nas-kye\"\n\n[redis]",
    );
    let kept = |name: &str| {
        let secrets = folder.store().load().unwrap().unwrap();
        folder.store().replace(&secrets.set(name, Secret::new("a value of some length"))).unwrap();
        let failure = folder.world().ensure_secrets(&observed(&[("n1", None), ("n2", None)], &[]), &silent());
        folder.shown(&failure.unwrap_err().text(Paint::default()))
    };
    let said = kept("other");
    assert!(said.contains("HAC-E063") && said.contains("secrets set nas-kye"), "{said}");
    let said = kept("nas-key");
    assert!(
        said.contains("cluster.toml:25") && said.contains("did you mean \"secret://nas-key\"?"),
        "{said}"
    );
    assert!(folder.world().secrets.unwrap().get("nas-kye").is_none());
}
