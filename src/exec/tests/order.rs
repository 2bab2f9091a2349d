//! Owns the order in which a fresh cluster comes up, whatever ends first.
//! Must not know what a step does.

use std::collections::{BTreeMap, BTreeSet};

use super::World;
use super::sim::{Sim, all, steps_of};
use crate::exec::event::Outcome;
use crate::exec::task::Work;
use crate::group::GroupName;
use crate::resource::Kind;

fn fresh(seed: u64) -> Sim<'static> {
    let world = World::lab();
    Sim::new(world, all(world), &BTreeMap::new(), seed).drive()
}

/// Where in the log a resource starts.
fn start(sim: &Sim<'_>, index: usize) -> usize {
    sim.log.iter().position(|work| steps_of(work).contains(&index)).unwrap()
}

fn indices(filter: impl Fn(&crate::expand::Resource) -> bool) -> Vec<usize> {
    let found = World::lab().resources.iter().enumerate().filter(|(_, resource)| filter(resource));
    found.map(|(index, _)| index).collect()
}

#[test]
fn everything_ends_changed_in_any_order() {
    for seed in 1..16 {
        let sim = fresh(seed);
        assert_eq!(sim.ended.len(), World::lab().resources.len());
        assert!(sim.ended.values().all(|outcome| *outcome == Outcome::Changed));
    }
}

#[test]
fn packages_of_a_host_share_one_script() {
    let sim = fresh(7);
    for host in ["node1", "node2", "node3", "nas"] {
        let packages = indices(|r| r.host() == Some(host) && matches!(r.kind, Kind::Package(_)));
        let scripts: BTreeSet<usize> = packages.iter().map(|package| start(&sim, *package)).collect();
        assert_eq!(scripts.len(), 1, "{host}");
        assert!(packages.len() > 5, "{host}");
    }
}

#[test]
fn etcd_is_formed_once_with_all_members_after_every_membership() {
    for seed in 1..16 {
        let sim = fresh(seed);
        let forms: Vec<&Work> =
            sim.log.iter().filter(|w| matches!(w, Work::Form { group: GroupName::Etcd, .. })).collect();
        assert_eq!(forms.len(), 1);
        assert_eq!(steps_of(forms[0]).len(), World::lab().members().len());
        let at = sim.log.iter().position(|work| work == forms[0]).unwrap();
        for membership in indices(|r| matches!(r.kind, Kind::EtcdMember(_))) {
            assert!(start(&sim, membership) < at);
        }
    }
}

#[test]
fn patroni_comes_after_etcd_and_its_accounts_and_keepalived_after_it() {
    for seed in 1..16 {
        let sim = fresh(seed);
        let is_gate = |group| move |work: &Work| matches!(work, Work::Gate { group: g, .. } if *g == group);
        let gate = |group| sim.log.iter().position(is_gate(group)).unwrap();
        let accounts = start(&sim, World::lab().find("cluster/etcd_auth:accounts"));
        let seeded = sim.log.iter().position(|w| matches!(w, Work::Form { group: GroupName::Patroni, .. }));
        assert!(gate(GroupName::Etcd) < accounts);
        assert!(accounts < seeded.unwrap());
        assert!(seeded.unwrap() < gate(GroupName::Patroni));
        for unit in indices(|r| r.playbook == "keepalived" && matches!(r.kind, Kind::Unit(_))) {
            assert!(start(&sim, unit) > gate(GroupName::Patroni));
        }
        assert_eq!(sim.log.iter().filter(|work| matches!(work, Work::Gate { .. })).count(), 2);
    }
}
