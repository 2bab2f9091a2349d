//! Owns the rules about who may decide and who may lead.
//! Must not know addresses or ports.

use crate::inventory::Inventory;
use crate::problem::Problem;

pub(super) fn some_node(inventory: &Inventory) -> Vec<Problem> {
    if !inventory.node.is_empty() || inventory.is_written("node") {
        return Vec::new();
    }
    let message = "the file has no [[node]]; a cluster needs at least one machine";
    let help = "add [[node]] with name = \"node1\" and address = \"192.168.15.101\"";
    vec![inventory.problem("HAC-E014", "node", message).help(help)]
}

pub(super) fn single_host(inventory: &Inventory) -> Vec<Problem> {
    let votes = inventory.votes();
    if !inventory.cluster.ha || votes.hosts.len() != 1 {
        return Vec::new();
    }
    let host = &votes.hosts[0].host;
    let message = format!("{host} is the only host with a vote, so nothing takes over when it fails");
    let help = "add machines ([[node]], three are usual), or write ha = false in [cluster]";
    vec![inventory.problem("HAC-E040", "node", message).help(help)]
}

/// An even total survives no more than one vote less, and a NAS with half of
/// the votes is a single point of failure (knowledge/postgres.md 4.1).
pub(super) fn even_or_nas(inventory: &Inventory) -> Vec<Problem> {
    let votes = inventory.votes();
    let (total, quorum) = (votes.total(), votes.quorum());
    if votes.hosts.len() < 2 {
        return Vec::new();
    }
    let nas = votes.hosts.iter().find(|host| host.is_nas).map_or(0, |host| host.votes);
    let nodes = total - nas;
    let layout = votes.layout();
    let survives = match votes.tolerated() {
        losses if losses.is_empty() => "no loss at all".to_owned(),
        losses => losses.join(" or "),
    };
    let message = if nas > 0 && nas * 2 >= total {
        format!(
            "the NAS has {nas} of {total} votes ({layout}); without it {nodes} stay and {quorum} are needed"
        )
    } else if total.is_multiple_of(2) {
        format!(
            "{total} votes ({layout}) need {quorum} to decide: that survives {survives}, as one vote less would"
        )
    } else {
        return Vec::new();
    };
    let path = if nas > 0 { "truenas.etcd_members" } else { "node" };
    let better = (1..nodes).find(|nas| (nodes + nas) % 2 == 1 && nas * 2 < nodes + nas && nodes > 1);
    let help = match better {
        Some(members) if inventory.truenas.enabled.on() && nodes == 3 => {
            format!(
                "write etcd_members = {members} in [truenas]: {nodes} + {members} votes survive any 2 nodes, or the NAS"
            )
        }
        Some(members) if inventory.truenas.enabled.on() => {
            format!("write etcd_members = {members} in [truenas]")
        }
        _ if nodes > 3 => {
            "use an odd number of nodes, or write roles = [\"-etcd\"] at one of them".to_owned()
        }
        _ => "use an odd number of nodes; three is usual".to_owned(),
    };
    vec![inventory.problem("HAC-E042", path, message).help(help)]
}

/// Members beyond which every write waits for more disks than it is worth (etcd's own advice).
const MANY: u32 = 7;

pub(super) fn many(inventory: &Inventory) -> Vec<Problem> {
    let total = inventory.votes().total();
    if total <= MANY {
        return Vec::new();
    }
    let message = format!("{total} etcd members; more than {MANY} make every write slower and nothing safer");
    let help = "write roles = [\"-etcd\"] at nodes that need no vote";
    vec![inventory.problem("HAC-W042", "node", message).warning().help(help)]
}

pub(super) fn k3s_servers(inventory: &Inventory) -> Vec<Problem> {
    let servers = inventory.hosts().iter().filter(|host| host.has("k3s")).count();
    if !servers.is_multiple_of(2) || servers == 0 {
        return Vec::new();
    }
    let message = format!("{servers} K3s servers survive no more losses than {} do", servers - 1);
    let help = "use an odd number, or write roles = [\"-k3s\"] at one node";
    vec![inventory.problem("HAC-W044", "k3s", message).warning().help(help)]
}

pub(super) fn someone_may_lead(inventory: &Inventory) -> Vec<Problem> {
    let hosts = inventory.hosts();
    let members: Vec<_> = hosts.iter().filter(|host| host.has("patroni")).collect();
    if members.is_empty() || members.iter().any(|host| host.failover_priority > 0) {
        return Vec::new();
    }
    let path = format!("{}.failover_priority", members[0].path);
    let message = "every failover_priority is 0, so no host may lead PostgreSQL";
    vec![
        inventory
            .problem("HAC-E044", &path, message)
            .help("remove the line at the nodes; the default is 100"),
    ]
}
