//! Owns the rules about ranges: MetalLB pools, DHCP, and the networks of K3s.
//! Must not know what is served at an address.

use std::net::Ipv4Addr;

use crate::inventory::{AddressRange, Inventory};
use crate::problem::Problem;

use super::free::{lan_is_wrong, machines};

fn pools(inventory: &Inventory) -> Vec<(String, AddressRange)> {
    if !inventory.metallb.enabled.on() {
        return Vec::new();
    }
    let numbered = inventory.metallb.pool.iter().enumerate();
    numbered.map(|(index, range)| (format!("metallb.pool[{index}]"), *range)).collect()
}

pub(super) fn holds_a_host(inventory: &Inventory) -> Vec<Problem> {
    let mut taken: Vec<(Ipv4Addr, String, String)> = machines(inventory)
        .into_iter()
        .map(|machine| (machine.address, machine.path, machine.what))
        .collect();
    let others = [
        ("network.gateway", "the gateway", inventory.network.gateway),
        ("vip.database", "the database VIP", inventory.vip.database),
    ];
    for (path, what, address) in others {
        taken.extend(address.map(|address| (address, path.to_owned(), what.to_owned())));
    }
    let mut problems = Vec::new();
    for (path, pool) in pools(inventory) {
        for (address, other, what) in taken.iter().filter(|(address, ..)| pool.contains(*address)) {
            let message = format!("the MetalLB pool {pool} holds {address}, the address of {what}");
            let problem = inventory.problem("HAC-E024", &path, message);
            let help = "MetalLB would hand it to a service; leave it out of the pool";
            problems.push(problem.also(inventory.span(other), what.clone()).help(help));
        }
    }
    problems
}

pub(super) fn in_dhcp_range(inventory: &Inventory) -> Vec<Problem> {
    let Some(range) = inventory.network.dhcp_range else { return Vec::new() };
    let mut problems = Vec::new();
    for (path, pool) in pools(inventory) {
        // A pool that only follows the ingress VIP is reported there.
        let Some(both) = pool.overlap(range).filter(|_| inventory.is_written(&path)) else { continue };
        let count = both.count();
        let message = format!("the MetalLB pool {pool} and the DHCP range {range} share {both} ({count})");
        let problem = inventory.problem("HAC-E025", &path, message);
        let help = "shorten one of the two, so that no address is given twice";
        problems.push(problem.also(inventory.span("network.dhcp_range"), "the DHCP range").help(help));
    }
    problems
}

pub(super) fn in_subnet(inventory: &Inventory) -> Vec<Problem> {
    let subnet = inventory.network.subnet;
    let outside = |range: AddressRange| !(subnet.contains(range.first) && subnet.contains(range.last));
    let mut problems = Vec::new();
    if lan_is_wrong(inventory) {
        return problems;
    }
    for (path, pool) in
        pools(inventory).into_iter().filter(|(path, pool)| inventory.is_written(path) && outside(*pool))
    {
        let message = format!("the MetalLB pool {pool} is not inside the LAN {subnet}");
        let problem =
            inventory.problem("HAC-E022", &path, message).also(inventory.span("network.subnet"), "the LAN");
        problems.push(problem.help("MetalLB announces addresses by ARP, which stays on the LAN"));
    }
    if let Some(range) = inventory.network.dhcp_range.filter(|range| outside(*range)) {
        let message = format!("the DHCP range {range} is not inside the LAN {subnet}");
        let problem = inventory.problem("HAC-E022", "network.dhcp_range", message);
        let problem = problem.also(inventory.span("network.subnet"), "the LAN");
        problems.push(problem.help("write the range that the DHCP server of this LAN hands out"));
    }
    problems
}

pub(super) fn holds_the_vip(inventory: &Inventory) -> Vec<Problem> {
    let Some(vip) = inventory.vip.ingress.filter(|_| inventory.metallb.enabled.on()) else {
        return Vec::new();
    };
    let pools = pools(inventory);
    if pools.iter().any(|(_, pool)| pool.contains(vip)) {
        return Vec::new();
    }
    let shown: Vec<String> = pools.iter().map(|(_, pool)| pool.to_string()).collect();
    let message = format!("no MetalLB pool ({}) holds the ingress VIP {vip}", shown.join(", "));
    let problem = inventory.problem("HAC-E027", "metallb.pool", message);
    vec![
        problem
            .also(inventory.span("vip.ingress"), "the ingress VIP")
            .help(format!("add \"{vip}\" to the pool")),
    ]
}

pub(super) fn cluster_networks(inventory: &Inventory) -> Vec<Problem> {
    if !inventory.k3s.enabled.on() {
        return Vec::new();
    }
    let origin = |path: &str| if inventory.is_written(path) { "" } else { " (the default)" };
    let networks = [
        ("network.subnet", "the LAN", inventory.network.subnet),
        ("k3s.pod_cidr", "the pod network", inventory.k3s.pod_cidr),
        ("k3s.service_cidr", "the service network", inventory.k3s.service_cidr),
    ];
    let mut problems = Vec::new();
    for (at, (path, what, cidr)) in networks.iter().enumerate() {
        for (other_path, other, earlier) in &networks[..at] {
            if cidr.range().overlap(earlier.range()).is_none() {
                continue;
            }
            let message =
                format!("{what} {cidr}{} overlaps {other} {earlier}{}", origin(path), origin(other_path));
            let problem = inventory.problem("HAC-E028", path, message);
            let key = path.trim_start_matches("k3s.");
            let free = if *path == "k3s.pod_cidr" { "10.52.0.0/16" } else { "10.53.0.0/16" };
            let problem = problem.also(inventory.span(other_path), other.to_owned());
            problems
                .push(problem.help(format!("write {key} = \"{free}\" in [k3s], or another private network")));
        }
    }
    problems
}
