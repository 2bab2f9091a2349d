//! Owns the tables about the cluster as such: its hosts, its network, the way
//! in. Must not know what is derived from them (roles, quorum, checks).

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::address::{AddressRange, Cidr};
use super::choice::{Period, choice};
use super::database::{Backup, Etcd, Postgres, Redis, Timescaledb};
use super::declared::{PostgresDatabase, PostgresGrant, PostgresHba, PostgresUser};
use super::edge::{Cloudflare, Dns, Firewall, FirewallAllow, Ingress, K3s, Metallb};
use super::jump::JumpHost;
use super::table::{Key, Table, optional, table};
use super::text::{
    DnsName, HostPath, Interface, LocalPath, Name, PackageVersion, Recipient, RoleChange, SecretName, Text,
    User,
};
use super::value::Switch;

choice! {
    /// What runs on the NAS.
    Platform: "\"scale\" or \"debian\"" { Scale = "scale", Debian = "debian" }
    /// Which host keys are taken that no known-hosts file holds.
    HostKeys: "\"strict\" or \"accept-new\"" { Strict = "strict", AcceptNew = "accept-new" }
}

table! {
    /// Every table of an inventory, with its defaults.
    Tables {
        /// what the cluster is called
        cluster: Cluster;
        /// the LAN all hosts share
        network: Network;
        /// how hosts are reached
        ssh: Ssh = optional();
        /// how passwords and keys are kept
        secrets: Secrets;
        /// one per machine
        node: Vec<Node>;
        /// the NAS as a further member
        truenas: Truenas = optional();
        /// addresses that move between hosts
        vip: Vip = optional();
        /// the lock that elects the PostgreSQL leader
        etcd: Etcd = optional();
        /// PostgreSQL under Patroni
        postgres: Postgres = optional();
        /// metrics in PostgreSQL
        timescaledb: Timescaledb = optional();
        /// cache
        redis: Redis = optional();
        /// backups of PostgreSQL
        backup: Backup = optional();
        /// Kubernetes
        k3s: K3s = optional();
        /// addresses for Kubernetes services
        metallb: Metallb = optional();
        /// HTTPS into Kubernetes
        ingress: Ingress = optional();
        /// the way in from the Internet
        cloudflare: Cloudflare = optional();
        /// names that still resolve when the Internet is down
        dns: Dns = optional();
        /// who may connect to what
        firewall: Firewall = optional();
        /// which versions of packages are installed
        packages: Pinned = optional();
        /// how many hosts do something at once: `hosts` anything, other names what steps say
        limits: BTreeMap<String, u32>;
    }
}

table! {
    /// `[cluster]`
    Cluster {
        /// the cluster's name; also the scope of Patroni
        name: Name;
        /// version of this file's format
        schema: u32 = 1;
        /// false for a single machine that shall not fail over
        ha: bool = true;
        /// time zone of all hosts
        timezone: Text = "Etc/UTC".into();
    }
}

table! {
    /// `[network]`
    Network {
        /// the LAN that nodes and VIPs are in
        subnet: Cidr;
        /// the router
        gateway: Option<Ipv4Addr>;
        /// the interface on the LAN; found on each host when not given
        interface: Option<Interface>;
        /// what the DHCP server hands out; nothing static may be in it
        dhcp_range: Option<AddressRange>;
        /// time sources; an empty list leaves those of the distribution
        ntp_servers: Vec<DnsName> = (0..4).map(|n| format!("{n}.debian.pool.ntp.org").as_str().into()).collect();
        /// domains tried for short names
        search: Vec<DnsName>;
    }
}

table! {
    /// `[ssh]`
    Ssh {
        /// account to log in as; root, or one with sudo
        user: User = "root".into();
        /// port of sshd
        port: u16 = 22;
        /// private key on the control side
        key: Option<LocalPath>;
        /// file of known host keys on the control side
        known_hosts: Option<LocalPath>;
        /// hosts to pass on the way, the nearest first
        jump: Vec<JumpHost>;
        /// "accept-new" pins the key of a host that was never seen; one that changed is always refused
        host_keys: HostKeys = HostKeys::Strict;
        /// true: sshd of the hosts offers what ssh-audit's policy for their system asks for, and nothing else
        hardened: bool = false;
        /// ask the SSH agent for keys
        agent: bool = true;
        /// limit for one connection
        connect_timeout: Period = Period::seconds(10);
        /// limit for one step
        step_timeout: Period = Period::seconds(600);
        /// limit for a whole run
        run_timeout: Period = Period::seconds(7200);
    }
}

