//! Owns the rules of etcd's environment file, which nothing checks before etcd
//! dies of it. Must not know inventories.

use super::Finding;
use super::settings::{Setting, environment};

/// Names that hold a whole number, and the least it may be.
const NUMBERS: [(&str, u64); 7] = [
    ("ETCD_HEARTBEAT_INTERVAL", 1),
    ("ETCD_ELECTION_TIMEOUT", 5),
    ("ETCD_SNAPSHOT_COUNT", 1),
    ("ETCD_MAX_SNAPSHOTS", 0),
    ("ETCD_MAX_WALS", 0),
    ("ETCD_QUOTA_BACKEND_BYTES", 0),
    ("ETCD_MAX_REQUEST_BYTES", 1),
];
const SWITCHES: [&str; 4] =
    ["ETCD_PRE_VOTE", "ETCD_CLIENT_CERT_AUTH", "ETCD_PEER_CLIENT_CERT_AUTH", "ETCD_STRICT_RECONFIG_CHECK"];
/// Settings that make a member leave its cluster or its safety.
const NEVER: [(&str, &str); 2] = [
    ("ETCD_FORCE_NEW_CLUSTER", "it makes a cluster of one out of a member: take it out"),
    ("ETCD_UNSAFE_NO_FSYNC", "a power cut would lose what was acknowledged: take it out"),
];
const NEEDED: [&str; 4] =
    ["ETCD_NAME", "ETCD_DATA_DIR", "ETCD_LISTEN_PEER_URLS", "ETCD_ADVERTISE_CLIENT_URLS"];

pub(super) fn check(text: &str) -> Vec<Finding> {
    let (settings, mut found) = environment(text);
    found.extend(settings.iter().filter_map(one));
    let get = |key: &str| settings.iter().find(|s| s.key == key);
    for name in NEEDED.iter().filter(|name| get(name).is_none_or(|s| s.value.is_empty())) {
        found.push(Finding::new(
            0,
            format!("{name} is missing"),
            "without it etcd takes a default that fits no cluster",
        ));
    }
    let number = |key: &str| get(key).and_then(|s| Some((s.line, s.value.parse::<u64>().ok()?)));
    if let (Some((_, heartbeat)), Some((line, election))) =
        (number("ETCD_HEARTBEAT_INTERVAL"), number("ETCD_ELECTION_TIMEOUT"))
        && election < heartbeat * 5
    {
        let what =
            format!("ETCD_ELECTION_TIMEOUT is {election}, less than 5 times the heartbeat of {heartbeat}");
        found.push(Finding::new(line, what, "etcd refuses to start so: raise it to 10 times the heartbeat"));
    }
    found
}

fn one(setting: &Setting) -> Option<Finding> {
    let Setting { line, key, value, .. } = setting;
    if let Some((_, fix)) = NEVER.iter().find(|(name, _)| name == key).filter(|_| value != "false") {
        return Some(Finding::new(*line, format!("{key} is set"), *fix));
    }
    if let Some((_, least)) = NUMBERS.iter().find(|(name, _)| name == key)
        && value.parse::<u64>().ok().is_none_or(|number| number < *least)
    {
        let what = format!("{key} is {value:?}, no whole number of at least {least}");
        return Some(Finding::new(*line, what, "etcd dies of it at its next start: write the number alone"));
    }
    if SWITCHES.contains(&key.as_str()) && !["true", "false"].contains(&value.as_str()) {
        return Some(Finding::new(*line, format!("{key} is {value:?}"), "write true or false"));
    }
    let urls = key.ends_with("_URLS");
    let bad = |url: &str| !url.starts_with("http://") && !url.starts_with("https://");
    if urls && value.split(',').any(bad) {
        return Some(Finding::new(
            *line,
            format!("{key} has something that is no URL"),
            "write http:// or https:// before each, commas between",
        ));
    }
    None
}
