//! Owns the rules of a group that holds data: one member at a time over the
//! whole cluster, the leader's host last. Must not know how a gate looks.

use std::collections::BTreeMap;

use super::World;
use super::sim::{Sim, all, form};
use crate::exec::task::{Task, Work};
use crate::group::GroupName;
use crate::playbook;

fn formed(seed: u64, leader: &str, tasks: BTreeMap<usize, Task>) -> Sim<'static> {
    let world = World::lab();
    let mut sim = Sim::new(world, tasks, &BTreeMap::new(), seed);
    form(&mut sim.view, world, GroupName::Etcd, leader);
    form(&mut sim.view, world, GroupName::Patroni, leader);
    sim.drive()
}

/// Hosts of the rolling steps that make members of a group, in order.
fn rolled(sim: &Sim<'_>, group: GroupName) -> Vec<String> {
    hosts(sim, group, true)
}

fn hosts(sim: &Sim<'_>, group: GroupName, makes: bool) -> Vec<String> {
    let kind = |step: usize| World::lab().resources[step].makes_member();
    let of_group =
        |work: &&Work| matches!(work, Work::Roll { group: g, step } if *g == group && kind(*step) == makes);
    sim.log.iter().filter(of_group).flat_map(|work| sim.hosts(work)).collect()
}

#[test]
fn the_leaders_host_is_last_whatever_is_ready_first() {
    for seed in 1..16 {
        for leader in ["node1", "node2", "node3"] {
            let sim = formed(seed, leader, all(World::lab()));
            assert!(!sim.log.iter().any(|work| matches!(work, Work::Form { .. })));
            for (group, steps) in [(GroupName::Etcd, 2), (GroupName::Patroni, 1)] {
                let rolled = rolled(&sim, group);
                assert!(rolled.len() > 2 * steps, "{rolled:?}");
                let first = rolled.iter().position(|host| host == leader).unwrap();
                assert_eq!(first, rolled.len() - steps, "seed {seed}, leader {leader}: {rolled:?}");
            }
            let restarts = hosts(&sim, GroupName::Patroni, false);
            assert_eq!((restarts.len(), restarts[3].as_str()), (4, leader), "{restarts:?}");
        }
    }
}

#[test]
fn one_step_at_a_time() {
    // The simulation ends work in any order, so two at once would show.
    for seed in 1..16 {
        let world = World::lab();
        let mut sim = Sim::new(world, all(world), &BTreeMap::new(), seed);
        form(&mut sim.view, world, GroupName::Etcd, "nas");
        form(&mut sim.view, world, GroupName::Patroni, "node1");
        sim.drive();
    }
}

/// What may take a whole host down is a disturbance of every group there.
#[test]
fn what_may_take_a_host_down_is_done_beside_nothing_of_the_kind() {
    let world = World::lab();
    let mut tasks = all(world);
    let risky = |index: usize| {
        let id = world.id(index);
        id.contains("/sysctl:") || id.contains("/package:") || id.contains("/command:")
    };
    for (index, task) in &mut tasks {
        task.disrupts = risky(*index);
    }
    for seed in 1..16 {
        let sim = formed(seed, "node2", tasks.clone());
        assert!(sim.ended.values().all(|outcome| *outcome == crate::exec::event::Outcome::Changed));
        assert!(sim.ended.keys().filter(|index| risky(**index)).count() > 8);
    }
}

#[test]
fn one_that_failed_keeps_the_others_as_they_are() {
    let world = World::lab();
    let mut tasks = all(world);
    for (index, task) in &mut tasks {
        task.changes = world.resources[*index].rolling && world.resources[*index].playbook == "patroni";
    }
    let mut sim = Sim::new(world, tasks, &BTreeMap::new(), 3);
    form(&mut sim.view, world, GroupName::Etcd, "nas");
    form(&mut sim.view, world, GroupName::Patroni, "node1");
    let units = ["node1", "node2", "node3", "nas"].map(|h| world.find(&format!("{h}/unit:patroni.service")));
    sim.fails = units.into();
    let sim = sim.drive();
    assert_eq!(rolled(&sim, GroupName::Patroni).len(), 1);
}

#[test]
fn a_converged_leader_does_not_hold_the_others_back() {
    let world = World::lab();
    let mut tasks = all(world);
    for (index, task) in &mut tasks {
        task.changes = world.resources[*index].rolling && task.host == "node2";
    }
    let sim = formed(3, "node1", tasks);
    assert_eq!(rolled(&sim, GroupName::Etcd), ["node2", "node2"]);
    assert_eq!(rolled(&sim, GroupName::Patroni), ["node2"]);
}

