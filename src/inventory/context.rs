//! Owns the values that templates and expressions see.
//! Must not know any template.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::computed_postgres::{databases, extensions, grants, hba, users};
use super::host::{Host, hosts};
use super::model::Tables;
use super::quorum::Votes;

/// Every table with its defaults, `hosts`, and `computed`.
pub(super) fn context(tables: &Tables) -> Value {
    let hosts = hosts(tables);
    let mut context = match plain(tables) {
        Value::Object(map) => map,
        _ => Map::new(),
    };
    context.insert("computed".to_owned(), computed(tables, &hosts));
    context.insert("hosts".to_owned(), plain(&hosts));
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
        "postgres_hosts": with_role(hosts, "postgres", postgres.enabled.on()),
        "keepalived_hosts": with_role(hosts, "keepalived", tables.vip.database.is_some() && postgres.enabled.on()),
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

/// Name and address of each host with a role; on a NAS with apps the role is
/// an app's, and its peers must know it all the same.
fn with_role(hosts: &[Host], role: &str, on: bool) -> Value {
    let has = |host: &&Host| host.has(role) || (on && host.has("truenas"));
    hosts.iter().filter(has).map(|host| json!({ "name": host.name, "address": host.address })).collect()
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
