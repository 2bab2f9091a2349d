//! Owns which ports a host's services listen on: for clashes, firewall, drills.
//! Must not know who may connect to them.

use serde::Serialize;

use super::database::TimescaleMode;
use super::host::Host;
use super::model::Tables;

/// A port that a service of a host listens on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Port {
    pub number: u16,
    pub udp: bool,
    /// What listens, in words.
    pub service: String,
    /// The key that sets it; a port that cannot be set has the key of its component.
    pub path: String,
    /// Whether the key sets it.
    pub settable: bool,
}

/// Ports that K3s takes on its servers and no option moves: its own etcd,
/// kubelet, flannel (knowledge/k3s.md 15).
const K3S: [(u16, bool, &str); 6] = [
    (2379, false, "K3s's etcd"),
    (2380, false, "K3s's etcd"),
    (2381, false, "K3s's etcd"),
    (2382, false, "K3s's etcd"),
    (10250, false, "kubelet"),
    (8472, true, "flannel"),
];

/// All ports of a host.
pub fn ports(tables: &Tables, host: &Host) -> Vec<Port> {
    let ssh = format!("{}.port", host.path);
    let mut ports = vec![port(host.ssh_port, "sshd", &ssh)];
    for member in &host.etcd_members {
        let of = |what: &str| match host.etcd_members.len() {
            1 => format!("etcd's {what}"),
            _ => format!("{what} of etcd member {}", member.name),
        };
        ports.push(port(member.client_port, of("clients"), "etcd.client_port"));
        ports.push(port(member.peer_port, of("peers"), "etcd.peer_port"));
        ports.push(port(member.metrics_port, of("metrics"), "etcd.metrics_port"));
    }
    let app = tables.postgres.enabled.on() && host.has("truenas");
    if host.has("postgres") || app {
        ports.push(port(tables.postgres.port, "PostgreSQL", "postgres.port"));
    }
    if host.has("patroni") || app {
        ports.push(port(tables.postgres.rest_port, "Patroni's REST API", "postgres.rest_port"));
    }
    if host.has("timescaledb") && tables.timescaledb.mode == TimescaleMode::Separate {
        ports.push(port(tables.timescaledb.port, "TimescaleDB", "timescaledb.port"));
    }
    if host.has("redis") {
        ports.push(port(tables.redis.port, "Redis", "redis.port"));
    }
    if host.has("k3s") {
        ports.push(port(tables.k3s.port, "the Kubernetes API", "k3s.port"));
        ports.extend(K3S.iter().map(|(number, udp, service)| fixed(*number, *udp, service, "k3s")));
    }
    if host.has("metallb") {
        ports.extend([false, true].map(|udp| fixed(7946, udp, "MetalLB", "metallb")));
    }
    if host.has("dns") {
        ports.extend([false, true].map(|udp| fixed(53, udp, "DNS", "dns")));
    }
    ports
}

fn port(number: u16, service: impl Into<String>, path: &str) -> Port {
    Port { number, udp: false, service: service.into(), path: path.to_owned(), settable: true }
}

fn fixed(number: u16, udp: bool, service: &str, path: &str) -> Port {
    Port { number, udp, service: service.to_owned(), path: path.to_owned(), settable: false }
}
