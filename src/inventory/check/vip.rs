//! Owns the rules about the addresses that move between hosts.
//! Must not know pools.

use std::net::Ipv4Addr;

use crate::inventory::Inventory;
use crate::problem::Problem;

use super::free::{lan_is_wrong, machines, next};

fn vips(inventory: &Inventory) -> Vec<(&'static str, Ipv4Addr)> {
    let vip = &inventory.vip;
    let vips = [("vip.database", vip.database), ("vip.ingress", vip.ingress)];
    vips.into_iter().filter_map(|(path, address)| address.map(|address| (path, address))).collect()
}

pub(super) fn database_is_set(inventory: &Inventory) -> Vec<Problem> {
    let needed = inventory.postgres.enabled.on() && inventory.cluster.ha;
    if !needed || inventory.vip.database.is_some() || inventory.is_written("vip.database") {
        return Vec::new();
    }
    let path = if inventory.is_written("vip") { "vip" } else { "postgres" };
    let message = "[vip] has no `database`: PostgreSQL needs an address that follows its leader";
    let near = Ipv4Addr::from(u32::from(inventory.network.subnet.network()).saturating_add(200));
    let help = format!("add database = \"...\" to [vip]; {}", next(inventory, near));
    vec![inventory.problem("HAC-E014", path, message).help(help)]
}

pub(super) fn on_a_host(inventory: &Inventory) -> Vec<Problem> {
    let machines = machines(inventory);
    let mut problems = Vec::new();
    for (path, vip) in vips(inventory) {
        let Some(machine) = machines.iter().find(|machine| machine.address == vip) else { continue };
        let message = format!("VIP {vip} is already the address of {}", machine.what);
        let problem = inventory.problem("HAC-E021", path, message);
        let problem = problem.says(format!("pick a free address in {}", inventory.network.subnet));
        let note = format!("{} uses it here", machine.what);
        problems.push(problem.also(inventory.span(&machine.path), note).help(next(inventory, vip)));
    }
    problems
}

pub(super) fn two_are_one(inventory: &Inventory) -> Vec<Problem> {
    let (Some(database), Some(ingress)) = (inventory.vip.database, inventory.vip.ingress) else {
        return Vec::new();
    };
    if database != ingress {
        return Vec::new();
    }
    let message = format!("database VIP and ingress VIP are both {database}; they move separately");
    let problem = inventory.problem("HAC-E023", "vip.ingress", message);
    vec![problem.also(inventory.span("vip.database"), "the database VIP").help(next(inventory, database))]
}

pub(super) fn in_subnet(inventory: &Inventory) -> Vec<Problem> {
    let subnet = inventory.network.subnet;
    let mut problems = Vec::new();
    if lan_is_wrong(inventory) {
        return problems;
    }
    for (path, vip) in vips(inventory) {
        let what = if !subnet.contains(vip) {
            format!("outside the LAN {subnet}, where no host answers for it")
        } else if vip == subnet.network() {
            format!("the network address of {subnet}")
        } else if vip == subnet.broadcast() {
            format!("the broadcast address of {subnet}")
        } else if Some(vip) == inventory.network.gateway {
            "the gateway's address".to_owned()
        } else {
            continue;
        };
        let problem = inventory.problem("HAC-E022", path, format!("VIP {vip} is {what}"));
        let other = if what.starts_with("the gateway") { "network.gateway" } else { "network.subnet" };
        problems.push(problem.also(inventory.span(other), "declared here").help(next(inventory, vip)));
    }
    problems
}

pub(super) fn in_dhcp_range(inventory: &Inventory) -> Vec<Problem> {
    let Some(range) = inventory.network.dhcp_range else { return Vec::new() };
    let inside = vips(inventory).into_iter().filter(|(_, vip)| range.contains(*vip));
    let problem = |(path, vip): (&str, Ipv4Addr)| {
        let message = format!("VIP {vip} is in the DHCP range {range}; another machine may get it");
        let problem = inventory.problem("HAC-E025", path, message);
        problem.also(inventory.span("network.dhcp_range"), "the DHCP range").help(next(inventory, vip))
    };
    inside.map(problem).collect()
}

pub(super) fn router_id(inventory: &Inventory) -> Vec<Problem> {
    let Some(id) = inventory.vip.router_id else { return Vec::new() };
    if (1..=255).contains(&id) {
        return Vec::new();
    }
    let message = if inventory.is_written("vip.router_id") {
        format!("`vip.router_id` is {id}; VRRP has the ids 1 to 255")
    } else {
        format!("the last octet of the database VIP is {id}, which is no VRRP id (1 to 255)")
    };
    let help = "write router_id = 51, or another number that no other VRRP on this LAN has";
    vec![inventory.problem("HAC-E045", "vip.router_id", message).help(help)]
}