#[test]
fn who_can_only_follow_the_leader_comes_after_it() {
    let world = World::lab();
    let mut tasks = all(world);
    for (index, task) in &mut tasks {
        task.changes =
            !world.resources[*index].makes_member() && world.resources[*index].playbook == "patroni";
    }
    for seed in 1..16 {
        let mut sim = Sim::new(world, tasks.clone(), &BTreeMap::new(), seed);
        form(&mut sim.view, world, GroupName::Etcd, "nas");
        form(&mut sim.view, world, GroupName::Patroni, "node2");
        for host in ["node1", "node2", "node3", "nas"] {
            let reason = serde_json::json!({ "max_connections": { "old_value": "200", "new_value": "100" } });
            let own = serde_json::json!({ "pending_restart": true, "pending_restart_reason": reason });
            sim.view.patroni.own.insert(host.to_owned(), own);
        }
        let sim = sim.drive();
        assert_eq!(hosts(&sim, GroupName::Patroni, false)[0], "node2", "seed {seed}");
    }
}

/// What the gates of a run look at.
fn gates(sim: &Sim<'_>) -> Vec<GroupName> {
    let gate = |work: &Work| if let Work::Gate { group, .. } = work { Some(*group) } else { None };
    sim.log.iter().filter_map(gate).collect()
}

#[test]
fn a_gate_with_nothing_on_either_side_is_not_waited_for() {
    let world = World::lab();
    let only = |id: &str| {
        let mut tasks = all(world);
        let index = world.find(id);
        for (other, task) in &mut tasks {
            task.changes = *other == index;
        }
        gates(&formed(3, "node1", tasks))
    };
    assert_eq!(only("node2/file:/etc/hosts"), []);
    assert_eq!(only("node2/unit:patroni.service"), [GroupName::Etcd, GroupName::Patroni]);
    assert_eq!(only("node2/unit:keepalived.service"), [GroupName::Etcd, GroupName::Patroni]);
    assert_eq!(only("cluster/etcd_auth:accounts"), [GroupName::Etcd]);
}

#[test]
fn what_runs_once_on_the_leader_goes_where_it_is_by_now() {
    let sim = formed(3, "node3", all(World::lab()));
    let wait = World::lab().find("cluster/wait:the address answers");
    let host = sim.log.iter().find_map(|work| match work {
        Work::Late { host, steps } if steps.contains(&wait) => Some(host.as_str()),
        _ => None,
    });
    assert_eq!(host, Some("node3"));
}

/// Read anew where they will be done, as the leader may be another one by then.
#[test]
fn what_is_declared_in_postgres_is_done_by_whoever_leads_by_then() {
    let more = "[[postgres.database]]\nname = \"shop\"\nowner = \"app\"\nextensions = [\"pg_trgm\"]\n[[postgres.user]]\nname = \"app\"\n";
    let text = format!("{}\n{more}", include_str!("../../../inventories/lab.toml"));
    let world = World::new(&text, &playbook::load(None).unwrap(), None);
    let mut sim = Sim::new(&world, all(&world), &BTreeMap::new(), 3);
    form(&mut sim.view, &world, GroupName::Etcd, "node3");
    form(&mut sim.view, &world, GroupName::Patroni, "node3");
    let sim = sim.drive();
    let mut done = Vec::new();
    for work in &sim.log {
        let Work::Late { host, steps } = work else { continue };
        let steps = steps.iter().map(|step| world.id(*step)).filter(|id| id.starts_with("cluster/postgres_"));
        done.extend(steps.map(|id| (host.as_str(), id)));
    }
    let order = ["user:app", "database:shop", "extension:shop/pg_trgm"];
    let expected: Vec<String> = order.iter().map(|what| format!("cluster/postgres_{what}")).collect();
    assert_eq!(done, expected.iter().map(|id| ("node3", id.as_str())).collect::<Vec<_>>());
}

#[test]
fn what_cannot_be_read_is_read_again_before_it_is_done() {
    let world = World::lab();
    let mut tasks = all(world);
    let index = world.find("node2/file:/etc/hosts");
    tasks.get_mut(&index).unwrap().unknown = true;
    let sim = Sim::new(world, tasks, &BTreeMap::new(), 3).drive();
    let late = |work: &Work| matches!(work, Work::Late { steps, .. } if steps.contains(&index));
    assert_eq!(sim.log.iter().filter(|work| late(work)).count(), 1);
}

/// The address goes with the leader, so the leader's host is last.
#[test]
fn a_guest_that_restarts_keeps_to_the_groups_order_and_one_that_starts_does_not() {
    let world = World::lab();
    let guest = |index: usize| world.id(index).ends_with("/unit:keepalived.service");
    for (disturbs, leader) in [(true, "node2"), (true, "node1"), (false, "node2")] {
        let mut tasks = all(world);
        for (index, task) in &mut tasks {
            task.changes = guest(*index);
            task.disturbs = disturbs;
        }
        let sim = formed(3, leader, tasks);
        let rolled = hosts(&sim, GroupName::Patroni, false);
        assert_eq!(
            (rolled.len(), rolled.last().map(String::as_str)),
            if disturbs { (4, Some(leader)) } else { (0, None) }
        );
        assert_eq!(sim.ended.iter().filter(|(index, _)| guest(**index)).count(), 4);
    }
}
