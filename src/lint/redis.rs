//! Owns the rules of redis.conf, which nothing checks before Redis dies of it or
//! stands open. Must not know inventories.

use super::Finding;
use super::settings::{Setting, words};

const SWITCHES: [&str; 14] = [
    "activerehashing",
    "aof-use-rdb-preamble",
    "appendonly",
    "cluster-enabled",
    "daemonize",
    "lazyfree-lazy-eviction",
    "no-appendfsync-on-rewrite",
    "protected-mode",
    "rdbchecksum",
    "rdbcompression",
    "repl-diskless-sync",
    "replica-read-only",
    "replica-serve-stale-data",
    "stop-writes-on-bgsave-error",
];
const NUMBERS: [(&str, u64, u64); 10] = [
    ("port", 0, 65535),
    ("tls-port", 0, 65535),
    ("timeout", 0, u64::MAX),
    ("tcp-backlog", 0, u64::MAX),
    ("tcp-keepalive", 0, u64::MAX),
    ("databases", 1, u64::MAX),
    ("maxclients", 1, u64::MAX),
    ("replica-priority", 0, u64::MAX),
    ("min-replicas-to-write", 0, u64::MAX),
    ("min-replicas-max-lag", 0, u64::MAX),
];
const CHOICES: [(&str, &[&str]); 3] = [
    ("appendfsync", &["always", "everysec", "no"]),
    ("loglevel", &["debug", "verbose", "notice", "warning", "nothing"]),
    (
        "maxmemory-policy",
        &[
            "volatile-lru",
            "allkeys-lru",
            "volatile-lfu",
            "allkeys-lfu",
            "volatile-random",
            "allkeys-random",
            "volatile-ttl",
            "noeviction",
        ],
    ),
];
const SIZES: [&str; 3] = ["maxmemory", "repl-backlog-size", "auto-aof-rewrite-min-size"];

pub(super) fn check(text: &str) -> Vec<Finding> {
    let all = words(text);
    let mut found: Vec<Finding> = all.iter().filter_map(one).collect();
    let get = |key: &str| all.iter().rev().find(|s| s.key == key);
    let locked = ["requirepass", "aclfile", "user"].iter().any(|key| get(key).is_some());
    if let Some(open) = get("protected-mode").filter(|s| s.value == "no" && !locked) {
        found.push(Finding::new(
            open.line,
            "protected-mode is no, and nothing asks for a password",
            "set requirepass or an ACL: everybody who reaches the port would own the data",
        ));
    }
    found
}

fn is_size(value: &str) -> bool {
    let digits = value.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = value[digits.len()..].to_lowercase();
    digits.parse::<u64>().is_ok() && ["", "b", "k", "kb", "m", "mb", "g", "gb"].contains(&unit.as_str())
}

fn one(setting: &Setting) -> Option<Finding> {
    let Setting { line, key, value, .. } = setting;
    let wrong = |fix: String| Some(Finding::new(*line, format!("{key} is {value:?}"), fix));
    if value.is_empty() {
        return Some(Finding::new(
            *line,
            format!("{key} has no value"),
            "Redis dies of it at its next start: write one, or take the line out",
        ));
    }
    if value.matches('"').count() % 2 == 1 {
        return Some(Finding::new(*line, format!("a quote of {key} is never closed"), "close it"));
    }
    if SWITCHES.contains(&key.as_str()) && !["yes", "no"].contains(&value.as_str()) {
        return wrong("write yes or no".to_owned());
    }
    if let Some((_, least, most)) = NUMBERS.iter().find(|(name, ..)| name == key)
        && !value.parse::<u64>().is_ok_and(|number| (*least..=*most).contains(&number))
    {
        return wrong(format!("write a whole number, at least {least}"));
    }
    if let Some((_, choices)) =
        CHOICES.iter().find(|(name, _)| name == key).filter(|(_, all)| !all.contains(&value.as_str()))
    {
        return wrong(format!("write one of {}", choices.join(", ")));
    }
    if SIZES.contains(&key.as_str()) && !is_size(value) {
        return wrong("write a number with kb, mb or gb".to_owned());
    }
    if key == "sentinel" && value.starts_with("monitor ") && value.split_whitespace().count() != 5 {
        return Some(Finding::new(
            *line,
            "sentinel monitor wants a name, an address, a port and a quorum",
            "write all four",
        ));
    }
    None
}
