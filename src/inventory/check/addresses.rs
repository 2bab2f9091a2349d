//! Owns the rules about the addresses of machines.
//! Must not know VIPs and pools.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use crate::inventory::{Cidr, Inventory};
use crate::problem::Problem;

use super::free::{lan_is_wrong, machines, next};

/// An address that a machine on a LAN cannot have, and why.
fn unusable(address: Ipv4Addr) -> Option<&'static str> {
    match address {
        a if a.is_loopback() => Some("loopback: it means the machine itself, on every machine"),
        a if a.is_unspecified() => Some("the address of nobody"),
        a if a.is_link_local() => Some("link-local: a machine gives it to itself when DHCP failed"),
        a if a.is_multicast() => Some("multicast: it names a group, no machine"),
        a if a.is_broadcast() || a.octets()[0] >= 240 => Some("reserved"),
        a if a.octets()[0] == 0 => Some("in 0.0.0.0/8, which is not routed"),
        _ => None,
    }
}

pub(super) fn usable(inventory: &Inventory) -> Vec<Problem> {
    let problem = |machine: super::free::Static| {
        let why = unusable(machine.address)?;
        let message = format!("{} of {} is {why}", machine.address, machine.what);
        let help = format!("write its address on the LAN, {}", inventory.network.subnet);
        Some(inventory.problem("HAC-E029", &machine.path, message).help(help))
    };
    machines(inventory).into_iter().filter_map(problem).collect()
}

pub(super) fn duplicates(inventory: &Inventory) -> Vec<Problem> {
    let mut seen = BTreeMap::new();
    let mut problems = Vec::new();
    let mut machines = machines(inventory);
    machines.sort_by_key(|machine| inventory.span(&machine.path).start);
    for machine in machines {
        let (address, path, what) = (machine.address, machine.path.clone(), machine.what.clone());
        if Some(address) == inventory.network.gateway {
            let message = format!("{address} of {what} is the gateway's address");
            let problem = inventory.problem("HAC-E020", &path, message).help(next(inventory, address));
            problems.push(problem.also(inventory.span("network.gateway"), "the gateway"));
        }
        let Some(first): Option<super::free::Static> = seen.insert(address, machine) else { continue };
        let message = format!("{address} of {what} is already the address of {}", first.what);
        let problem = inventory.problem("HAC-E020", &path, message).says("pick another one");
        let note = format!("{} uses it here", first.what);
        problems.push(problem.also(inventory.span(&first.path), note).help(next(inventory, address)));
    }
    problems
}

pub(super) fn lan(inventory: &Inventory) -> Vec<Problem> {
    let Some(first) = machines(inventory).into_iter().next().filter(|_| lan_is_wrong(inventory)) else {
        return Vec::new();
    };
    let subnet = inventory.network.subnet;
    let meant = Cidr::new(first.address, subnet.prefix().clamp(8, 30));
    let message = format!("no host is in the LAN {subnet}");
    let problem = inventory.problem("HAC-E022", "network.subnet", message);
    let problem = problem.also(inventory.span(&first.path), first.what);
    vec![problem.help(format!("write subnet = \"{meant}\", the network of the hosts"))]
}

pub(super) fn in_subnet(inventory: &Inventory) -> Vec<Problem> {
    let subnet = inventory.network.subnet;
    if lan_is_wrong(inventory) {
        return Vec::new();
    }
    let mut problems = Vec::new();
    for machine in machines(inventory).into_iter().filter(|machine| unusable(machine.address).is_none()) {
        let address = machine.address;
        let message = if !subnet.contains(address) {
            format!("{address} of {} is outside the LAN {subnet}", machine.what)
        } else if address == subnet.network() || address == subnet.broadcast() {
            let kind = if address == subnet.network() { "network" } else { "broadcast" };
            format!("{address} of {} is the {kind} address of {subnet}", machine.what)
        } else {
            continue;
        };
        let problem = inventory.problem("HAC-E022", &machine.path, message);
        let problem = problem.also(inventory.span("network.subnet"), "the LAN");
        let help = "VIPs move by ARP, so all hosts share one LAN (layer 2)";
        problems.push(problem.help(format!("{help}; {}", next(inventory, address))));
    }
    if let Some(gateway) = inventory.network.gateway.filter(|gateway| !subnet.contains(*gateway)) {
        let message = format!("the gateway {gateway} is outside the LAN {subnet}");
        let problem = inventory.problem("HAC-E022", "network.gateway", message);
        let first = Ipv4Addr::from(u32::from(subnet.network()).saturating_add(1));
        let problem = problem.also(inventory.span("network.subnet"), "the LAN");
        problems.push(problem.help(format!("it is often {first}; `ip route` on a host shows it")));
    }
    problems
}

pub(super) fn in_dhcp_range(inventory: &Inventory) -> Vec<Problem> {
    let Some(range) = inventory.network.dhcp_range else { return Vec::new() };
    let inside = machines(inventory).into_iter().filter(|machine| range.contains(machine.address));
    let problem = |machine: super::free::Static| {
        let message = format!("{} of {} is in the DHCP range {range}", machine.address, machine.what);
        let problem = inventory.problem("HAC-W025", &machine.path, message).warning();
        let help = "reserve it in the DHCP server, or the server may hand it to another machine";
        problem.also(inventory.span("network.dhcp_range"), "the DHCP range").help(help)
    };
    inside.map(problem).collect()
}
