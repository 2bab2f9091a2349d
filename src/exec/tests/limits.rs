//! Owns how much of a run goes on at once: hosts and named limits. Must not
//! know what is selected.

use std::collections::BTreeMap;

use super::World;
use super::sim::{Sim, all};
use crate::exec::task::{Parallelism, Work};

/// The simulation checks the limits at every start.
#[test]
fn never_more_at_once_than_was_said() {
    let world = World::lab();
    let most = |parallelism: &Parallelism| {
        let mut most = 0;
        for seed in 1..8 {
            let mut sim = Sim::new(world, all(world), &BTreeMap::new(), seed);
            sim.schedule = sim.schedule.within(parallelism.clone());
            let sim = sim.drive();
            assert_eq!(sim.ended.len(), world.resources.len(), "a limit must hold nothing back for good");
            let packages = |work: &&Work| {
                let limited = |step: &usize| world.resources[*step].limit.is_some();
                super::sim::steps_of(work).iter().any(limited)
            };
            most = most.max(
                sim.log.iter().take_while(|work| matches!(work, Work::Batch { .. })).filter(packages).count(),
            );
        }
        most
    };
    for (hosts, packages) in [(1, 64), (2, 64), (64, 1), (3, 2), (64, 64)] {
        most(&Parallelism { hosts, named: [("packages".to_owned(), packages)].into() });
    }
    assert_eq!(most(&Parallelism::default()), 4);
}

#[test]
fn a_limited_step_ends_its_script() {
    let world = World::tiny(
        "[[step]]\nname = \"fetch\"\nlimit = \"line\"\nfile = { path = \"/a\", content = \"\" }\n\
         [[step]]\nname = \"use\"\nafter = [\"fetch\"]\nfile = { path = \"/b\", content = \"\" }\n",
        None,
    );
    let scripts = |named: BTreeMap<String, usize>| {
        let mut sim = Sim::new(&world, all(&world), &BTreeMap::new(), 3);
        sim.schedule = sim.schedule.within(Parallelism { hosts: 64, named });
        sim.drive().log.len()
    };
    assert_eq!(scripts(BTreeMap::new()), 2, "one a host: nothing is said of that limit");
    assert_eq!(scripts([("line".to_owned(), 1)].into()), 4);
}
