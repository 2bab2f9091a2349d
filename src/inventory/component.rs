//! Owns the list of components a file asks for, and which are built.
//! Must not know their steps; playbooks hold those.

use crate::span::Place;

use super::Inventory;
use super::model::{Platform, Tables};

/// A component of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    pub name: &'static str,
    pub enabled: bool,
    /// False: the table is read and checked, and no playbook exists yet.
    pub built: bool,
    /// The table it comes from, where the file has it.
    pub place: Option<Place>,
}

/// Name, table, whether built, whether the file wants it.
type Row = (&'static str, &'static str, bool, fn(&Tables) -> bool);

const ROWS: &[Row] = &[
    ("base", "cluster", true, |_| true),
    ("sshd", "ssh", true, |t| t.ssh.hardened),
    ("firewall", "firewall", true, |t| t.firewall.enabled.on()),
    ("pki", "postgres", true, |t| t.etcd.enabled.on() || t.postgres.enabled.on()),
    ("etcd", "etcd", true, |t| t.etcd.enabled.on()),
    ("postgres", "postgres", true, |t| t.postgres.enabled.on()),
    ("patroni", "postgres", true, |t| t.postgres.enabled.on()),
    ("databases", "postgres", true, |t| t.postgres.enabled.on() && t.postgres.declares()),
    ("keepalived", "vip", true, |t| t.postgres.enabled.on() && t.vip.database.is_some()),
    ("truenas", "truenas", false, |t| t.truenas.enabled.on() && t.truenas.platform == Platform::Scale),
    ("timescaledb", "timescaledb", false, |t| t.timescaledb.enabled.on()),
    ("redis", "redis", false, |t| t.redis.enabled.on()),
    ("backup", "backup", false, |t| t.backup.enabled.on()),
    ("k3s", "k3s", false, |t| t.k3s.enabled.on()),
    ("metallb", "metallb", false, |t| t.metallb.enabled.on()),
    ("ingress", "ingress", false, |t| t.ingress.enabled.on()),
    ("cloudflare", "cloudflare", false, |t| t.cloudflare.enabled.on()),
    ("dns", "dns", false, |t| t.dns.enabled.on()),
];

/// Every component, in the order in which they build upon each other.
pub fn components(inventory: &Inventory) -> Vec<Component> {
    let component = |(name, table, built, enabled): &Row| Component {
        name,
        enabled: enabled(inventory),
        built: *built,
        place: inventory.place_of(table),
    };
    ROWS.iter().map(component).collect()
}

/// Whether the file wants what a role is about.
pub(super) fn wants(tables: &Tables, role: &str) -> bool {
    ROWS.iter().any(|(name, _, _, enabled)| *name == role && enabled(tables))
}
