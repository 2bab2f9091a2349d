//! Owns the rules of Patroni's file that its own checker lets pass: bounds, times
//! that do not fit together, unknown tables. Must not know inventories.

use super::Finding;
use super::yaml::{Node, Value, parse};

const TABLES: [&str; 20] = [
    "scope",
    "namespace",
    "name",
    "log",
    "bootstrap",
    "etcd",
    "etcd3",
    "consul",
    "zookeeper",
    "exhibitor",
    "kubernetes",
    "raft",
    "citus",
    "restapi",
    "ctl",
    "postgresql",
    "watchdog",
    "tags",
    "multisite",
    "thread_pool_size",
];
const NEEDED: [&str; 6] = [
    "scope",
    "name",
    "restapi.listen",
    "restapi.connect_address",
    "postgresql.listen",
    "postgresql.data_dir",
];
/// Where the lock is.
const STORES: [&str; 7] = ["etcd", "etcd3", "consul", "zookeeper", "exhibitor", "kubernetes", "raft"];
/// Names, and the least Patroni takes; below it takes its own silently.
const NUMBERS: [(&str, u64); 8] = [
    ("bootstrap.dcs.ttl", 20),
    ("bootstrap.dcs.loop_wait", 1),
    ("bootstrap.dcs.retry_timeout", 3),
    ("bootstrap.dcs.maximum_lag_on_failover", 0),
    ("bootstrap.dcs.primary_start_timeout", 0),
    ("bootstrap.dcs.synchronous_node_count", 1),
    ("tags.failover_priority", 0),
    ("watchdog.safety_margin", 0),
];
const CHOICES: [(&str, &[&str]); 4] = [
    ("watchdog.mode", &["off", "automatic", "required"]),
    ("restapi.verify_client", &["none", "optional", "required"]),
    ("etcd3.protocol", &["http", "https"]),
    ("bootstrap.dcs.synchronous_mode", &["true", "false", "quorum"]),
];
/// One is nothing without the other.
const PAIRS: [(&str, &str); 4] = [
    ("restapi.certfile", "restapi.keyfile"),
    ("ctl.certfile", "ctl.keyfile"),
    ("etcd3.cert", "etcd3.key"),
    ("restapi.authentication.username", "restapi.authentication.password"),
];

pub(super) fn check(text: &str) -> Vec<Finding> {
    let tree = match parse(text) {
        Ok(tree) => tree,
        Err(finding) => return vec![finding],
    };
    let mut found = tree.doubtful();
    found.extend(tables(&tree));
    found.extend(numbers(&tree));
    found.extend(times(&tree));
    found.extend(words(&tree));
    found
}

fn tables(tree: &Node) -> Vec<Finding> {
    let Value::Table(all) = &tree.value else {
        return vec![Finding::new(
            tree.line,
            "it is no table of settings",
            "see the template patroni/config.yml.j2",
        )];
    };
    let unknown = all.iter().filter(|(key, _)| !TABLES.contains(&key.as_str()));
    let mut found: Vec<Finding> = unknown
        .map(|(key, node)| {
            Finding::new(
                node.line,
                format!("Patroni knows no table {key:?}"),
                "it would be left out without a word; look at its indentation",
            )
        })
        .collect();
    let empty = |path: &&&str| tree.text(path).is_none_or(|(_, text)| text.is_empty());
    found.extend(
        NEEDED
            .iter()
            .filter(empty)
            .map(|path| Finding::new(0, format!("{path} is missing"), "Patroni does not start without it")),
    );
    if !STORES.iter().any(|store| tree.get(store).is_some()) {
        found.push(Finding::new(0, "it names no store for the lock", "give it etcd3 with hosts"));
    }
    found
}

fn numbers(tree: &Node) -> Vec<Finding> {
    let bad = |(path, least): &(&str, u64)| {
        let (line, text) = tree.text(path)?;
        let small = text.parse::<u64>().ok().is_none_or(|number| number < *least);
        small.then(|| {
            Finding::new(
                line,
                format!("{path} is {text:?}, no whole number of at least {least}"),
                "Patroni takes its own value instead, without a word",
            )
        })
    };
    NUMBERS.iter().filter_map(bad).collect()
}

/// A leader must be able to miss an answer twice before its lock ends.
fn times(tree: &Node) -> Option<Finding> {
    let number = |name: &str| {
        let (line, text) = tree.text(&format!("bootstrap.dcs.{name}"))?;
        Some((line, text.parse::<u64>().ok()?))
    };
    let ((line, ttl), (_, wait), (_, retry)) =
        (number("ttl")?, number("loop_wait")?, number("retry_timeout")?);
    let needed = wait + 2 * retry;
    (needed > ttl).then(|| {
        let what = format!("ttl is {ttl}, less than loop_wait + 2 x retry_timeout = {needed}");
        Finding::new(
            line,
            what,
            "a leader would lose its lock while it still tries: raise ttl or lower the others",
        )
    })
}

fn words(tree: &Node) -> Vec<Finding> {
    let mut found = Vec::new();
    for (path, choices) in CHOICES {
        if let Some((line, text)) = tree.text(path).filter(|(_, text)| !choices.contains(text)) {
            found.push(Finding::new(
                line,
                format!("{path} is {text:?}"),
                format!("write one of {}", choices.join(", ")),
            ));
        }
    }
    for (one, other) in PAIRS {
        if let (Some(node), None) = (tree.get(one), tree.get(other)) {
            found.push(Finding::new(
                node.line,
                format!("{one} is set and {other} is not"),
                "set both or none",
            ));
        }
    }
    for (path, line, text, _) in tree.scalars() {
        if path.ends_with(".password") && text.is_empty() {
            found.push(Finding::new(line, format!("{path} is empty"), "give it a secret"));
        }
    }
    let priority = tree.text("tags.failover_priority").filter(|(_, text)| *text != "0");
    if let (Some((line, _)), Some((_, "true"))) = (priority, tree.text("tags.nofailover")) {
        found.push(Finding::new(
            line,
            "tags.failover_priority contradicts tags.nofailover",
            "keep failover_priority; 0 means that it never leads",
        ));
    }
    found
}
