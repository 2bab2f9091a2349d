//! Owns a host as templates and playbooks see it, with its etcd members.
//! Must not know why it has its roles.

use std::net::Ipv4Addr;

use serde::Serialize;

use super::jump::JumpHost;
use super::model::{Platform, Tables};
use super::ports::member_port;
use super::roles::{Seat, roles};

/// A member of Patroni's etcd. URLs carry the host's address, never a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EtcdMember {
    pub name: String,
    pub client_url: String,
    pub peer_url: String,
    pub metrics_url: String,
    pub client_port: u16,
    pub peer_port: u16,
    pub metrics_port: u16,
}

/// A machine with everything templates and playbooks ask about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Host {
    pub name: String,
    pub address: Ipv4Addr,
    pub roles: Vec<&'static str>,
    pub etcd_members: Vec<EtcdMember>,
    pub is_nas: bool,
    pub platform: &'static str,
    pub failover_priority: u8,
    /// Position in the inventory, from 0; the NAS comes last.
    pub index: usize,
    pub ssh_user: String,
    pub ssh_port: u16,
    pub ssh_jump: Vec<JumpHost>,
    pub interface: Option<String>,
    /// Its table in the file, for `Inventory::place_of`: `node[0]` or `truenas`.
    pub path: String,
}

impl Host {
    pub fn has(&self, role: &str) -> bool {
        self.roles.contains(&role)
    }
}

/// All hosts: nodes as they stand in the file, then the NAS.
pub fn hosts(tables: &Tables) -> Vec<Host> {
    let mut hosts: Vec<Host> = (0..tables.node.len()).map(|index| node(tables, index)).collect();
    if tables.truenas.enabled.on() {
        hosts.push(nas(tables, hosts.len()));
    }
    hosts
}

fn node(tables: &Tables, index: usize) -> Host {
    let node = &tables.node[index];
    let roles = roles(tables, &Seat { name: &node.name, is_nas: false }, &node.roles);
    let votes = u32::from(roles.contains(&"etcd"));
    Host {
        name: node.name.to_string(),
        address: node.address,
        etcd_members: members(tables, &node.name, node.address, votes, false),
        roles,
        is_nas: false,
        platform: Platform::Debian.as_str(),
        failover_priority: node.failover_priority,
        index,
        ssh_user: node.user.as_ref().unwrap_or(&tables.ssh.user).to_string(),
        ssh_port: node.port.unwrap_or(tables.ssh.port),
        ssh_jump: node.jump.as_ref().unwrap_or(&tables.ssh.jump).clone(),
        interface: interface(tables, node.interface.as_deref()),
        path: format!("node[{index}]"),
    }
}

fn nas(tables: &Tables, index: usize) -> Host {
    let nas = &tables.truenas;
    let roles = roles(tables, &Seat { name: &nas.name, is_nas: true }, &nas.roles);
    let votes = if roles.contains(&"etcd") { nas.etcd_members } else { 0 };
    // On TrueNAS SCALE members run as apps: no playbook for Debian may touch it.
    let roles = if nas.platform == Platform::Scale { vec!["truenas"] } else { roles };
    Host {
        name: nas.name.to_string(),
        address: nas.address,
        etcd_members: members(tables, &nas.name, nas.address, votes, true),
        roles,
        is_nas: true,
        platform: nas.platform.as_str(),
        failover_priority: nas.failover_priority,
        index,
        ssh_user: nas.user.as_ref().unwrap_or(&tables.ssh.user).to_string(),
        ssh_port: nas.port.unwrap_or(tables.ssh.port),
        ssh_jump: nas.jump.as_ref().unwrap_or(&tables.ssh.jump).clone(),
        interface: interface(tables, nas.interface.as_deref()),
        path: "truenas".to_owned(),
    }
}

fn interface(tables: &Tables, own: Option<&str>) -> Option<String> {
    own.or(tables.network.interface.as_deref()).map(str::to_owned)
}

/// Most members one host is given names for: a to z.
const LETTERS: std::ops::RangeInclusive<char> = 'a'..='z';

/// `lettered` even where there is one: another may come and go, and the first
/// keeps its name and its data.
fn members(tables: &Tables, host: &str, address: Ipv4Addr, count: u32, lettered: bool) -> Vec<EtcdMember> {
    let etcd = &tables.etcd;
    (0u16..)
        .zip(LETTERS)
        .zip(0..count)
        .map(|((at, letter), _)| {
            let [client_port, peer_port, metrics_port] =
                [etcd.client_port, etcd.peer_port, etcd.metrics_port].map(|base| member_port(base, at));
            EtcdMember {
                name: if lettered { format!("{host}-{letter}") } else { host.to_owned() },
                client_url: format!("https://{address}:{client_port}"),
                peer_url: format!("https://{address}:{peer_port}"),
                metrics_url: format!("http://{address}:{metrics_port}"),
                client_port,
                peer_port,
                metrics_port,
            }
        })
        .collect()
}
