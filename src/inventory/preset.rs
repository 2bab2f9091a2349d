//! Owns the timing presets and every default that depends on another table.
//! Must not know whether a value is right; checks run afterwards.

use std::net::Ipv4Addr;

use super::database::Preset;
use super::model::Tables;
use super::reader::Places;
use super::value::Switch;
use super::{AddressRange, Cidr, Name};

/// Timing of a preset: Patroni in seconds, etcd in milliseconds, VRRP in
/// hundredths of a second (measured in the lab: knowledge/postgres.md 4.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    pub ttl: u32,
    pub loop_wait: u32,
    pub retry_timeout: u32,
    pub heartbeat_interval: u32,
    pub election_timeout: u32,
    pub vrrp_advert: u32,
}

impl Preset {
    pub fn timing(self) -> Timing {
        match self {
            Self::Norm => Timing {
                ttl: 30,
                loop_wait: 5,
                retry_timeout: 10,
                heartbeat_interval: 200,
                election_timeout: 2000,
                vrrp_advert: 100,
            },
            Self::Fast => Timing {
                ttl: 20,
                loop_wait: 5,
                retry_timeout: 5,
                heartbeat_interval: 100,
                election_timeout: 1000,
                vrrp_advert: 30,
            },
        }
    }
}

/// Keys that [`resolve`] takes from another one where the file does not set them.
pub(super) const TAKEN_FROM: &[(&str, &str)] = &[
    ("postgres.ttl", "postgres.preset"),
    ("postgres.loop_wait", "postgres.preset"),
    ("postgres.retry_timeout", "postgres.preset"),
    ("etcd.heartbeat_interval", "postgres.preset"),
    ("etcd.election_timeout", "postgres.preset"),
    ("etcd.enabled", "postgres.enabled"),
    ("postgres.allow", "network.subnet"),
    ("postgres.data", "postgres.version"),
    ("vip.router_id", "vip.database"),
    ("metallb.pool", "vip.ingress"),
    ("dns.address", "vip.ingress"),
    ("dns.names", "ingress.hostnames"),
    ("ingress.hostnames", "cloudflare.hostname"),
    ("cloudflare.tunnel", "cluster.name"),
    ("cloudflare.zone", "cloudflare.hostname"),
    ("backup.host", "truenas.name"),
    ("redis.host", "node[0].name"),
    ("timescaledb.host", "node[0].name"),
    ("dns.hosts", "node[0].name"),
];

/// Fills what the file leaves to other tables, so that the model holds every value.
pub(super) fn resolve(tables: &mut Tables, places: &Places) {
    database(tables, places);
    edge(tables);
}

fn database(tables: &mut Tables, places: &Places) {
    let (postgres, etcd) = (&mut tables.postgres, &mut tables.etcd);
    let timing = postgres.preset.timing();
    postgres.ttl.get_or_insert(timing.ttl);
    postgres.loop_wait.get_or_insert(timing.loop_wait);
    postgres.retry_timeout.get_or_insert(timing.retry_timeout);
    etcd.heartbeat_interval.get_or_insert(timing.heartbeat_interval);
    etcd.election_timeout.get_or_insert(timing.election_timeout);
    if !places.contains_key("etcd.enabled") {
        etcd.enabled = Switch(postgres.enabled.on());
    }
    if postgres.allow.is_empty() {
        postgres.allow.push(tables.network.subnet);
    }
    for user in postgres.user.iter_mut().filter(|user| user.login) {
        let name = user.name.to_lowercase().replace('$', "-");
        user.password.get_or_insert_with(|| format!("secret://postgres-{name}").as_str().into());
    }
    let data = format!("/var/lib/postgresql/{}/{}", postgres.version, tables.cluster.name);
    postgres.data.get_or_insert_with(|| data.as_str().into());
    if let (None, Some(vip)) = (tables.vip.router_id, tables.vip.database) {
        tables.vip.router_id = Some(u32::from(vip.octets()[3]));
    }
    let first = tables.node.first().map(|node| node.name.clone());
    tables.redis.host = tables.redis.host.take().or_else(|| first.clone());
    tables.timescaledb.host = tables.timescaledb.host.take().or(first);
    let nas = tables.truenas.enabled.on().then(|| tables.truenas.name.clone());
    tables.backup.host = tables.backup.host.take().or(nas);
}

fn edge(tables: &mut Tables) {
    if let (true, Some(vip)) = (tables.metallb.pool.is_empty(), tables.vip.ingress) {
        tables.metallb.pool.push(AddressRange::single(vip));
    }
    let cloudflare = &mut tables.cloudflare;
    if cloudflare.enabled.on() {
        cloudflare.tunnel.get_or_insert_with(|| tables.cluster.name.clone());
        let parts: Vec<&str> = cloudflare.hostname.rsplitn(3, '.').take(2).collect();
        if let [top, second] = parts[..] {
            let zone = format!("{second}.{top}");
            cloudflare.zone.get_or_insert_with(|| zone.as_str().into());
        }
        if tables.ingress.hostnames.is_empty() {
            tables.ingress.hostnames.push(cloudflare.hostname.clone());
        }
    }
    if tables.firewall.ssh_from.is_empty() {
        tables.firewall.ssh_from.push(Cidr::new(Ipv4Addr::UNSPECIFIED, 0));
    }
    let dns = &mut tables.dns;
    dns.address = dns.address.or(tables.vip.ingress);
    if dns.names.is_empty() {
        dns.names.clone_from(&tables.ingress.hostnames);
    }
    if dns.hosts.is_empty() && dns.resolver != super::Resolver::External {
        let names: Vec<Name> = tables.node.iter().take(2).map(|node| node.name.clone()).collect();
        dns.hosts = names;
    }
}
