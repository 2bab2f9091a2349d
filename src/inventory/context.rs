//! Owns the values that templates and expressions see.
//! Must not know any template.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::computed_postgres::{databases, extensions, grants, hba, users};
use super::host::{Host, hosts};
use super::model::Tables;
use super::ports::{ports, reach};
use super::quorum::Votes;
use super::roles::plays;

/// Every table with its defaults, `hosts`, and `computed`.
pub(super) fn context(tables: &Tables) -> Value {
    let hosts = hosts(tables);
    let mut context = match plain(tables) {
        Value::Object(map) => map,
        _ => Map::new(),
    };
    context.insert("computed".to_owned(), computed(tables, &hosts));
    context.insert("hosts".to_owned(), hosts.iter().map(|host| with_ports(tables, host)).collect());
    Value::Object(context)
}

fn computed(tables: &Tables, hosts: &[Host]) -> Value {
    let members = || hosts.iter().flat_map(|host| host.etcd_members.iter().map(move |member| (host, member)));
    let endpoints: Vec<String> =
        members().map(|(host, member)| format!("{}:{}", host.address, member.client_port)).collect();
    let cluster: Vec<String> =
        members().map(|(_, member)| format!("{}={}", member.name, member.peer_url)).collect();
    let votes = Votes::of(hosts);
    let (postgres, etcd) = (&tables.postgres, &tables.etcd);
    json!({
        "etcd_endpoints": endpoints,
        "etcd_initial_cluster": cluster.join(","),
        "postgres_hosts": with_role(tables, hosts, "postgres"),
        "keepalived_hosts": with_role(tables, hosts, "keepalived"),
        "reach": reach(tables, hosts),
        "postgres_users": users(postgres),
        "postgres_databases": databases(postgres),
        "postgres_extensions": extensions(postgres),
        "postgres_grants": grants(postgres),
        "postgres_hba": hba(postgres),
        "ttl": postgres.ttl,
        "loop_wait": postgres.loop_wait,
        "retry_timeout": postgres.retry_timeout,
        "etcd_heartbeat": etcd.heartbeat_interval,
        "etcd_election": etcd.election_timeout,
        "vrrp_advert": seconds(postgres.preset.timing().vrrp_advert),
        // Whether hosts may know older passwords: the secrets say, not the file.
        "rotating": false,
        "votes": votes.total(),
        "quorum": votes.quorum(),
        "vote_margin": votes.margin(),
    })
}

fn with_ports(tables: &Tables, host: &Host) -> Value {
    let mut value = plain(host);
    value["ports"] = plain(&ports(tables, host));
    value
}

/// Name and address of each host that does a role's work.
fn with_role(tables: &Tables, hosts: &[Host], role: &str) -> Value {
    let does = hosts.iter().filter(|host| plays(tables, host, role));
    does.map(|host| json!({ "name": host.name, "address": host.address })).collect()
}

/// Hundredths of a second as seconds: `0.3`, and `1` rather than `1.0`.
fn seconds(hundredths: u32) -> Value {
    if hundredths.is_multiple_of(100) {
        json!(hundredths / 100)
    } else {
        json!(f64::from(hundredths) / 100.0)
    }
}

/// Our types always serialise; a bug would show as a missing value in a strict template.
fn plain<T: Serialize>(value: &T) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}
