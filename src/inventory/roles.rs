//! Owns which host has which role.
//! Must not know what a role does; playbooks say that.

use super::database::TimescaleMode;
use super::edge::Resolver;
use super::host::Host;
use super::model::Tables;
use super::text::{Name, RoleChange};

/// What decides about a host's roles before the file's own changes.
pub(super) struct Seat<'a> {
    pub(super) name: &'a Name,
    pub(super) is_nas: bool,
}

/// A role and who has it unless the file says otherwise.
type Rule = (&'static str, fn(&Tables, &Seat<'_>) -> bool);

/// In the order in which components build upon each other.
const RULES: &[Rule] = &[
    ("base", |_, _| true),
    ("truenas", |_, _| false),
    ("firewall", |t, _| t.firewall.enabled.on()),
    ("pki", |t, _| t.etcd.enabled.on() || t.postgres.enabled.on()),
    ("etcd", |t, _| t.etcd.enabled.on()),
    ("postgres", |t, _| t.postgres.enabled.on()),
    ("patroni", |t, _| t.postgres.enabled.on()),
    ("keepalived", |t, _| t.postgres.enabled.on() && t.vip.database.is_some()),
    ("timescaledb", |t, seat| {
        let table = &t.timescaledb;
        table.enabled.on() && (table.mode == TimescaleMode::Cluster || table.host.as_ref() == Some(seat.name))
    }),
    ("redis", |t, seat| t.redis.enabled.on() && t.redis.host.as_ref() == Some(seat.name)),
    ("backup", |t, _| t.backup.enabled.on()),
    ("k3s", |t, seat| t.k3s.enabled.on() && !seat.is_nas),
    ("metallb", |t, seat| t.metallb.enabled.on() && !seat.is_nas),
    ("ingress", |t, seat| t.ingress.enabled.on() && !seat.is_nas),
    ("cloudflare", |t, seat| t.cloudflare.enabled.on() && !seat.is_nas),
    ("dns", |t, seat| {
        t.dns.enabled.on() && t.dns.resolver != Resolver::External && t.dns.hosts.contains(seat.name)
    }),
];

/// Every role there is.
pub fn all_roles() -> impl Iterator<Item = &'static str> {
    RULES.iter().map(|(role, _)| *role)
}

pub(super) fn roles(tables: &Tables, seat: &Seat<'_>, changes: &[RoleChange]) -> Vec<&'static str> {
    let said = |role: &str| {
        changes.iter().rev().find_map(|change| match change.strip_prefix('-') {
            Some(name) => (name == role).then_some(false),
            None => (&**change == role).then_some(true),
        })
    };
    RULES
        .iter()
        .filter(|(role, wants)| said(role).unwrap_or_else(|| wants(tables, seat)))
        .map(|(role, _)| *role)
        .collect()
}

/// Whether a host does the role's work: by its playbook, or on TrueNAS SCALE as an app,
/// whose peers must know it all the same.
pub(super) fn plays(tables: &Tables, host: &Host, role: &str) -> bool {
    let app = || match role {
        "etcd" => !host.etcd_members.is_empty(),
        _ => wants(tables, host, role),
    };
    host.has(role) || (host.has("truenas") && app())
}

fn wants(tables: &Tables, host: &Host, role: &str) -> bool {
    let seat = Seat { name: &host.name.as_str().into(), is_nas: host.is_nas };
    RULES.iter().any(|(name, wants)| *name == role && wants(tables, &seat))
}

#[cfg(test)]
mod tests {
    use crate::inventory::{Host, Inventory, parse};

    const SEED: &str = r#"
        cluster = { name = "cold" }
        network = { subnet = "192.168.15.0/24", interface = "eth0" }
        ssh = { user = "admin", port = 2222 }
        node = [
            { name = "node1", address = "192.168.15.101" },
            { name = "node2", address = "192.168.15.102", user = "root", roles = ["-k3s", "redis"] },
            { name = "node3", address = "192.168.15.103", port = 22, interface = "eth1" },
        ]
        vip = { database = "192.168.15.200" }
        postgres = {}
        redis = {}
        k3s = {}
    "#;

    fn read(more: &str) -> Inventory {
        parse("seed.toml", format!("{SEED}{more}").as_bytes()).unwrap()
    }

    #[test]
    fn roles_follow_components_and_a_host_may_differ() {
        let hosts = read("").hosts();
        let database = ["base", "pki", "etcd", "postgres", "patroni", "keepalived"];
        let with = |more: &[&'static str]| [&database[..], more].concat();
        assert_eq!(hosts[0].roles, with(&["redis", "k3s"]));
        assert_eq!(hosts[1].roles, with(&["redis"]));
        assert_eq!(hosts[2].roles, with(&["k3s"]));
    }

    #[test]
    fn the_way_in_is_that_of_the_host_then_of_all() {
        let login = |host: &Host| (host.ssh_user.clone(), host.ssh_port, host.interface.clone().unwrap());
        let logins: Vec<_> = read("").hosts().iter().map(login).collect();
        let expected = [("admin", 2222, "eth0"), ("root", 2222, "eth0"), ("admin", 22, "eth1")];
        assert_eq!(logins, expected.map(|(user, port, card)| (user.to_owned(), port, card.to_owned())));
    }

    #[test]
    fn a_nas_with_two_votes_has_two_members_ten_ports_apart() {
        let hosts = read("truenas = { address = \"192.168.15.50\", platform = \"debian\" }").hosts();
        let nas = &hosts[3];
        assert!(nas.is_nas && nas.has("postgres") && nas.has("keepalived") && !nas.has("k3s"));
        let members: Vec<_> =
            nas.etcd_members.iter().map(|m| (m.name.as_str(), m.client_url.as_str())).collect();
        let expected = [("nas-a", "https://192.168.15.50:2479"), ("nas-b", "https://192.168.15.50:2489")];
        assert_eq!(members, expected);
        assert_eq!(hosts[0].etcd_members[0].name, "node1");
    }

    #[test]
    fn a_real_truenas_gets_no_playbook_for_debian() {
        let read = read("truenas = { address = \"192.168.15.50\" }");
        let nas = &read.hosts()[3];
        assert_eq!((nas.roles.as_slice(), nas.etcd_members.len()), (["truenas"].as_slice(), 2));
        let peers = &read.context()["computed"]["postgres_hosts"];
        assert_eq!(peers[3]["name"], "nas");
    }

    #[test]
    fn a_nas_with_one_vote_may_get_another() {
        let more = "truenas = { address = \"192.168.15.50\", etcd_members = 1 }";
        let text = format!("{SEED}{more}").replace("\"-k3s\", ", "\"-etcd\", ");
        let hosts = parse("seed.toml", text.as_bytes()).unwrap().hosts();
        assert_eq!(hosts[3].etcd_members.len(), 1);
        assert_eq!(hosts[3].etcd_members[0].name, "nas-a");
        assert!(hosts[1].etcd_members.is_empty());
    }
}
