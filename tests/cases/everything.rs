//! Owns what a host asked everything would be asked, names with odd characters among
//! it. Must not know what becomes of it; the fuzz targets ask it too.

use hacluster::facts::{EtcdEndpoint, LanNeeds, Needs, PatroniEndpoint};

/// What a host asked everything would be asked.
pub(crate) fn everything() -> Needs {
    let mut needs = Needs::default();
    for name in ["/etc/a b", "/etc/it's", r"/etc/x\x2dy"] {
        needs.file(name);
        needs.contents.insert(name.to_owned());
        needs.public_keys.insert(name.to_owned());
        needs.entries.insert(name.to_owned());
        needs.shipped.insert(name.to_owned());
        needs.checks.insert(format!("test -e '{name}'"));
    }
    for name in ["one", "two"] {
        needs.packages.insert(name.to_owned());
        needs.removals.insert(name.to_owned());
        needs.units.insert(format!("{name}.service"));
        needs.users.insert(name.to_owned());
        needs.groups.insert(name.to_owned());
        needs.sysctls.insert(format!("vm.{name}"));
        let endpoint = EtcdEndpoint {
            client_url: "https://127.0.0.1:2479".to_owned(),
            metrics_url: "http://127.0.0.1:2481".to_owned(),
            data: "/var/lib/the etcd".to_owned(),
            identity: "/etc/hacluster/client".to_owned(),
            ca: "/etc/hacluster/ca.crt".to_owned(),
        };
        needs.etcd.insert(name.to_owned(), endpoint);
    }
    needs.patroni = Some(PatroniEndpoint {
        url: "https://127.0.0.1:8008".to_owned(),
        ca: "/etc/patroni/ca.crt".to_owned(),
        data: "/var/lib/postgresql/17/main".to_owned(),
    });
    needs.lan = Some(LanNeeds { interface: "lo".to_owned(), addresses: vec!["127.0.0.1".to_owned()] });
    needs
}
