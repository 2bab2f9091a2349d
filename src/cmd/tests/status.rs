//! Owns the tests of `status`: troubles from made-up views.

use std::collections::BTreeMap;
use std::fs;

use serde_json::json;

use super::load;
use crate::cmd::status::status;
use crate::cmd::world::World;
use crate::facts::{EtcdFact, EtcdRow, Fact, Facts, Interface, PatroniFact};
use crate::plan::{self, Observed};
use crate::report::ui::Paint;

type Hosts = BTreeMap<String, Facts>;
/// Why hosts do not answer.
type Away = BTreeMap<String, plan::Away>;

const INVENTORY: &str = r#"[cluster]
name = "cold"

[network]
subnet = "10.0.0.0/24"

[[node]]
name = "n1"
address = "10.0.0.11"

[[node]]
name = "n2"
address = "10.0.0.12"

[[node]]
name = "n3"
address = "10.0.0.13"

[vip]
database = "10.0.0.200"

[etcd]
[postgres]
version = 17
"#;

fn world() -> World {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("cluster.toml");
    fs::write(&file, INVENTORY).unwrap();
    load(file)
}

fn facts(member: &str, vip: bool) -> Facts {
    let row = |name: &str| EtcdRow {
        id: name.to_owned(),
        name: name.to_owned(),
        peer_urls: Vec::new(),
        learner: false,
    };
    let etcd = EtcdFact {
        data: true,
        healthy: true,
        leader_id: Some("n3".to_owned()),
        members: ["n1", "n2", "n3"].map(row).into(),
        ..EtcdFact::default()
    };
    let patroni = |name: &str, role: &str, state: &str, lag: u64| json!({ "name": name, "role": role, "state": state, "timeline": 3, "lag": lag, "host": "h" });
    let members = json!({ "members": [
        patroni("n1", "leader", "running", 0),
        patroni("n2", "replica", "streaming", 0),
        patroni("n3", "replica", "streaming", 3 << 20),
    ]});
    let patroni = PatroniFact { data: true, cluster: Some(members), ..PatroniFact::default() };
    let addresses = if vip { vec!["10.0.0.200".to_owned()] } else { Vec::new() };
    let mut facts = Facts {
        etcd: [(member.to_owned(), Fact::Present(etcd))].into(),
        patroni: Some(Fact::Present(patroni)),
        ..Facts::default()
    };
    facts.identity.interfaces = vec![Interface { name: "eth0".to_owned(), addresses }];
    facts
}

/// Three hosts; `change` makes something wrong.
fn observed(change: impl Fn(&mut Hosts, &mut Away)) -> Observed {
    let mut all: BTreeMap<String, Facts> =
        ["n1", "n2", "n3"].map(|name| (name.to_owned(), facts(name, name == "n1"))).into();
    let mut away = BTreeMap::new();
    change(&mut all, &mut away);
    Observed::new(all, away, 1)
}

#[test]
fn a_healthy_cluster() {
    let found = observed(|all, _| {
        all.get_mut("n2").unwrap().debts.insert("keepalived.service".into(), "reload".into());
    });
    let status = status(&world(), &found);
    insta::assert_snapshot!(status.text(Paint::default()), @"
    HOST  ETCD             PATRONI  STATE      TIMELINE  LAG      VIP
    n1    healthy          leader   running    3         -        holds
    n2    healthy          replica  streaming  3         0 B      -
    n3    healthy, leader  replica  streaming  3         3.0 MiB  -

    etcd leader     n3
    votes           3 of 3 alive: 1 more vote can be lost
    Patroni leader  n1
    VIP             10.0.0.200 on n1
    owes            n2: keepalived.service owes a reload

    cold: healthy.
    ");
    assert_eq!(status.json()["votes"]["margin"], 1);
}

#[test]
fn each_trouble_is_named() {
    let world = world();
    let troubles = |change: fn(&mut Hosts, &mut Away)| status(&world, &observed(change)).troubles.join("; ");
    let gone = |all: &mut Hosts, away: &mut Away| {
        all.remove("n1");
        away.insert("n1".into(), "no route".to_owned().into());
    };
    assert_eq!(troubles(gone), "etcd member n1 is not healthy; nobody carries the VIP 10.0.0.200");
    let both = |all: &mut Hosts, _: &mut Away| {
        all.insert("n2".into(), facts("n2", true));
    };
    assert_eq!(troubles(both), "the VIP 10.0.0.200 is on n1 and n2 at once");
    let astray = |all: &mut Hosts, _: &mut Away| {
        all.insert("n1".into(), facts("n1", false));
        all.insert("n3".into(), facts("n3", true));
    };
    assert_eq!(troubles(astray), "the VIP 10.0.0.200 is on n3, and the leader is n1");
    let full = |all: &mut Hosts, _: &mut Away| {
        for member in all.values_mut().flat_map(|facts| facts.etcd.values_mut()) {
            let Fact::Present(fact) = member else { continue };
            fact.alarms = vec!["NOSPACE".to_owned()];
        }
    };
    assert!(
        troubles(full).starts_with("etcd takes no writes, its alarm is NOSPACE: make room with `etcdctl")
    );
    let fresh = |all: &mut Hosts, _: &mut Away| {
        for facts in all.values_mut() {
            *facts = Facts::default();
        }
    };
    let said = troubles(fresh);
    assert_eq!(said, "etcd is not formed; PostgreSQL is not formed; nobody carries the VIP 10.0.0.200");
}
