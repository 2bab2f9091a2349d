//! Owns plans in which packages are updated: who will restart for it, in which
//! order, and what that costs. Must not open a connection.

use std::collections::BTreeMap;

use serde_json::json;

use super::World;
use super::plans::{observe, plan};
use crate::facts::{Fact, Facts, PackageFact, UnitFact, view::PatroniRow};
use crate::group::GroupName;
use crate::plan::{Observed, Plan};
use crate::playbook;
use crate::resource::Field;

const HOSTS: [&str; 4] = ["node1", "node2", "node3", "nas"];
const NOW: u64 = 1_790_000_000;

/// A formed cluster that node1 leads, with these packages pinned.
fn world(pins: &str) -> World {
    let text = format!("{}{pins}", include_str!("../../../inventories/lab.toml"));
    World::new(&text, &playbook::load(None).unwrap(), None)
}

fn formed(world: &World) -> Observed {
    let mut observed = observe(world);
    super::sim::form(&mut observed.view, world, GroupName::Etcd, "node3");
    observed.view.patroni.formed = true;
    for host in HOSTS {
        let leads = host == "node1";
        let (role, state) = if leads { ("leader", "running") } else { ("replica", "streaming") };
        observed.view.patroni.members.push(PatroniRow {
            name: host.into(),
            role: role.into(),
            state: state.into(),
            lag: Some(0),
            ..PatroniRow::default()
        });
        let role = if leads { "primary" } else { "replica" };
        let own = json!({
            "state": "running", "role": role, "timeline": 1, "replication_state": "streaming",
            "postmaster_start_time": "2026-09-21 14:00:00+00:00", "patroni": { "name": host },
            "tags": { "noloadbalance": host == "nas", "failover_priority": if host == "nas" { 1 } else { 100 } },
        });
        observed.view.patroni.own.insert(host.into(), own.clone());
        run(observed.facts.get_mut(host).unwrap(), own);
    }
    observed
}

/// Everything that there is runs, since a while.
fn run(facts: &mut Facts, own: serde_json::Value) {
    facts.identity.time = NOW;
    for fact in facts.packages.values_mut() {
        let package = PackageFact { version: "1.0".into(), status: "ii".into(), unpacked: Some(NOW - 9000) };
        *fact = Fact::Present(package);
    }
    for fact in facts.units.values_mut() {
        let (active, file_state, load) = ("active".into(), "enabled".into(), "loaded".into());
        *fact = Fact::Present(UnitFact {
            load,
            active,
            file_state,
            started: Some(NOW - 900),
            ..UnitFact::default()
        });
    }
    if let Some(Fact::Present(patroni)) = &mut facts.patroni {
        patroni.member = Some(own);
    }
}

/// Which servers would restart for an update, without their hosts.
fn restarts(plan: &Plan) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    let update = |field: &Field| field.to.contains("/package:") || field.from.contains(": ");
    for assessment in plan.changes().filter(|a| a.kind.disturbs(&a.change) && a.debt().is_some_and(update)) {
        *found.entry(assessment.id.split_once('/').unwrap().1.to_owned()).or_default() += 1;
    }
    found
}

fn says<'a>(plan: &'a Plan, start: &str) -> &'a str {
    plan.effects.iter().find(|said| said.starts_with(start)).map_or("", String::as_str)
}

#[test]
fn a_pinned_patroni_restarts_with_postgresql_the_leader_after_a_switchover() {
    let world = world("patroni = \"2.0\"\npostgresql-17 = \"17.6\"\n");
    let plan = plan(&world, &formed(&world));
    assert_eq!(
        restarts(&plan),
        [("unit:patroni.service".to_owned(), 4)].into(),
        "PostgreSQL restarts with it"
    );
    insta::assert_snapshot!(says(&plan, "Patroni restarts"), @"Patroni restarts for an update of patroni, and PostgreSQL with it, one member at a time behind Patroni's health: nas, then node3, then node2, then a switchover from node1 to node2, then node1");
    insta::assert_snapshot!(says(&plan, "packages"), @"packages are updated while their servers run on, and none restarts by itself: patroni 1.0 -> 2.0 on 4 hosts, postgresql-17 1.0 -> 17.6 on 4 hosts");
    assert!(
        plan.effects.iter().any(|said| said.starts_with("192.168.15.200 moves from node1 to ")),
        "{:#?}",
        plan.effects
    );
    assert!(plan.effects.iter().any(|said| said == "standbys that stream: 3 before, 2 during"));
}

#[test]
fn a_pinned_postgresql_restarts_through_patroni() {
    let world = world("postgresql-17 = \"17.6\"\n");
    let plan = plan(&world, &formed(&world));
    assert_eq!(restarts(&plan), [("patroni_restart:restart for settings".to_owned(), 4)].into());
    insta::assert_snapshot!(says(&plan, "PostgreSQL restarts"), @"PostgreSQL restarts for an update of postgresql-17, one member at a time behind Patroni's health: nas, then node3, then node2, then a switchover from node1 to node2, with which node1 restarts");
}

#[test]
fn members_of_etcd_and_guests_have_an_order_too() {
    let world = world("etcd-server = \"4\"\nkeepalived = \"3\"\n");
    let plan = plan(&world, &formed(&world));
    let found = restarts(&plan);
    assert_eq!((found.len(), found["unit:keepalived.service"]), (6, 4), "{found:?}");
    insta::assert_snapshot!(says(&plan, "etcd:"), @"etcd: 10 steps for an update of etcd-server, one at a time behind its health, node3 last, after a move-leader to node2; votes that may be lost: 2 before, 1 during");
    insta::assert_snapshot!(says(&plan, "keepalived"), @"keepalived.service restarts for an update of keepalived, one host at a time: nas, then node3, then node2, then node1 (node1 leads now)");
}

#[test]
fn an_update_by_hand_is_owed_by_what_ran_before_it() {
    let world = world("");
    let mut observed = formed(&world);
    for (host, package) in [("node2", "postgresql-17"), ("nas", "etcd-server"), ("node1", "curl")] {
        let facts = observed.facts.get_mut(host).unwrap();
        let newer = PackageFact { version: "9".into(), status: "ii".into(), unpacked: Some(NOW - 10) };
        facts.packages.insert(package.into(), Fact::Present(newer));
    }
    let plan = plan(&world, &observed);
    let debt = |id: &str| plan.changes().find(|a| a.id == id).and_then(|a| Some(a.debt()?.from.clone()));
    let owed = |id: &str| debt(id).unwrap_or_default();
    assert_eq!(
        owed("node2/patroni_restart:restart for settings"),
        "owes a restart: postgresql-17 was updated to 9 after it started"
    );
    assert_eq!(
        owed("nas/unit:etcd-patroni@nas-b.service"),
        "owes a restart: etcd-server was updated to 9 after it started"
    );
    assert_eq!(restarts(&plan).values().sum::<usize>(), 3);
    insta::assert_snapshot!(says(&plan, "PostgreSQL restarts"), @"PostgreSQL restarts for an update of postgresql-17, one member at a time behind Patroni's health: node2");
}
