//! Owns plans over facts that nobody probed: fresh, converged, and what a
//! changed file makes its unit owe. Must not open a connection.

use std::collections::BTreeMap;

use super::World;
use crate::facts::{
    EtcdFact, Fact, Facts, Identity, Interface, Needs, PackageFact, PathFact, PathType, PatroniFact, UnitFact,
};
use crate::group::GroupName;
use crate::plan::{Assessment, Observed, Plan};
use crate::resource::{Change, File, Kind, Manage as _, Unit};

pub(super) const STEPS: &str = r#"
[[step]]
name = "packages"
package = ["curl"]

[[step]]
name = "settings"
file = { path = "/etc/a", content = "a\n" }
notify = ["restarted"]

[[step]]
name = "rules"
file = { path = "/etc/b", content = "b\n" }
notify = ["reloaded"]

[[step]]
name = "restarted"
unit = { name = "a", state = "started", enabled = true }

[[step]]
name = "reloaded"
unit = { name = "b", state = "started", enabled = true, on_change = "reload" }

[[step]]
name = "guarded"
after = ["settings"]
command = { run = "true", unless = "test -e /x" }
"#;

fn absent<T>(keys: impl IntoIterator<Item = String>) -> BTreeMap<String, Fact<T>> {
    keys.into_iter().map(|key| (key, Fact::Absent)).collect()
}

/// Nothing of what is asked for is there.
fn fresh(needs: &Needs) -> Facts {
    let unit = || UnitFact { load: "not-found".into(), active: "inactive".into(), ..UnitFact::default() };
    let needs = needs.clone();
    let addresses = ["101", "102", "103", "50"].map(|last| format!("192.168.15.{last}")).to_vec();
    let identity =
        Identity { interfaces: vec![Interface { name: "eth0".into(), addresses }], ..Identity::default() };
    Facts {
        identity,
        paths: absent(needs.paths),
        hashes: absent(needs.hashes),
        contents: absent(needs.contents),
        packages: absent(needs.packages),
        units: needs.units.into_iter().map(|name| (name, Fact::Present(unit()))).collect(),
        users: absent(needs.users),
        groups: absent(needs.groups),
        sysctls: absent(needs.sysctls),
        public_keys: absent(needs.public_keys),
        checks: needs.checks.into_iter().map(|check| (check, Fact::Present(1))).collect(),
        etcd: needs.etcd.into_keys().map(|name| (name, Fact::Present(EtcdFact::default()))).collect(),
        patroni: needs.patroni.map(|_| Fact::Present(PatroniFact::default())),
        ..Facts::default()
    }
}

pub(super) fn observe(world: &World) -> Observed {
    let needs = crate::expand::needs(&world.resources);
    let facts = needs.iter().map(|(host, needs)| (host.clone(), fresh(needs))).collect();
    Observed::new(facts, BTreeMap::new(), 1_790_000_000)
}

pub(super) fn plan(world: &World, observed: &Observed) -> Plan {
    world.planner().plan(observed).unwrap()
}

/// Makes true what a plan wants; kinds of the steps above only.
pub(super) fn converge(plan: &Plan, observed: &mut Observed) {
    for Assessment { host, kind, .. } in &plan.assessments {
        let facts = observed.facts.get_mut(host).unwrap();
        match kind {
            Kind::File(file) => put(facts, file, None),
            Kind::Package(package) => {
                let fact = PackageFact { version: "1".into(), status: "ii".into(), unpacked: None };
                facts.packages.insert(package.name.clone(), Fact::Present(fact));
            }
            Kind::Unit(unit) => drop(facts.units.insert(unit.full_name(), Fact::Present(running()))),
            Kind::Command(command) => {
                facts.checks.insert(command.unless.clone().unwrap(), Fact::Present(0));
            }
            _ => panic!("{kind:?}"),
        }
    }
}

/// The file as it should be, or with another hash.
fn put(facts: &mut Facts, file: &File, hash: Option<&str>) {
    let [mode, owner, group] = [&file.mode, &file.owner, &file.group].map(Clone::clone);
    let fact = PathFact { kind: PathType::File, mode, owner, group, target: None };
    facts.paths.insert(file.path.clone(), Fact::Present(fact));
    let hash = hash.map_or_else(|| file.want().unwrap()["content"].clone(), str::to_owned);
    facts.hashes.insert(file.path.clone(), Fact::Present(hash));
}

fn running() -> UnitFact {
    UnitFact {
        load: "loaded".into(),
        active: "active".into(),
        sub: "running".into(),
        file_state: "enabled".into(),
        need_reload: false,
        started: None,
    }
}

fn found<'a>(plan: &'a Plan, id: &str) -> &'a Assessment {
    plan.assessments.iter().find(|a| a.id == id).unwrap()
}

