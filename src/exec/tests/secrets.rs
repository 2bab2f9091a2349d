//! Owns what ledgers remember of the secrets that hosts were given: which, when, and
//! what a run with older ones does under the lock. Must not know what is in them.

use std::fs;
use std::sync::Arc;

use super::applies::STEPS;
use super::host::Lab;
use crate::exec::ApplyError;
use crate::ledger::Ledger;
use crate::secrets::Secrets;

fn given(lab: &Lab, host: &str) -> Option<String> {
    Ledger::read(lab.read(host, "state/ledger.json").as_deref())?.secrets
}

fn turned(lab: &mut Lab) -> Secrets {
    let older = Arc::clone(&lab.world.secrets);
    lab.world.secrets = Arc::new(older.rotated(&["postgres.replication"]));
    older.as_ref().clone()
}

#[tokio::test]
async fn hosts_remember_what_they_were_given_and_a_run_without_changes_writes_nothing() {
    let mut lab = Lab::new(STEPS);
    lab.run().await.unwrap();
    // As always where nothing was ever rotated.
    assert_eq!(given(&lab, "n1"), None);
    assert!(!lab.read("n1", "state/ledger.json").unwrap().contains("secrets"));
    turned(&mut lab);
    fs::remove_file(lab.path("n1", "root/one")).unwrap();
    lab.run().await.unwrap();
    let newest = lab.world.secrets.generation().map(str::to_owned);
    assert_eq!([given(&lab, "n1"), given(&lab, "n2")], [newest.clone(), newest.clone()]);
    assert!(lab.plan().await.is_empty());
    let writes = |lab: &Lab| {
        let calls = lab.fakes["n1"].calls();
        calls.iter().filter(|script| script.contains("hac_put /var/lib/hacluster/ledger.json")).count()
    };
    let before = writes(&lab);
    assert!(before > 0);
    lab.run().await.unwrap();
    assert_eq!((writes(&lab), given(&lab, "n1")), (before, newest));
}

/// What was cut may have given a host some of them already.
#[tokio::test]
async fn they_remember_it_before_the_first_change() {
    let mut lab = Lab::new(STEPS);
    turned(&mut lab);
    // The lock, the probe and the claim; then its connection is gone for good.
    lab.host("n1", |fake| fake.cut_at(3));
    lab.run().await.unwrap();
    assert_eq!(lab.read("n1", "root/one"), None);
    assert_eq!(given(&lab, "n1").as_deref(), lab.world.secrets.generation());
}

/// Two read the hosts; one rotated and applied while the other was asked.
#[tokio::test]
async fn older_ones_are_refused_under_the_lock() {
    let mut lab = Lab::new(STEPS);
    let older = turned(&mut lab);
    let newer = std::mem::replace(&mut lab.world.secrets, Arc::new(older));
    let mut apply = lab.apply().await;
    apply.approved = true;
    let secrets = newer.generation().map(str::to_owned);
    let ledger = Ledger { secrets, ..Ledger::new("tiny", "salt".into()) };
    fs::write(lab.path("n2", "state/ledger.json"), serde_json::to_string(&ledger).unwrap()).unwrap();
    fs::write(lab.path("n2", "state/fence"), "4\n").unwrap();
    let (_heard, stops) = tokio::sync::mpsc::unbounded_channel();
    let ended = apply.run_until(stops).await;
    let Err(ApplyError::Outdated(outdated)) = ended else { panic!("{ended:?}") };
    assert_eq!((outdated.host.as_str(), outdated.given, outdated.own), ("n2", 1, 0));
    assert_eq!((lab.journal().as_str(), lab.read("n1", "root/one")), ("", None));
}