table! {
    /// `[secrets]`
    Secrets {
        /// public keys that may read the secrets; with any, they are kept encrypted
        recipients: Vec<Recipient>;
    }
}

table! {
    /// `[[node]]`
    Node {
        /// host name
        name: Name;
        /// IPv4 address on the LAN
        address: Ipv4Addr;
        /// port of sshd, where it is not that of [ssh]
        port: Option<u16>;
        /// account to log in as, where it is not that of [ssh]
        user: Option<User>;
        /// hosts to pass on the way, where they are not those of [ssh]; [] is none
        jump: Option<Vec<JumpHost>>;
        /// interface on the LAN, where it is not that of [network]
        interface: Option<Interface>;
        /// roles to add, or with a leading - to leave out
        roles: Vec<RoleChange>;
        /// the higher, the sooner it leads at equal data; 0 never leads
        failover_priority: u8 = 100;
    }
}

table! {
    /// `[truenas]`
    Truenas {
        /// off without the table
        enabled: Switch;
        /// host name
        name: Name = "nas".into();
        /// IPv4 address on the LAN
        address: Ipv4Addr;
        /// "scale" for TrueNAS SCALE, "debian" for any Debian host in its place
        platform: Platform = Platform::Scale;
        /// votes of the NAS; 2 beside three nodes
        etcd_members: u32 = 2;
        /// the higher, the sooner it leads at equal data; 0 never leads
        failover_priority: u8 = 1;
        /// port of sshd, where it is not that of [ssh]
        port: Option<u16>;
        /// account to log in as, where it is not that of [ssh]
        user: Option<User>;
        /// hosts to pass on the way, where they are not those of [ssh]; [] is none
        jump: Option<Vec<JumpHost>>;
        /// interface on the LAN, where it is not that of [network]
        interface: Option<Interface>;
        /// roles to add, or with a leading - to leave out
        roles: Vec<RoleChange>;
        /// where the members keep their data on the NAS
        dataset: Option<HostPath>;
        /// key for the TrueNAS API
        api_key: Option<SecretName>;
    }
}

table! {
    /// `[vip]`
    Vip {
        /// follows the PostgreSQL leader
        database: Option<Ipv4Addr>;
        /// where HTTPS is served, announced by MetalLB
        ingress: Option<Ipv4Addr>;
        /// VRRP router of the database VIP; its last octet by default
        router_id: Option<u32>;
    }
}

table! {
    /// `[packages]`
    Pinned {
        /// the one version of a package that is right; of others any is that is installed
        versions: BTreeMap<String, PackageVersion>;
    }
}

/// Tables with their keys, in the order of the model. The file itself has the name "".
pub fn schema() -> impl Iterator<Item = (&'static str, &'static [Key])> {
    let tables: [(&str, &[Key]); 25] = [
        ("", Tables::KEYS),
        ("cluster", Cluster::KEYS),
        ("network", Network::KEYS),
        ("ssh", Ssh::KEYS),
        ("secrets", Secrets::KEYS),
        ("node", Node::KEYS),
        ("truenas", Truenas::KEYS),
        ("vip", Vip::KEYS),
        ("etcd", Etcd::KEYS),
        ("postgres", Postgres::KEYS),
        ("postgres.user", PostgresUser::KEYS),
        ("postgres.database", PostgresDatabase::KEYS),
        ("postgres.grant", PostgresGrant::KEYS),
        ("postgres.hba", PostgresHba::KEYS),
        ("timescaledb", Timescaledb::KEYS),
        ("redis", Redis::KEYS),
        ("backup", Backup::KEYS),
        ("k3s", K3s::KEYS),
        ("metallb", Metallb::KEYS),
        ("ingress", Ingress::KEYS),
        ("cloudflare", Cloudflare::KEYS),
        ("dns", Dns::KEYS),
        ("firewall", Firewall::KEYS),
        ("firewall.allow", FirewallAllow::KEYS),
        ("packages", Pinned::KEYS),
    ];
    tables.into_iter()
}
