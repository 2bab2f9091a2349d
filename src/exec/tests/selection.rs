//! Owns what a selection makes of a plan and of a run: what is done, what
//! waits and why. Must not know the flags.

use std::collections::BTreeMap;

use super::World;
use super::applies::{STEPS, ids, ledger};
use super::host::Lab;
use super::sim::{Sim, all, form};
use crate::exec::event::Outcome;
use crate::exec::task::Work;
use crate::facts::view::View;
use crate::group::GroupName;
use crate::plan::{Assessment, Foreign, Plan, Selection, Wish};
use crate::resource::Change;

/// A plan where these resources change, or all.
fn plan(world: &World, changed: &[&str]) -> Plan {
    let judged = |(index, resource): (usize, &crate::expand::Resource)| Assessment {
        index,
        id: resource.id.clone(),
        host: resource.hosts[0].clone(),
        kind: resource.kind.clone(),
        change: if changed.is_empty() || changed.contains(&resource.id.as_str()) {
            Change::Update(Vec::new())
        } else {
            Change::None
        },
        have: None,
        lacks_secrets: false,
        foreign: Foreign::No,
        stays: None,
    };
    Plan { assessments: world.resources.iter().enumerate().map(judged).collect(), ..Plan::default() }
}

/// What is selected, and what waits with its reason.
fn split(
    world: &World,
    selection: &Selection,
    plan: &Plan,
    view: &View,
) -> (Vec<String>, BTreeMap<String, String>) {
    let left_out = world.planner().left_out(selection, plan, view);
    let chosen = world.planner().without(plan, &left_out, view);
    let waiting = left_out.into_iter().map(|(index, why)| (world.id(index).to_owned(), why));
    (chosen.changes().map(|a| a.id.clone()).collect(), waiting.collect())
}

const CHAIN: &str = r#"
[[step]]
name = "folder"
directory = { path = "/etc/a" }

[[step]]
name = "settings"
file = { path = "/etc/a/conf", content = "a\n" }
notify = ["service"]

[[step]]
name = "other"
file = { path = "/etc/b", content = "b\n" }

[[step]]
name = "service"
unit = { name = "a", state = "started", enabled = true }
"#;

/// Flags, then what is done on n1 and on n2, by the first letter of each step.
#[test]
fn flags_select_with_what_is_stood_on() {
    let world = World::tiny(CHAIN, None);
    let steps = [("folder", 'f'), ("settings", 's'), ("other", 'o'), ("service", 'u')];
    let done = |flags: [&str; 3], changed: &[&str]| {
        let (chosen, waiting) = split(&world, &world.select(flags), &plan(&world, changed), &View::default());
        let letters = |host: &str| -> String {
            let of_host = world.resources.iter().filter(|r| r.hosts[0] == host && chosen.contains(&r.id));
            let letter = |step: &str| steps.iter().find(|(name, _)| *name == step).unwrap().1;
            of_host.map(|resource| letter(&resource.step)).collect()
        };
        let all = if changed.is_empty() { world.resources.len() } else { changed.len() };
        assert_eq!(chosen.len() + waiting.len(), all);
        (letters("n1"), letters("n2"))
    };
    let cases = [
        (["", "", ""], "fsou", "fsou"),
        (["base", "", ""], "fsou", "fsou"),
        (["n1/*", "", ""], "fsou", ""),
        (["n1/unit:a", "", ""], "fsu", ""),
        (["unit:a", "", ""], "fsu", "fsu"),
        (["base/service", "", "n2"], "", "fsu"),
        (["*/file:/etc/b n2/directory:*", "", ""], "o", "fo"),
        (["", "n1/file:/etc/b", ""], "fsu", "fsou"),
        (["", "directory:/etc/a", ""], "o", "o"),
        (["unit:a", "n1/file:/etc/a/conf", ""], "", "fsu"),
        (["", "", "n1"], "fsou", ""),
        (["", "", "@base"], "fsou", "fsou"),
        (["", "n?/file:*", "@redis n2"], "f", "f"),
        (["n2/*", "", "n1"], "", ""),
    ];
    for (flags, first, second) in cases {
        assert_eq!(done(flags, &[]), (first.to_owned(), second.to_owned()), "{flags:?}");
    }
    // What is converged needs nothing, and what it stands on is reached through it.
    let changed = ["n1/directory:/etc/a", "n1/unit:a", "n1/file:/etc/b"];
    assert_eq!(done(["n1/unit:a", "", ""], &changed).0, "fu");
    assert_eq!(done(["", "directory:/etc/a", ""], &changed).0, "o");
    assert_eq!(done(["", "settings_of_another", ""].map(|_| ""), &changed).0, "fou");
}

