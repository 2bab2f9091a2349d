//! Owns the rule that a port of a host belongs to one service.
//! Must not know which services there are.

use std::collections::BTreeMap;

use crate::inventory::Inventory;
use crate::inventory::ports::{Port, ports};
use crate::problem::Problem;

/// Two services on one port, with the hosts where they meet.
type Clashes = BTreeMap<(String, String, u16), (Port, Port, Vec<String>)>;

pub(super) fn clashes(inventory: &Inventory) -> Vec<Problem> {
    let mut clashes = Clashes::new();
    for host in inventory.hosts() {
        let mut seen: BTreeMap<(u16, &str), Port> = BTreeMap::new();
        for port in ports(inventory, &host) {
            let key = (port.number, port.protocol);
            let Some(first) = seen.get(&key) else {
                seen.insert(key, port);
                continue;
            };
            let pair = (general(&first.path), general(&port.path), port.number);
            let clash = clashes.entry(pair).or_insert_with(|| (first.clone(), port.clone(), Vec::new()));
            clash.2.push(host.name.clone());
        }
    }
    clashes.into_values().map(|(one, other, hosts)| problem(inventory, one, other, &hosts)).collect()
}

/// `node[3].port` and `node[4].port` are the same reason.
fn general(path: &str) -> String {
    path.split('[').next().unwrap_or(path).to_owned()
}

fn problem(inventory: &Inventory, one: Port, other: Port, hosts: &[String]) -> Problem {
    // The key to change is the one the file sets, and the later one if it sets both.
    let rank =
        |port: &Port| (port.settable, inventory.is_written(&port.path), inventory.span(&port.path).start);
    let (blamed, kept) = if rank(&one) > rank(&other) { (one, other) } else { (other, one) };
    let Port { number, service, path, .. } = &blamed;
    let shown = hosts.iter().take(3).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = match hosts.len().saturating_sub(3) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let message = format!("port {number} ({service}) is already taken by {} on {shown}{more}", kept.service);
    let free = free(inventory, *number, path);
    let fixed = if kept.settable { "" } else { ", which no option moves" };
    let key = path.rsplit('.').next().unwrap_or(path);
    let problem = inventory.problem("HAC-E049", path, message).help(format!("write {key} = {free}"));
    match inventory.place_of(&kept.path) {
        Some(place) => problem.also(place.span, format!("{}{fixed}", kept.service)),
        None => problem,
    }
}

/// A port that no host uses: a hundred further is what people choose.
fn free(inventory: &Inventory, number: u16, path: &str) -> u16 {
    let taken: Vec<u16> = inventory
        .hosts()
        .iter()
        .flat_map(|host| ports(inventory, host))
        .filter(|port| port.path != path)
        .map(|port| port.number)
        .collect();
    // The NAS's second member takes ten more.
    let fits = |port: &u16| !taken.contains(port) && !taken.contains(&(port + 10));
    (1u16..100)
        .filter_map(|step| number.checked_add(step * 100).filter(|port| *port < 65_000))
        .find(fits)
        .unwrap_or(number)
}

pub(super) fn members_wrap(inventory: &Inventory) -> Vec<Problem> {
    let most = inventory.hosts().iter().map(|host| host.etcd_members.len()).max().unwrap_or(0);
    let further = u16::try_from(most.saturating_sub(1) * 10).unwrap_or(u16::MAX);
    let etcd = &inventory.etcd;
    let keys = [
        ("etcd.client_port", etcd.client_port),
        ("etcd.peer_port", etcd.peer_port),
        ("etcd.metrics_port", etcd.metrics_port),
    ];
    let over = keys.into_iter().filter(|(_, port)| port.checked_add(further).is_none());
    let problem = |(path, port): (&str, u16)| {
        let message = format!("`{path}` is {port}; {most} members of one host, ten apart, end above 65535");
        inventory.problem("HAC-E049", path, message).help("write a port below 65000")
    };
    over.map(problem).collect()
}
