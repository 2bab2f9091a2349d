//! Owns the one map of ports: what listens where, who may reach it, and why. Clashes,
//! firewall, README's table and the port scan read it. Must not know how any is used.

use super::model::Tables;

/// Who may reach a port from outside of its host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Hosts with this role.
    Role(&'static str),
    /// `firewall.ssh_from`
    Operators,
    /// `postgres.allow`, and whom `[[postgres.hba]]` lets in.
    Clients,
    /// `network.subnet`
    Lan,
    /// `k3s.pod_cidr`
    Pods,
}

/// Where a row's number comes from.
#[derive(Debug, Clone, Copy)]
pub(super) enum Number {
    /// No key moves it.
    Fixed(u16),
    /// Each host's own port of sshd.
    Ssh,
    /// A key; nothing where the file wants none.
    Key(&'static str, fn(&Tables) -> Option<u16>),
    /// A key of the host's first etcd member; each further one has ten more.
    Member(&'static str, fn(&Tables) -> u16),
}

/// One thing that listens.
#[derive(Debug)]
pub struct Row {
    pub name: &'static str,
    pub service: &'static str,
    /// Role of the hosts where it listens.
    pub on: &'static str,
    /// `tcp`, `udp`, or `vrrp`, which has a number of its own and no port.
    pub protocol: &'static str,
    pub(super) number: Number,
    /// Nobody: it listens on the host's own address 127.0.0.1, or need not be reached.
    pub from: &'static [Who],
    pub why: &'static str,
}

const fn row(name: &'static str, service: &'static str, on: &'static str, protocol: &'static str) -> Row {
    Row { name, service, on, protocol, number: Number::Fixed(0), from: &[], why: "" }
}

impl Row {
    const fn at(self, number: Number) -> Self {
        Self { number, ..self }
    }

    const fn open(self, from: &'static [Who], why: &'static str) -> Self {
        Self { from, why, ..self }
    }

    /// With the settings of `tables`; of etcd's members the first.
    pub fn number(&self, tables: &Tables) -> Option<u16> {
        match self.number {
            Number::Fixed(number) => Some(number),
            Number::Ssh => Some(tables.ssh.port),
            Number::Key(_, of) => of(tables),
            Number::Member(_, of) => Some(of(tables)),
        }
    }

    /// The key that sets it.
    pub fn key(&self) -> Option<&'static str> {
        match self.number {
            Number::Fixed(_) => None,
            Number::Ssh => Some("ssh.port"),
            Number::Key(key, _) | Number::Member(key, _) => Some(key),
        }
    }
}

use Number::{Fixed, Key, Member, Ssh};
use Who::{Clients, Lan, Operators, Pods, Role};

const ETCD: Who = Role("etcd");
const PATRONI: Who = Role("patroni");
const K3S: Who = Role("k3s");
const METALLB: Who = Role("metallb");

/// K3s's own ports: knowledge/k3s.md 15; no option moves them.
pub const PORT_MAP: &[Row] = &[
    row("ssh", "sshd", "base", "tcp").at(Ssh).open(&[Operators], "you and hacluster log in"),
    row("ntp", "chrony", "base", "udp").at(Fixed(123)).open(&[Lan], "the hosts agree on one time"),
    row("etcd-clients", "etcd's clients", "etcd", "tcp")
        .at(Member("etcd.client_port", |t| t.etcd.client_port))
        .open(&[ETCD, PATRONI], "Patroni keeps its lock there"),
    row("etcd-peers", "etcd's peers", "etcd", "tcp")
        .at(Member("etcd.peer_port", |t| t.etcd.peer_port))
        .open(&[ETCD], "the members vote"),
    row("etcd-metrics", "etcd's metrics", "etcd", "tcp")
        .at(Member("etcd.metrics_port", |t| t.etcd.metrics_port))
        .open(&[], "it listens on 127.0.0.1"),
    row("postgres", "PostgreSQL", "postgres", "tcp")
        .at(Key("postgres.port", |t| Some(t.postgres.port)))
        .open(&[PATRONI, Clients], "applications connect, standbys stream"),
    row("patroni", "Patroni's REST API", "patroni", "tcp")
        .at(Key("postgres.rest_port", |t| Some(t.postgres.rest_port)))
        .open(
            &[PATRONI, Clients],
            "members and load balancers ask who leads; changes need a certificate and a password",
        ),
    row("vrrp", "keepalived", "keepalived", "vrrp")
        .at(Fixed(112))
        .open(&[Role("keepalived")], "the hosts agree on who has the database's address"),
    row("timescaledb", "TimescaleDB", "timescaledb", "tcp")
        .at(Key("timescaledb.port", |t| t.timescaledb.separate().then_some(t.timescaledb.port)))
        .open(&[Clients], "an instance of its own, where it is separate"),
    row("redis", "Redis", "redis", "tcp")
        .at(Key("redis.port", |t| Some(t.redis.port)))
        .open(&[Lan], "applications connect"),
    row("kubernetes", "the Kubernetes API", "k3s", "tcp")
        .at(Key("k3s.port", |t| Some(t.k3s.port)))
        .open(&[K3S, Operators, Pods], "servers join, you and pods ask it"),
    row("k3s-etcd-clients", "K3s's etcd", "k3s", "tcp").at(Fixed(2379)).open(&[K3S], "its servers ask it"),
    row("k3s-etcd-peers", "K3s's etcd", "k3s", "tcp").at(Fixed(2380)).open(&[K3S], "its members vote"),
    row("k3s-etcd-metrics", "K3s's etcd", "k3s", "tcp").at(Fixed(2381)).open(&[], "it listens on 127.0.0.1"),
    row("k3s-etcd-http", "K3s's etcd", "k3s", "tcp").at(Fixed(2382)).open(&[], "it listens on 127.0.0.1"),
    row("kubelet", "kubelet", "k3s", "tcp").at(Fixed(10250)).open(&[K3S, Pods], "logs, exec, metrics"),
    row("flannel", "flannel", "k3s", "udp").at(Fixed(8472)).open(&[K3S], "pods reach pods of other hosts"),
    row("metallb", "MetalLB", "metallb", "tcp")
        .at(Fixed(7946))
        .open(&[METALLB], "its speakers find each other"),
    row("metallb-udp", "MetalLB", "metallb", "udp")
        .at(Fixed(7946))
        .open(&[METALLB], "its speakers find each other"),
    row("dns", "DNS", "dns", "udp").at(Fixed(53)).open(&[Lan], "names resolve without the Internet"),
    row("dns-tcp", "DNS", "dns", "tcp").at(Fixed(53)).open(&[Lan], "answers that are too long for UDP"),
];
