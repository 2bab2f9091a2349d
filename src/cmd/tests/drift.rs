//! Owns the tests of `drift-check` against hosts that do not exist.

use std::collections::BTreeMap;

use super::{Folder, but, converged, reached};
use crate::cmd::drift_check::{exit, judge, observe};
use crate::cmd::lock::under_way;
use crate::error::Exit;
use crate::exec::Gathered;
use crate::plan::Selection;
use crate::report::drift::DriftReport;
use crate::transport::Prober;

async fn check(folder: &Folder, reached: &Gathered<Prober>, trusted: bool) -> DriftReport {
    let world = folder.world();
    let observed = observe(&world, reached, trusted, &()).await.unwrap();
    let plan = world.planner().plan(&observed).unwrap();
    judge(&world, &plan, &observed, &BTreeMap::new(), &Selection::default())
}

fn lines(report: &DriftReport) -> Vec<String> {
    let list = |word: &'static str, list: &[crate::report::drift::Finding]| -> Vec<String> {
        list.iter().map(|f| format!("{word} {} {} ({})", f.id, f.what.join("; "), f.why)).collect()
    };
    let lists = [("drift", &report.drift), ("pending", &report.pending), ("unreadable", &report.unreadable)];
    lists.into_iter().flat_map(|(word, findings)| list(word, findings)).collect()
}

/// Editing a file by hand and editing cluster.toml must not look alike.
#[tokio::test]
async fn drift_and_pending_are_told_apart() {
    let folder = Folder::new().with_secrets();
    let world = folder.world();
    let same = converged(&world, "n2");
    let mode = [("paths", "regular file|0600|root|root|/etc/route"), ("debts", "router.service=restart")];
    let hosts = [("n1", but(&converged(&world, "n1"), &mode)), ("n2", but(&same, &[]))];
    let report = check(&folder, &reached(&hosts), false).await;
    assert_eq!(exit(&report), Exit::Differs);
    insta::assert_snapshot!(lines(&report).join("\n"), @"
    drift n1/file:/etc/route mode is 0600, was applied as 0640 ()
    pending n1/unit:router.service owes a restart (its configuration changed after it was started)
    ");

    let hosts = [("n1", but(&converged(&world, "n1"), &[])), ("n2", but(&same, &[]))];
    assert_eq!(exit(&check(&folder, &reached(&hosts), false).await), Exit::Clean);
    folder.edit("gateway = \"10.0.0.1\"", "gateway = \"10.0.0.2\"");
    let report = check(&folder, &reached(&hosts), false).await;
    assert_eq!(exit(&report), Exit::Pending);
    insta::assert_snapshot!(folder.shown(&lines(&report).join("\n")), @"
    pending n2/file:/etc/route its content would change (because network.gateway changed (cluster.toml:6))
    pending n1/file:/etc/route its content would change (because network.gateway changed (cluster.toml:6))
    ");
}

#[tokio::test]
async fn it_needs_no_secrets_and_makes_none() {
    let folder = Folder::new().with_secrets();
    let world = folder.world();
    let path = folder.store().path().to_owned();
    std::fs::remove_file(&path).unwrap();
    let edited = [("hashes", &*format!("{}  /etc/route", "0".repeat(64)))];
    let hosts = [("n1", but(&converged(&world, "n1"), &edited)), ("n2", but(&converged(&world, "n2"), &[]))];
    let report = check(&folder, &reached(&hosts), false).await;
    insta::assert_snapshot!(lines(&report).join("\n"), @"drift n1/file:/etc/route its content was edited ()");
    assert!(report.remarks[0].contains("2 resources were compared"), "{:?}", report.remarks);
    assert!(!path.exists());
}

/// Guards are free text: they run only where nothing can be written.
#[tokio::test]
async fn guards_run_only_where_a_probe_cannot_write() {
    let folder = Folder::new().with_secrets();
    let world = folder.world();
    let open = || but(&converged(&world, "n1"), &[]).unprotected();
    let two = but(&converged(&world, "n2"), &[]);
    let one = open();
    let report = check(&folder, &reached(&[("n1", one.clone()), ("n2", two.clone())]), false).await;
    assert_eq!(exit(&report), Exit::Unreachable);
    assert!(!one.calls().iter().any(|script| script.contains("test -e /x")));
    assert!(two.calls().iter().any(|script| script.contains("test -e /x")));
    assert_eq!(lines(&report).len(), 1, "{:?}", lines(&report));
    let trusted = check(&folder, &reached(&[("n1", open()), ("n2", two)]), true).await;
    assert_eq!(exit(&trusted), Exit::Clean);
}

#[tokio::test]
async fn a_run_under_way_is_named() {
    let folder = Folder::new().with_secrets();
    let world = folder.world();
    let busy = [("identity", "os=debian\nholder=me on laptop, run r1, process 7")];
    let hosts = [("n1", but(&converged(&world, "n1"), &[])), ("n2", but(&converged(&world, "n2"), &busy))];
    let observed = observe(&world, &reached(&hosts), false, &()).await.unwrap();
    assert_eq!(under_way(&observed), Some("n2 (me on laptop, run r1, process 7, for 0 s)".to_owned()));
}
