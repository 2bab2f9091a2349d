//! Owns the rules about jump hosts: a way must lead somewhere.
//! Must not know how a jump host is written.

use crate::inventory::{Host, Inventory, JumpHost};
use crate::problem::Problem;

/// Where the chain of a host is written, and how to write another for it alone.
fn written(inventory: &Inventory, host: &Host) -> (String, String) {
    let own = format!("{}.jump", host.path);
    let table = if host.is_nas { "[truenas]".to_owned() } else { format!("[[node]] {}", host.name) };
    let path = if inventory.is_written(&own) { own } else { "ssh.jump".to_owned() };
    (path, table)
}

fn is(host: &Host, jump: &JumpHost) -> bool {
    (host.address.to_string(), host.ssh_port) == (jump.host.clone(), jump.port)
}

/// A host that is reached through itself is never reached.
pub(super) fn through_itself(inventory: &Inventory) -> Vec<Problem> {
    let mut problems = Vec::new();
    for host in inventory.hosts() {
        let Some(at) = host.ssh_jump.iter().position(|jump| is(&host, jump)) else { continue };
        let (path, table) = written(inventory, &host);
        let message = format!("{} would be reached through itself: it is its own jump host", host.name);
        let help = format!("add jump = [] to {table}: it is reached directly");
        problems.push(inventory.problem("HAC-E048", &format!("{path}[{at}]"), message).help(help));
    }
    problems
}

pub(super) fn twice(inventory: &Inventory) -> Vec<Problem> {
    let mut problems: Vec<Problem> = Vec::new();
    for host in inventory.hosts() {
        let same = |one: &JumpHost, other: &JumpHost| (&one.host, one.port) == (&other.host, other.port);
        let chain = &host.ssh_jump;
        let again = (1..chain.len()).find(|at| chain[..*at].iter().any(|jump| same(jump, &chain[*at])));
        let Some(at) = again else { continue };
        let (path, _) = written(inventory, &host);
        let message = format!("the way to {} passes {} twice", host.name, chain[at]);
        let problem = inventory.problem("HAC-E048", &format!("{path}[{at}]"), message);
        // A chain of [ssh] is that of many hosts: once is enough.
        if !problems.iter().any(|known| known.place().span == problem.place().span) {
            problems.push(problem.help("name each jump host once, the nearest first"));
        }
    }
    problems
}
