//! Owns the guess at what an unknown word was meant to be.
//! Must not know why it is unknown.

use super::model::schema;
use super::table::Key;

/// What other tools call it, and what it is called here. A dot names a table's key.
const SYNONYMS: &[(&str, &str)] = &[
    ("ip", "address"),
    ("ip_address", "address"),
    ("host", "address"),
    ("hostname", "name"),
    ("nodes", "node"),
    ("hosts", "node"),
    ("servers", "node"),
    ("postgresql", "postgres"),
    ("pg", "postgres"),
    ("patroni", "postgres"),
    ("vips", "vip"),
    ("keepalived", "vip"),
    ("nas", "truenas"),
    ("virtual_router_id", "vip.router_id"),
    ("vrid", "vip.router_id"),
    ("tunnel", "cloudflare"),
    ("cloudflared", "cloudflare"),
    ("traefik", "ingress"),
    ("timescale", "timescaledb"),
    ("cidr", "subnet"),
    ("ssh_user", "ssh.user"),
    ("private_key", "ssh.key"),
    ("ntp", "ntp_servers"),
    ("synchronous_mode", "synchronous"),
    ("priority", "failover_priority"),
];

/// The nearest word, at most a third of its length away.
pub fn nearest<'w>(word: &str, known: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    let limit = (word.chars().count() / 3).max(1);
    known
        .map(|candidate| {
            (strsim::damerau_levenshtein(&word.to_lowercase(), &candidate.to_lowercase()), candidate)
        })
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The key of the same table that an unknown one stands for.
pub(super) fn meant<'k>(word: &str, keys: &'k [Key]) -> Option<&'k str> {
    let own = || keys.iter().map(|key| key.name);
    nearest(word, own()).or_else(|| {
        let (_, ours) = SYNONYMS.iter().find(|(theirs, _)| *theirs == word)?;
        own().find(|key| key == ours)
    })
}

/// Help for an unknown key: in its own table, then by other tools' names, then in all tables.
pub(super) fn unknown(table: &str, word: &str, keys: &[Key]) -> String {
    if let Some(near) = meant(word, keys) {
        return format!("did you mean `{}`?", styled(table, near));
    }
    let synonym = SYNONYMS.iter().find(|(theirs, _)| *theirs == word).map(|(_, ours)| *ours);
    if let Some((other, key)) = synonym.and_then(|ours| ours.split_once('.')) {
        return format!("did you mean `{key}` in {}?", bracketed(other));
    }
    let homes: Vec<String> = schema()
        .filter(|(name, keys)| *name != table && keys.iter().any(|key| key.name == word))
        .map(|(name, _)| bracketed(name))
        .collect();
    if !homes.is_empty() {
        return format!("`{word}` belongs in {}", homes.join(" or "));
    }
    let all: Vec<&str> = keys.iter().map(|key| key.name).collect();
    format!("known here: {}", all.join(", "))
}

fn styled(table: &str, key: &str) -> String {
    if table.is_empty() { bracketed(key) } else { key.to_owned() }
}

fn bracketed(table: &str) -> String {
    let list =
        matches!(table, "node" | "postgres.user" | "postgres.database" | "postgres.grant" | "postgres.hba");
    if list { format!("[[{table}]]") } else { format!("[{table}]") }
}

/// A line that sets `key`, for "add a line ...".
pub(super) fn example(table: &str, key: &str) -> String {
    let value = match key {
        "subnet" => "\"192.168.15.0/24\"",
        "address" => "\"192.168.15.101\"",
        "hostname" => "\"app.example.org\"",
        "privileges" => "[\"CONNECT\"]",
        "user" | "name" if table.starts_with("postgres") => "\"app\"",
        _ if table.starts_with("postgres") => "\"shop\"",
        _ if table.starts_with("node") => "\"node1\"",
        _ => "\"home\"",
    };
    format!("{key} = {value}")
}

pub(super) fn example_table(table: &str) -> String {
    match table {
        "cluster" => "[cluster] with a line name = \"home\"".to_owned(),
        "network" => "[network] with a line subnet = \"192.168.15.0/24\"".to_owned(),
        other => bracketed(other),
    }
}
