//! Owns the tests of `plan` against hosts that do not exist.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Folder, but, converged, lost, reached, silent};
use crate::cli::SelectArgs;
use crate::cmd::describe::Describe;
use crate::cmd::reach::one_cluster;
use crate::cmd::reading::{Asked, Reading, reached_all, read};
use crate::error::{Exit, Reason};
use crate::exec::Gathered;
use crate::facts::{EtcdFact, Fact, Facts};
use crate::plan::{Absence, Away, Observed};
use crate::report::plan::PlanReport;
use crate::report::ui::Paint;
use crate::transport::Prober;

fn with_diff() -> Asked {
    Asked { diff: true, ..Asked::default() }
}

async fn plan(folder: &Folder, reached: &Gathered<Prober>) -> (Reading, PlanReport) {
    let mut world = folder.world();
    let reading = read(&mut world, &silent(), reached, &with_diff(), &()).await.unwrap();
    let report = Describe::new(&world, &reading, false).report(Duration::from_millis(400));
    (reading, report)
}

fn text(folder: &Folder, report: &PlanReport) -> String {
    folder.shown(&report.text(Paint::default(), false))
}

#[tokio::test]
async fn a_converged_cluster_has_no_changes() {
    let folder = Folder::new().with_secrets();
    let world = folder.world();
    let hosts = ["n1", "n2"].map(|name| (name, but(&converged(&world, name), &[])));
    let (reading, report) = plan(&folder, &reached(&hosts)).await;
    assert!(reading.plan.is_empty(), "{report:#?}");
    insta::assert_snapshot!(text(&folder, &report), @"
    playbook base comes from playbooks/base.toml.
    redis is in the file (cluster.toml:22) and is not built yet: left out.

    No changes. The cluster matches the configuration. (0.4 s, 2 hosts)
    ");
    assert_eq!(reached_all(&reading.observed), Exit::Clean);
}

#[tokio::test]
async fn each_change_says_why_and_shows_no_secret() {
    let folder = Folder::new().with_secrets();
    let world = folder.world();
    let old = converged(&world, "n1");
    let edited = [
        ("paths", "regular file|0600|root|root|/etc/route"),
        ("packages", ""),
        ("hashes", &*format!("{}  /etc/route", "0".repeat(64))),
        ("contents", "NONCE item 0\nvia 10.0.0.1\npassword older\u{1b}[2J\nNONCE done 0"),
    ];
    let hosts = [("n1", but(&old, &edited)), ("n2", but(&converged(&world, "n2"), &[]))];
    folder.edit("gateway = \"10.0.0.1\"", "gateway = \"10.0.0.2\"");
    let (_, report) = plan(&folder, &reached(&hosts)).await;
    let text = text(&folder, &report);
    let said: String = report.json().iter().map(ToString::to_string).chain([text.clone()]).collect();
    assert_eq!((world.masked(&said) == said, said.contains("older")), (true, false), "{said}");
    insta::assert_snapshot!(text, @r#"
    playbook base comes from playbooks/base.toml.
    redis is in the file (cluster.toml:22) and is not built yet: left out.

    base: what every host has
      ~ file:/etc/route, on n2 (because network.gateway changed (cluster.toml:6))
          @@ -1,2 +1,2 @@
          -via 10.0.0.1
          +via 10.0.0.2
           password (patroni.rest)
      ~ unit:router will restart, on n1, n2 (because file:/etc/route changes)
      + package:curl, on n1 (the host moved away from what was last applied)
      ? command:guarded, on n1 (known after n1/phase:packages)
      ~ file:/etc/route, on n1 (because network.gateway changed (cluster.toml:6); the host moved too)
          mode: 0600 -> 0640
          @@ -1,2 +1,2 @@
          -via 10.0.0.1
          -password (earlier value)
          \ No newline at end of file
          +via 10.0.0.2
          +password (patroni.rest)

    Plan: 1 to add, 4 to change, 0 to remove. 1 known only later. (0.4 s, 2 hosts)
    "#);
}

#[tokio::test]
async fn a_host_that_is_away_defers_its_steps_only() {
    let folder = Folder::new().with_secrets();
    let bare = but(&converged(&folder.world(), "n1"), &[("packages", "")]);
    let (reading, report) = plan(&folder, &reached(&[("n1", bare), ("n2", lost())])).await;
    assert_eq!(reached_all(&reading.observed), Exit::Unreachable);
    insta::assert_snapshot!(text(&folder, &report), @"
    playbook base comes from playbooks/base.toml.
    redis is in the file (cluster.toml:22) and is not built yet: left out.

    base: what every host has
      + package:curl, on n1 (the host moved away from what was last applied)
      ? command:guarded, on n1 (known after n1/phase:packages)

    ! n2 does not answer: 4 steps deferred
        n2: the connection was lost during a script: its outcome is unknown, probe again

    Plan: 1 to add, 0 to change, 0 to remove. 1 known only later. (0.4 s, 1 host)
    ");
}

#[tokio::test]
async fn a_selection_is_counted_and_the_rest_is_deferred() {
    let folder = Folder::new().with_secrets();
    let mut world = folder.world();
    let bare = |name: &str| but(&converged(&folder.world(), name), &[("packages", "")]);
    let hosts = reached(&[("n1", bare("n1")), ("n2", bare("n2"))]);
    let mut say = async |target: &str, on: &str, verbose: bool| {
        let words = |word: &str| vec![word.to_owned()];
        let args = SelectArgs { target: words(target), exclude: Vec::new(), on: words(on) };
        let selection = world.select(&args).unwrap();
        let asked = Asked { selection, ..with_diff() };
        let reading = read(&mut world, &silent(), &hosts, &asked, &()).await.unwrap();
        let report = Describe::new(&world, &reading, verbose).report(Duration::from_millis(400));
        let text = folder.shown(&report.text(Paint::default(), verbose));
        (text.split_once("left out.\n").unwrap().1.to_owned(), report.json().pop().unwrap())
    };
    let (text, summary) = say("package:curl", "n1", true).await;
    insta::assert_snapshot!(text, @"

    base: what every host has
      + package:curl, on n1 (the host moved away from what was last applied)
          installed = yes

    Deferred, because not selected:
      n1/command:guarded (not selected with --target)
      n2/package:curl (n2 was not selected with --on)
      n2/command:guarded (n2 was not selected with --on)

    1 of 4 changes selected (--target package:curl --on n1), 3 deferred.
    Plan: 1 to add, 0 to change, 0 to remove. (0.4 s, 2 hosts)
    ");
    assert_eq!((&summary["selected"], &summary["left_out"]), (&1.into(), &3.into()));
    insta::assert_snapshot!(say("unit:router", "", false).await.0, @"

    0 of 4 changes selected (--target unit:router), 4 deferred.
    No changes. Nothing to do in what was selected. (0.4 s, 2 hosts)
    ");
    assert!(say("", "", true).await.0.contains("\nPlan: 2 to add"), "empty variables select nothing");
}

#[tokio::test]
async fn when_nobody_answers_there_is_no_plan() {
    let folder = Folder::new().with_secrets();
    let mut world = folder.world();
    let away = reached(&[("n1", lost()), ("n2", lost())]);
    let failure = read(&mut world, &silent(), &away, &with_diff(), &()).await.unwrap_err();
    assert_eq!((failure.exit(), failure.hints.len()), (Exit::Unreachable, 2));
}

#[tokio::test]
async fn a_host_with_another_key_is_told_from_a_silent_one() {
    let folder = Folder::new().with_secrets();
    let away = Away { kind: Absence::Untrusted, why: "n2: its key has changed\ntrust it".to_owned() };
    let strange = |ok: Gathered<Prober>, names: &[&str]| Gathered {
        failed: names.iter().map(|name| ((*name).to_owned(), away.clone())).collect(),
        ..ok
    };
    let converged = converged(&folder.world(), "n1");
    let (reading, report) = plan(&folder, &strange(reached(&[("n1", but(&converged, &[]))]), &["n2"])).await;
    assert_eq!(reached_all(&reading.observed), Exit::Unreachable);
    insta::assert_snapshot!(text(&folder, &report), @"
    playbook base comes from playbooks/base.toml.
    redis is in the file (cluster.toml:22) and is not built yet: left out.

    ! n2 shows a host key that is not trusted: 4 steps deferred
        n2: its key has changed
        trust it

    No changes. Nothing to do on the hosts that answered. (0.4 s, 1 host)
    ");
    let mut world = folder.world();
    let none = strange(reached(&[]), &["n1", "n2"]);
    let failure = read(&mut world, &silent(), &none, &with_diff(), &()).await.unwrap_err();
    assert_eq!((failure.exit(), failure.reason), (Exit::Unreachable, Reason::HostKey));
    assert_eq!(failure.message, "no host can be used: 2 of 2 show a host key that is not trusted");
}

/// One side of a divided cluster would be lost by any change.
#[test]
fn two_clusters_are_nothing_to_plan_for() {
    let member = |id: &str| EtcdFact { cluster_id: Some(id.to_owned()), ..EtcdFact::default() };
    let host = |name: &str, id| {
        let etcd = [(name.to_owned(), Fact::Present(member(id)))].into();
        (name.to_owned(), Facts { etcd, ..Facts::default() })
    };
    let view = |other| Observed::new([host("n1", "171"), host("n2", other)].into(), BTreeMap::new(), 1);
    one_cluster(&view("171")).unwrap();
    let failure = one_cluster(&view("9")).unwrap_err();
    assert_eq!((failure.exit(), failure.reason), (Exit::Error, Reason::Divided));
    assert_eq!(failure.hints[0], "2 disjoint etcd clusters answer, by id: 9 on n2; ab on n1");
}
