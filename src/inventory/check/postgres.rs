//! Owns the rules about the database itself.
//! Must not know timing, votes or addresses.

use crate::inventory::Inventory;
use crate::problem::Problem;

/// Version of the file's format that this program reads.
const SCHEMA: u32 = 1;

pub(super) fn schema(inventory: &Inventory) -> Vec<Problem> {
    let schema = inventory.cluster.schema;
    if schema == SCHEMA {
        return Vec::new();
    }
    let message = format!("`cluster.schema` is {schema}; this hacluster reads {SCHEMA}");
    let help = if schema > SCHEMA { "use a newer hacluster" } else { "write schema = 1, or remove the line" };
    vec![inventory.problem("HAC-E016", "cluster.schema", message).help(help)]
}

/// Major versions with a Patroni, a Debian package and support.
const VERSIONS: std::ops::RangeInclusive<u32> = 14..=18;

pub(super) fn version(inventory: &Inventory) -> Vec<Problem> {
    let version = inventory.postgres.version;
    if VERSIONS.contains(&version) {
        return Vec::new();
    }
    let message = format!("`postgres.version` is {version}; supported are 14 to 18");
    vec![inventory.problem("HAC-E055", "postgres.version", message).help("write version = 17")]
}

/// A replica that is never synchronous is never promoted in synchronous mode.
pub(super) fn synchronous_nas(inventory: &Inventory) -> Vec<Problem> {
    let nas = &inventory.truenas;
    if !(inventory.postgres.synchronous && nas.enabled.on() && nas.failover_priority > 0) {
        return Vec::new();
    }
    let message = format!(
        "`postgres.synchronous` is true, and Patroni then never promotes the asynchronous NAS \"{}\"",
        nas.name
    );
    let problem = inventory.problem("HAC-E052", "postgres.synchronous", message);
    let help = "write synchronous = false, or failover_priority = 0 in [truenas]: it then only keeps a copy";
    vec![problem.also(inventory.span("truenas"), "shall take over when the nodes are gone").help(help)]
}

/// Below this a NAS that lags a little is refused as leader (knowledge/postgres.md, L12).
const LAG: u64 = 4 * 1024 * 1024;

pub(super) fn lag(inventory: &Inventory) -> Vec<Problem> {
    let lag = inventory.postgres.maximum_lag_on_failover;
    if lag >= LAG || !inventory.truenas.enabled.on() || !inventory.postgres.enabled.on() {
        return Vec::new();
    }
    let message = format!(
        "`postgres.maximum_lag_on_failover` is {lag} bytes; the NAS replicates asynchronously, and with more lag \
         it may not take over"
    );
    let problem = inventory.problem("HAC-W052", "postgres.maximum_lag_on_failover", message).warning();
    vec![problem.help("write 33554432 (32 MiB), or more where much is written")]
}

/// Parameters that hacluster or Patroni sets, and where to set them.
const OWNED: &[(&str, &str)] = &[
    ("port", "`postgres.port`"),
    ("max_connections", "`postgres.max_connections`"),
    ("listen_addresses", "Patroni"),
    ("cluster_name", "Patroni"),
    ("hot_standby", "Patroni"),
    ("primary_conninfo", "Patroni"),
    ("primary_slot_name", "Patroni"),
    ("recovery_target_timeline", "Patroni"),
    ("synchronous_standby_names", "`postgres.synchronous`"),
    ("data_directory", "`postgres.data`"),
    ("hba_file", "Patroni"),
    ("ident_file", "Patroni"),
    ("config_file", "Patroni"),
    ("ssl", "hacluster"),
    ("ssl_cert_file", "hacluster"),
    ("ssl_key_file", "hacluster"),
    ("ssl_ca_file", "hacluster"),
    ("unix_socket_directories", "hacluster"),
    ("archive_mode", "[backup]"),
    ("archive_command", "[backup]"),
    ("archive_timeout", "`backup.archive_timeout`"),
];

pub(super) fn owned_parameters(inventory: &Inventory) -> Vec<Problem> {
    let mut problems = Vec::new();
    for name in inventory.postgres.parameters.keys() {
        let path = format!("postgres.parameters.{name}");
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '.';
        if name.is_empty() || !name.chars().all(plain) {
            let message = format!("{name:?} is no parameter of PostgreSQL: allowed are a-z, 0-9, . and _");
            let help = format!("write {}", name.to_lowercase().replace('-', "_"));
            problems.push(inventory.problem("HAC-E030", &path, message).help(help));
        }
        if let Some((_, owner)) = OWNED.iter().find(|(owned, _)| owned == name) {
            let message = format!("the parameter {name} is set by {owner}");
            let help = format!(
                "remove the line{}",
                if owner.starts_with('`') { format!(" and set {owner}") } else { String::new() }
            );
            problems.push(inventory.problem("HAC-E055", &path, message).help(help));
        }
    }
    problems
}