/// Both hosts converged, and then another content of this file on n1.
fn edited(world: &World, id: &str) -> Plan {
    let mut observed = observe(world);
    let first = plan(world, &observed);
    converge(&first, &mut observed);
    let Kind::File(file) = &found(&first, id).kind else { panic!("{id} is no file") };
    put(observed.facts.get_mut("n1").unwrap(), file, Some("0000"));
    plan(world, &observed)
}

#[test]
fn fresh_hosts_are_all_to_add_and_commands_known_later() {
    let world = World::tiny(STEPS, None);
    let first = plan(&world, &observe(&world));
    assert_eq!(first.counts(), [6, 4, 0, 2], "a unit that nobody installed yet has a state to change");
    let Change::Late(why) = &found(&first, "n2/command:guarded").change else { panic!() };
    assert_eq!(why, "known after n2/file:/etc/a");
}

#[test]
fn the_labs_cluster_is_formed_from_fresh_hosts() {
    let world = World::lab();
    let first = plan(world, &observe(world));
    let counts = first.counts();
    // All but five: no member of etcd left, as there is none, and what never
    // started owes no restart.
    assert_eq!(counts.iter().sum::<usize>(), world.resources.len() - 5, "{counts:?}");
    assert_eq!((counts[2], counts[3]), (0, 15), "{counts:?}");
    assert_eq!(
        first.effects,
        [
            "etcd is formed: its members start together, then one gate",
            "patroni is formed: its members start the preferred member first, then the others"
        ]
    );
}

#[test]
fn a_converged_plan_is_empty() {
    let world = World::tiny(STEPS, None);
    let mut observed = observe(&world);
    let first = plan(&world, &observed);
    converge(&first, &mut observed);
    let second = plan(&world, &observed);
    assert!(second.is_empty(), "{:?}", second.changes().collect::<Vec<_>>());
    assert_eq!(second.assessments.len(), world.resources.len(), "the ledger records them all");
}

#[test]
fn a_changed_file_makes_its_unit_owe_what_it_says() {
    let world = World::tiny(STEPS, None);
    for (file, unit, word) in [("a", "a", "restart"), ("b", "b", "reload")] {
        let next = edited(&world, &format!("n1/file:/etc/{file}"));
        let owed = found(&next, &format!("n1/unit:{unit}"));
        let row = &owed.change.fields()[0];
        assert_eq!((row.name.as_str(), row.from.as_str()), (Unit::CONFIGURATION, &*format!("owes a {word}")));
        let script = owed.kind.manage().apply(&owed.change);
        assert!(script.expose().contains(&format!("hac_act {word} {unit}.service")), "{script:?}");
        assert_eq!(next.changes().filter(|a| a.host == "n2").count(), 0);
    }
    assert_eq!(
        edited(&world, "n1/file:/etc/b").effects,
        ["units that reload their configuration without a restart: 1"]
    );
}

#[test]
fn a_command_waits_for_what_it_comes_after_and_for_nothing_else() {
    let world = World::tiny(STEPS, None);
    let late = |plan: &Plan| matches!(found(plan, "n1/command:guarded").change, Change::Late(_));
    assert!(late(&edited(&world, "n1/file:/etc/a")));
    assert!(!late(&edited(&world, "n1/file:/etc/b")));
}

#[test]
fn a_plan_moved_where_a_change_did() {
    let world = World::tiny(STEPS, None);
    let [one, same, other] = ["a", "a", "b"].map(|file| edited(&world, &format!("n1/file:/etc/{file}")));
    assert_eq!(one.moved(&same), None);
    assert!(one.moved(&other).is_some());
    let mut observed = observe(&world);
    converge(&plan(&world, &observe(&world)), &mut observed);
    assert_eq!(other.moved(&plan(&world, &observed)).as_deref(), Some("n1/file:/etc/b"));
}

#[test]
fn a_silent_host_keeps_its_data_and_loses_its_vote() {
    let world = World::lab();
    let mut observed = observe(world);
    for facts in observed.facts.values_mut() {
        for fact in facts.etcd.values_mut() {
            *fact = Fact::Present(EtcdFact { data: true, healthy: true, ..EtcdFact::default() });
        }
    }
    observed.renew(BTreeMap::new(), &BTreeMap::new(), 1);
    let healthy = observed.view.etcd.healthy.len();
    observed.renew(BTreeMap::new(), &[("nas".to_owned(), "gone".to_owned().into())].into(), 2);
    assert_eq!(observed.view.etcd.healthy.len(), healthy - 2);
    assert!(observed.view.etcd.formed);
}

#[test]
fn effects_count_the_votes_of_a_rolling_restart() {
    let world = World::lab();
    let mut observed = observe(world);
    super::sim::form(&mut observed.view, world, GroupName::Etcd, "node1");
    super::sim::form(&mut observed.view, world, GroupName::Patroni, "node1");
    let said = plan(world, &observed).effects;
    assert_eq!(
        said,
        [
            "etcd: 10 steps, one at a time behind its health; votes that may be lost: 2 before, 1 during",
            "patroni: 4 steps, one at a time behind its health, the leader last"
        ]
    );
}
