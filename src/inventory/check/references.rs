//! Owns the rules about names that stand for something else in the file:
//! hosts, roles, components. Must not know what those do.

use crate::inventory::component::wants;
use crate::inventory::suggest::nearest;
use crate::inventory::{Inventory, all_roles};
use crate::problem::Problem;

pub(super) fn hosts(inventory: &Inventory) -> Vec<Problem> {
    let hosts = inventory.hosts();
    if hosts.iter().any(|host| host.name.is_empty()) {
        // A host's name is missing or wrong, and already reported.
        return Vec::new();
    }
    let single = [
        ("redis.host", inventory.redis.host.as_deref()),
        ("timescaledb.host", inventory.timescaledb.host.as_deref()),
        ("backup.host", inventory.backup.host.as_deref()),
    ];
    let mut named: Vec<(String, &str)> =
        single.into_iter().filter_map(|(path, host)| host.map(|host| (path.to_owned(), host))).collect();
    let answering = inventory.dns.hosts.iter().enumerate();
    named.extend(answering.map(|(index, host)| (format!("dns.hosts[{index}]"), &**host)));
    for (at, rule) in inventory.firewall.allow.iter().enumerate() {
        let open_on = rule.hosts.iter().enumerate();
        named.extend(open_on.map(|(index, host)| (format!("firewall.allow[{at}].hosts[{index}]"), &**host)));
    }
    let unknown = named
        .into_iter()
        .filter(|(path, name)| inventory.is_written(path) && !hosts.iter().any(|host| host.name == *name));
    let problem = |(path, name): (String, &str)| {
        let known = || hosts.iter().map(|host| host.name.as_str());
        let help = nearest(name, known()).map_or_else(
            || format!("hosts of this file: {}", known().take(8).collect::<Vec<_>>().join(", ")),
            |near| format!("did you mean \"{near}\"?"),
        );
        let message = format!("`{path}` is \"{name}\", which is no host of this file");
        inventory.problem("HAC-E043", &path, message).help(help)
    };
    unknown.map(problem).collect()
}

pub(super) fn roles(inventory: &Inventory) -> Vec<Problem> {
    let nodes =
        inventory.node.iter().enumerate().map(|(index, node)| (format!("node[{index}]"), &node.roles));
    let nas = inventory.truenas.enabled.on().then(|| ("truenas".to_owned(), &inventory.truenas.roles));
    let mut problems = Vec::new();
    for (host, changes) in nodes.chain(nas) {
        for (index, change) in changes.iter().enumerate() {
            let path = format!("{host}.roles[{index}]");
            let role = change.strip_prefix('-').unwrap_or(change);
            if !all_roles().any(|known| known == role) {
                let help = match nearest(role, all_roles()) {
                    Some(near) => format!("did you mean \"{near}\"?"),
                    None => format!("roles: {}", all_roles().collect::<Vec<_>>().join(", ")),
                };
                let message = format!("\"{role}\" is no role");
                problems.push(inventory.problem("HAC-E043", &path, message).help(help));
            } else if !change.starts_with('-') && !wants(inventory, role) {
                let message = format!("the role \"{role}\" is given, and the file does not ask for {role}");
                let help = format!("add the table [{role}], or remove the role");
                problems.push(inventory.problem("HAC-E043", &path, message).help(help));
            }
        }
    }
    problems
}

/// What needs what, and why.
const NEEDS: &[(&str, &str, &str)] = &[
    ("etcd", "postgres", "Patroni is the only one who uses this etcd"),
    ("backup", "postgres", "there is nothing else to back up"),
    ("metallb", "k3s", "it runs in Kubernetes"),
    ("ingress", "k3s", "it runs in Kubernetes"),
    ("ingress", "metallb", "its VIP is announced by MetalLB"),
    ("cloudflare", "k3s", "the tunnel runs in Kubernetes"),
    ("cloudflare", "ingress", "the tunnel ends there"),
];

pub(super) fn components(inventory: &Inventory) -> Vec<Problem> {
    let missing = NEEDS.iter().filter(|(one, other, _)| wants(inventory, one) && !wants(inventory, other));
    let problem = |(one, other, why): &(&str, &str, &str)| {
        let message = format!("[{one}] needs [{other}]: {why}");
        inventory
            .problem("HAC-E046", one, message)
            .help(format!("add the table [{other}], or remove [{one}]"))
    };
    let mut problems: Vec<Problem> = missing.map(problem).collect();
    let cluster_mode = inventory.timescaledb.mode == crate::inventory::TimescaleMode::Cluster;
    if wants(inventory, "timescaledb") && cluster_mode && !wants(inventory, "postgres") {
        let message = "[timescaledb] in mode \"cluster\" needs [postgres]: it is an extension there";
        problems.push(
            inventory
                .problem("HAC-E046", "timescaledb", message)
                .help("add [postgres], or write mode = \"separate\""),
        );
    }
    if wants(inventory, "ingress") && inventory.vip.ingress.is_none() && !inventory.is_written("vip.ingress")
    {
        let message = "[ingress] needs `vip.ingress`, the address HTTPS is served at";
        problems
            .push(inventory.problem("HAC-E046", "ingress", message).help("add ingress = \"...\" to [vip]"));
    }
    problems
}
