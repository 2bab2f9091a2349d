//! Owns which ports a host's services listen on, and from which networks they are
//! reached: the map of ports with an inventory's values. Must not know firewalls.

use std::collections::BTreeMap;

use serde::Serialize;

use super::address::Cidr;
use super::host::Host;
use super::model::Tables;
use super::port_map::{Number, PORT_MAP, Row, Who};
use super::roles::plays;

/// A port that a service of a host listens on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Port {
    /// Its row in the map.
    pub name: &'static str,
    pub number: u16,
    /// `tcp`, `udp`, or `vrrp`, a protocol without ports whose number this is.
    pub protocol: &'static str,
    /// What listens, in words.
    pub service: String,
    /// The key that sets it; a port that cannot be set has the key of its component.
    #[serde(skip)]
    pub path: String,
    /// Whether the key sets it.
    #[serde(skip)]
    pub settable: bool,
}

/// All ports of a host.
pub fn ports(tables: &Tables, host: &Host) -> Vec<Port> {
    let rows = PORT_MAP.iter().filter(|row| plays(tables, host, row.on));
    rows.flat_map(|row| row_on(tables, host, row)).collect()
}

fn row_on(tables: &Tables, host: &Host, row: &Row) -> Vec<Port> {
    let port = |number: u16, service: String| {
        let path = match row.number {
            Number::Ssh => format!("{}.port", host.path),
            _ => row.key().unwrap_or(row.on).to_owned(),
        };
        Port { name: row.name, number, protocol: row.protocol, service, path, settable: row.key().is_some() }
    };
    match row.number {
        Number::Ssh => vec![port(host.ssh_port, row.service.to_owned())],
        Number::Member(_, of) => {
            let members = (0u16..).zip(&host.etcd_members);
            let service = |name: &str| match host.etcd_members.len() {
                1 => row.service.to_owned(),
                _ => format!("{} of etcd member {name}", row.service.trim_start_matches("etcd's ")),
            };
            members.map(|(at, member)| port(member_port(of(tables), at), service(&member.name))).collect()
        }
        Number::Fixed(_) | Number::Key(..) => {
            row.number(tables).map(|number| port(number, row.service.to_owned())).into_iter().collect()
        }
    }
}

/// Ten apart, so that a host's members never meet; checks refuse ports that would wrap.
pub(super) fn member_port(base: u16, at: u16) -> u16 {
    base.saturating_add(at * 10)
}

/// By row of the map, the networks that may reach it; none for what only its host may.
pub(super) fn reach(tables: &Tables, hosts: &[Host]) -> BTreeMap<&'static str, Vec<String>> {
    let of = |row: &Row| -> Vec<String> {
        let mut all: Vec<String> = row.from.iter().flat_map(|who| networks(tables, hosts, *who)).collect();
        all.sort();
        all.dedup();
        all
    };
    PORT_MAP.iter().map(|row| (row.name, of(row))).collect()
}

fn networks(tables: &Tables, hosts: &[Host], who: Who) -> Vec<String> {
    let text = |networks: &[Cidr]| networks.iter().map(Cidr::to_string).collect();
    match who {
        Who::Role(role) => {
            let peers = hosts.iter().filter(|host| plays(tables, host, role));
            peers.map(|host| host.address.to_string()).collect()
        }
        Who::Operators => text(&tables.firewall.ssh_from),
        Who::Clients => {
            let rules = tables.postgres.hba.iter().filter(|rule| &*rule.method != "reject");
            text(
                &rules
                    .filter_map(|rule| rule.address)
                    .chain(tables.postgres.allow.clone())
                    .collect::<Vec<_>>(),
            )
        }
        Who::Lan => text(&[tables.network.subnet]),
        Who::Pods => text(&[tables.k3s.pod_cidr]),
    }
}
