//! Owns the addresses that are taken, and the next one that is not.
//! Must not know why somebody asks.

use std::net::Ipv4Addr;

use crate::inventory::Inventory;

/// An address of one machine, and the key that sets it.
pub(super) struct Static {
    pub(super) address: Ipv4Addr,
    pub(super) path: String,
    /// `node "node1"`, `the NAS "nas"`.
    pub(super) what: String,
}

/// The addresses of nodes and NAS.
pub(super) fn machines(inventory: &Inventory) -> Vec<Static> {
    let node = |(index, node): (usize, &crate::inventory::Node)| Static {
        address: node.address,
        path: format!("node[{index}].address"),
        what: format!("node \"{}\"", node.name),
    };
    let mut machines: Vec<Static> = inventory.node.iter().enumerate().map(node).collect();
    let nas = &inventory.truenas;
    if nas.enabled.on() {
        let what = format!("the NAS \"{}\"", nas.name);
        machines.push(Static { address: nas.address, path: "truenas.address".to_owned(), what });
    }
    machines
}

/// No machine is in the LAN: then the LAN is what is wrong, and one problem says so.
pub(super) fn lan_is_wrong(inventory: &Inventory) -> bool {
    let machines = machines(inventory);
    let subnet = inventory.network.subnet;
    !machines.is_empty() && !machines.iter().any(|machine| subnet.contains(machine.address))
}

/// Longest search, so that a /8 costs no more than a /20.
const TRIES: usize = 4096;

/// "the next free address is ...", counted from `near` through the LAN and around.
pub(super) fn next(inventory: &Inventory, near: Ipv4Addr) -> String {
    let lan = inventory.network.subnet.range();
    let machines: Vec<Ipv4Addr> = machines(inventory).iter().map(|machine| machine.address).collect();
    // Also an address in a broken line is taken.
    let lines = inventory.source.text.lines();
    let written: Vec<&str> = lines.filter(|line| !line.starts_with('#') && line.contains('.')).collect();
    let taken = |address: Ipv4Addr| {
        let vip = &inventory.vip;
        let single = [vip.database, vip.ingress, inventory.network.gateway];
        address == lan.first
            || address == lan.last
            || u32::from(address) == u32::from(lan.first) + 1
            || single.contains(&Some(address))
            || machines.contains(&address)
            || inventory.network.dhcp_range.is_some_and(|range| range.contains(address))
            || inventory.metallb.pool.iter().any(|range| range.contains(address))
            || written.iter().any(|line| line.contains(&address.to_string()))
    };
    let start = if lan.contains(near) { u32::from(near) } else { u32::from(lan.first) };
    let after = (start..=u32::from(lan.last)).chain(u32::from(lan.first)..start);
    match after.take(TRIES).map(Ipv4Addr::from).find(|address| !taken(*address)) {
        Some(free) => format!("the next free address is {free}"),
        None => format!("{} has no free address left", inventory.network.subnet),
    }
}