#[test]
fn each_that_waits_says_why() {
    let world = World::tiny(CHAIN, None);
    let why = |flags| split(&world, &world.select(flags), &plan(&world, &[]), &View::default()).1;
    let left = why(["n1/*", "n1/file:/etc/a/conf", ""]);
    assert_eq!(left["n1/file:/etc/a/conf"], "left out with --exclude n1/file:/etc/a/conf");
    assert_eq!(left["n1/unit:a"], "it stands on n1/file:/etc/a/conf, which is left out");
    assert_eq!(left["n2/unit:a"], "not selected with --target");
    assert_eq!(why(["", "", "n1"])["n2/unit:a"], "n2 was not selected with --on");
    let saved = Selection::saved(["n1/unit:a".to_owned(), "n1/file:/etc/b".to_owned()]);
    let (chosen, left) = split(&world, &saved, &plan(&world, &[]), &View::default());
    assert_eq!(chosen, ["n1/file:/etc/b"], "a saved plan takes nothing along");
    assert_eq!(left["n1/unit:a"], "it stands on n1/file:/etc/a/conf, which is left out");
}

#[test]
fn a_word_that_means_nothing_is_named_with_what_may_have_been_meant() {
    let world = World::tiny(CHAIN, None);
    let said = |target: &str, on: &str| {
        let words = |word: &str| (!word.is_empty()).then(|| word.to_owned()).into_iter().collect();
        let wish = Wish { target: words(target), exclude: Vec::new(), on: words(on) };
        let selection = Selection::new(wish, &world.hosts);
        let unknown = selection.and_then(|found| found.check(&world.resources)).unwrap_err();
        format!("{} | {}", unknown.message, unknown.hint)
    };
    insta::assert_snapshot!([
        said("n1/unit:b", ""),
        said("bas", ""),
        said("*/unit:c*", ""),
        said("", "n3"),
        said("", "@rediss"),
        said("", "@k3s"),
        said("", "web*"),
    ].join("\n"), @"
    --target n1/unit:b: nothing in this cluster is called so | did you mean n1/unit:a?
    --target bas: nothing in this cluster is called so | did you mean base?
    --target */unit:c*: nothing in this cluster is called so | it takes an id as plan prints it (NODE/KIND:NAME), KIND:NAME, PLAYBOOK/STEP, or a playbook (base); * and ? stand for any text
    --on n3: there is no host n3 | did you mean n1? Known here: n1, n2
    --on @rediss: no host has the role rediss | did you mean redis? Known here: base, redis
    --on @k3s: no host has the role k3s | known here: base, redis
    --on web*: there is no host web* | known here: n1, n2
    ");
}

/// While there is no group, what needs it takes its members along; later not.
#[test]
fn a_gate_stands_on_its_members_until_there_is_a_group() {
    let world = World::lab();
    let accounts = world.select(["etcd/accounts", "", ""]);
    let members = |view: &View| {
        let (chosen, _) = split(world, &accounts, &plan(world, &[]), view);
        assert!(chosen.contains(&"cluster/etcd_auth:accounts".to_owned()));
        chosen.iter().filter(|id| id.contains("/unit:etcd-patroni@")).count()
    };
    assert_eq!(members(&View::default()), 5);
    let mut view = View::default();
    form(&mut view, world, GroupName::Etcd, "node1");
    assert_eq!(members(&view), 0);
}

/// Found in a lab: a gate whose members had only not been selected ended as
/// deferred, with all that was selected behind it.
#[test]
fn a_gate_whose_members_were_not_selected_is_asked() {
    let world = World::lab();
    let chosen = "patroni_config:settings*";
    let settings = "cluster/patroni_config:settings of the whole cluster";
    let members =
        ["node1", "node2", "node3", "nas"].map(|host| format!("{host}/file:/etc/patroni/config.yml"));
    let changed: Vec<&str> = members.iter().map(String::as_str).chain([settings]).collect();
    let done = |flags, formed: bool| {
        let mut view = View::default();
        for group in [GroupName::Etcd, GroupName::Patroni].into_iter().filter(|_| formed) {
            form(&mut view, world, group, "node2");
        }
        let left_out = world.planner().left_out(&world.select(flags), &plan(world, &changed), &view);
        let mut tasks = all(world);
        for (index, task) in &mut tasks {
            task.changes = changed.contains(&world.id(*index));
        }
        let mut sim = Sim::new(world, tasks, &left_out, 5);
        sim.schedule = sim.schedule.leaving_out(left_out.into_keys().collect(), &view);
        sim.view = view;
        let sim = sim.drive();
        let asked = sim.log.iter().any(|work| matches!(work, Work::Gate { group: GroupName::Patroni, .. }));
        let ended = |id: &str| sim.ended.get(&world.find(id)) == Some(&Outcome::Changed);
        (asked, changed.iter().filter(|id| ended(id)).count(), ended(settings))
    };
    assert_eq!(done([chosen, "", ""], true), (true, 1, true));
    assert_eq!(done([chosen, "", ""], false), (true, 5, true));
    assert_eq!(done(["", "file:/etc/patroni/config.yml", ""], false), (false, 0, false));
}

#[tokio::test]
async fn a_target_is_done_with_what_it_stands_on_and_the_rest_is_deferred() {
    let lab = Lab::new(&STEPS.replace("after = [\"one\", \"two\", \"word\"]", "after = [\"one\", \"word\"]"));
    let mut apply = lab.apply().await;
    apply.selection = lab.world.select(["n1/command:command", "", ""]);
    let (_heard, stops) = tokio::sync::mpsc::unbounded_channel();
    let summary = apply.run_until(stops).await.unwrap();
    assert_eq!((summary.changed, summary.deferred.len(), summary.left.len()), (3, 5, 0), "{summary:?}");
    assert!(lab.read("n1", "root/one").is_some() && lab.read("n1", "root/two").is_none());
    assert_eq!(
        ledger(&lab, "n1"),
        ["n1/command:command", "n1/file:/hac-test-root/one", "n1/file:/hac-test-root/word"]
    );
    assert_eq!(lab.read("n2", "state/ledger.json"), None, "nothing of it was selected");
    let rest = lab.run().await.unwrap();
    assert_eq!((rest.changed, rest.deferred.len()), (5, 0), "{rest:?}");
}

#[tokio::test]
async fn what_stands_on_an_excluded_one_is_deferred_too() {
    let lab = Lab::new(STEPS);
    let mut apply = lab.apply().await;
    apply.selection = lab.world.select(["", "n2/file:*/two", ""]);
    let (_heard, stops) = tokio::sync::mpsc::unbounded_channel();
    let summary = apply.run_until(stops).await.unwrap();
    assert_eq!((summary.changed, summary.failed.len(), summary.left.len()), (6, 0, 0), "{summary:?}");
    assert_eq!(ids(&summary.deferred), ["n2/file:/hac-test-root/two", "n2/command:command"]);
}
