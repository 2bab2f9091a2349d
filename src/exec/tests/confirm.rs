//! Owns changes that must be confirmed, over hosts that are folders: one host at a
//! time, taken back where no fresh connection works. Must not know what they are.

use std::collections::BTreeMap;
use std::sync::Mutex;

use super::World;
use super::applies::ids;
use super::host::{Lab, on};
use super::sim::{Sim, all, steps_of};
use crate::exec::event::Event;
use crate::expand::Resource;
use crate::resource::Kind;
use crate::transport::Output;
use crate::transport::fake::Fake;

const STEPS: &str = r#"
[[step]]
name = "one"
confirm = true
file = { path = "ROOT/one", content = "one\n", OWN }

[[step]]
name = "two"
confirm = true
after = ["one"]
file = { path = "ROOT/two", content = "two\n", OWN }

[[step]]
name = "other"
file = { path = "ROOT/other", content = "other\n", OWN }
"#;

const READ: &str = r#"
[[step]]
name    = "settings"
confirm = true
notify  = ["service"]
file    = { path = "/etc/one", content = "one\n" }

[[step]]
name    = "before"
command = { name = "before", run = "true", creates = "/before" }

[[step]]
name  = "service"
after = ["before"]
unit  = { name = "a", state = "started", on_change = "reload" }
"#;

/// Power that is cut between a confirmed change and its unit's reload would leave what
/// nobody tried.
#[test]
fn a_change_and_the_unit_that_reads_it_are_one_script() {
    let read = World::tiny(READ, None);
    for world in [&read, World::lab()] {
        let pairs = pairs(world);
        assert!(!pairs.is_empty());
        for seed in 1..16 {
            let sim = Sim::new(world, all(world), &BTreeMap::new(), seed).drive();
            for (change, unit) in &pairs {
                let steps = sim.log.iter().map(steps_of).find(|steps| steps.contains(change)).unwrap();
                assert!(steps.contains(unit), "{} goes without {}", world.id(*change), world.id(*unit));
            }
        }
    }
}

/// Changes that must be confirmed, each with the unit of its host that it notifies.
fn pairs(world: &World) -> Vec<(usize, usize)> {
    let all = || world.resources.iter().enumerate();
    let reads = |change: &Resource, other: &Resource| match &other.kind {
        Kind::Unit(unit) => {
            other.hosts == change.hosts && change.notifies.iter().any(|(name, _)| *name == unit.full_name())
        }
        _ => false,
    };
    all()
        .filter(|(_, change)| change.confirm)
        .flat_map(|(at, change)| {
            all().filter(move |(_, other)| reads(change, other)).map(move |(unit, _)| (at, unit))
        })
        .collect()
}

/// A host that lets nobody in for the first `times` fresh connections.
fn shut(lab: &mut Lab, name: &str, times: usize) {
    let left = Mutex::new(times);
    let dir = lab.path(name, "");
    let refuse = move |script: &str| {
        let mut left = left.lock().unwrap();
        if !script.contains("\nhac_confirm ") || *left == 0 {
            return None;
        }
        *left -= 1;
        Some(Output { status: 255, stderr: b"Connection refused".to_vec(), ..Output::default() })
    };
    lab.host(name, |_| on(Fake::new(name).on_script(refuse), dir));
}

#[tokio::test]
async fn a_change_that_a_fresh_connection_confirms_stays() {
    let mut lab = Lab::new(STEPS);
    shut(&mut lab, "n1", 2);
    let summary = lab.run().await.unwrap();
    assert_eq!((summary.changed, summary.failed.len()), (6, 0), "{summary:?}");
    let heard = lab.heard.0.lock().unwrap();
    let confirmed = |event: &&Event| matches!(event, Event::Note { text } if text.contains("so it stays"));
    assert_eq!(heard.iter().filter(confirmed).count(), 2);
    assert_eq!(lab.read("n1", "root/two").as_deref(), Some("two\n"));
}

#[tokio::test]
async fn a_host_that_lets_nobody_in_takes_it_back_and_others_are_left_alone() {
    let mut lab = Lab::new(STEPS);
    shut(&mut lab, "n1", 4);
    let summary = lab.run().await.unwrap();
    let both = ["n1/file:/hac-test-root/one", "n1/file:/hac-test-root/two"];
    assert_eq!(ids(&summary.failed), both, "{summary:?}");
    insta::assert_snapshot!(summary.failed[0].1, @"no fresh connection could be made within 2 s (Connection refused): n1 took the change back by itself and answers again");
    let mut skipped = ids(&summary.skipped);
    skipped.sort_unstable();
    let rest = ["n2/file:/hac-test-root/one", "n2/file:/hac-test-root/two"];
    assert_eq!(skipped, rest);
    assert!(summary.left.is_empty(), "{summary:?}");
    for host in ["n1", "n2"] {
        assert_eq!((lab.read(host, "root/one"), lab.read(host, "root/two")), (None, None));
        assert!(lab.read(host, "root/other").is_some());
    }
    assert_eq!(lab.plan().await.counts(), [4, 0, 0, 0]);
}
