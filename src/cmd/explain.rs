//! Owns `explain`: what follows from the inventory, by arithmetic alone.
//! Must not contact a host.

use super::unlock::Vault;
use super::world::World;
use crate::cli::{ExplainArgs, Globals, Topic};
use crate::error::{Exit, Failure};
use crate::inventory::{Host, Votes};
use crate::report::faults::{Faults, Row};
use crate::report::ui::Ui;

pub(super) fn run(ui: &Ui, globals: &Globals, args: &ExplainArgs) -> Result<Exit, Failure> {
    let world = World::load(globals, Vault::Shut)?;
    let Topic::Faults = args.topic;
    let faults = faults(&world);
    for line in faults.json() {
        ui.json(&line)?;
    }
    ui.say(&faults.text(ui.paint()))?;
    Ok(Exit::Clean)
}

fn faults(world: &World) -> Faults {
    let votes = world.inventory.votes();
    let postgres = &world.inventory.postgres;
    let timing = postgres.preset.timing();
    Faults {
        cluster: world.name().to_owned(),
        layout: votes.layout(),
        quorum: votes.quorum(),
        total: votes.total(),
        margin: votes.margin(),
        rows: rows(&votes, &world.hosts),
        ttl: postgres.ttl.unwrap_or(timing.ttl).into(),
        loop_wait: postgres.loop_wait.unwrap_or(timing.loop_wait).into(),
    }
}

/// Every number of nodes, without and with the NAS. Nodes are alike, so the
/// ones that stand first in the file are counted for all of them; the best of
/// the others leads.
fn rows(votes: &Votes, hosts: &[Host]) -> Vec<Row> {
    let nodes: Vec<&Host> = hosts.iter().filter(|host| !host.is_nas).collect();
    let nas = hosts.iter().find(|host| host.is_nas);
    let with_nas: &[bool] = if nas.is_some() { &[false, true] } else { &[false] };
    let mut rows = Vec::new();
    for lost_nas in with_nas {
        for count in 0..=nodes.len() {
            let lost: Vec<&str> = nodes[..count]
                .iter()
                .copied()
                .chain(nas.filter(|_| *lost_nas))
                .map(|host| host.name.as_str())
                .collect();
            if lost.is_empty() || lost.len() == hosts.len() {
                continue;
            }
            let leads = |host: &&Host| {
                let serves = host.has("patroni") || host.has("truenas");
                serves && host.failover_priority > 0 && !lost.contains(&host.name.as_str())
            };
            rows.push(Row {
                lost: name(count, nodes.len(), nas.filter(|_| *lost_nas)),
                left: votes.without(&lost),
                decides: votes.survives(&lost),
                candidates: hosts.iter().filter(leads).count(),
            });
        }
    }
    rows
}

fn name(count: usize, all: usize, nas: Option<&Host>) -> String {
    let nodes = match count {
        0 => None,
        count if count == all && all > 1 => Some(format!("all {count} nodes")),
        1 => Some("any 1 node".to_owned()),
        count => Some(format!("any {count} nodes")),
    };
    let parts: Vec<String> = nodes.into_iter().chain(nas.map(|nas| nas.name.clone())).collect();
    parts.join(" and ")
}
