//! Owns the rules about who may connect from where.
//! Must not know what users may do once they are in.

use crate::inventory::{HbaType, Inventory, PostgresHba};
use crate::problem::Problem;

use super::declared::{database_names, unknown, user_names};

const METHODS: &[&str] = &["scram-sha-256", "cert", "peer", "reject"];

/// Methods of `PostgreSQL` that are refused, and why.
const REFUSED: &[(&str, &str)] = &[
    ("trust", "lets everybody in who can reach the port, as any user, without a password"),
    ("password", "sends the password as it is"),
    ("md5", "needs verifiers that can be used like passwords; this cluster keeps SCRAM only"),
    ("ident", "believes what the client's machine says of its user"),
];

/// A problem at a key of rule `at`.
fn problem(inventory: &Inventory, at: usize, key: &str, message: String, help: impl Into<String>) -> Problem {
    inventory.problem("HAC-E058", &format!("postgres.hba[{at}].{key}"), message).help(help)
}

pub(super) fn methods(inventory: &Inventory) -> Vec<Problem> {
    let rules = inventory.postgres.hba.iter().enumerate();
    rules.filter_map(|(at, rule)| method(inventory, at, rule)).collect()
}

fn method(inventory: &Inventory, at: usize, rule: &PostgresHba) -> Option<Problem> {
    let method = &*rule.method;
    let say = |message: String, help: &str| Some(problem(inventory, at, "method", message, help));
    if let Some((_, why)) = REFUSED.iter().find(|(refused, _)| *refused == method) {
        return say(
            format!("the method {method} {why}"),
            "write method = \"scram-sha-256\", or leave the line out",
        );
    }
    if !METHODS.contains(&method) {
        let message = format!("`method` is \"{method}\"; it can be {}", METHODS.join(", "));
        return say(message, "write method = \"scram-sha-256\", or leave the line out");
    }
    match (method, rule.r#type) {
        ("peer", HbaType::Hostssl | HbaType::Host | HbaType::Hostnossl) => say(
            "peer is for clients on the host itself: it asks the kernel who they are".to_owned(),
            "write type = \"local\", or another method",
        ),
        ("cert", HbaType::Local | HbaType::Host | HbaType::Hostnossl) => say(
            "cert needs TLS: the client's certificate says who it is".to_owned(),
            "write type = \"hostssl\", or another method",
        ),
        _ => None,
    }
}

pub(super) fn addresses(inventory: &Inventory) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (at, rule) in inventory.postgres.hba.iter().enumerate() {
        let local = rule.r#type == HbaType::Local;
        if local && rule.address.is_some() {
            let message = "a local rule has no address: it is about the socket on the host".to_owned();
            problems.push(problem(inventory, at, "address", message, "remove the line"));
        }
        let missing = !local && rule.address.is_none();
        if missing && !inventory.is_written(&format!("postgres.hba[{at}].address")) {
            let message = format!("a {} rule needs an address", rule.r#type);
            let help = format!("add a line address = \"{}\"", inventory.network.subnet);
            problems.push(problem(inventory, at, "address", message, help));
        }
    }
    problems
}

pub(super) fn references(inventory: &Inventory) -> Vec<Problem> {
    let (users, databases) = (user_names(inventory), database_names(inventory));
    let mut problems = Vec::new();
    for (at, rule) in inventory.postgres.hba.iter().enumerate() {
        let user = rule.user.strip_prefix('+').unwrap_or(&rule.user);
        if user != "all" {
            problems.extend(unknown(inventory, &format!("postgres.hba[{at}].user"), "user", user, &users));
        }
        let word = ["all", "postgres", "replication", "sameuser", "samerole"].contains(&&*rule.database);
        if !word {
            let path = format!("postgres.hba[{at}].database");
            problems.extend(unknown(inventory, &path, "database", &rule.database, &databases));
        }
    }
    problems
}

/// A rule that lets clients come without TLS.
pub(super) fn plain(inventory: &Inventory) -> Vec<Problem> {
    let plain = |rule: &PostgresHba| {
        matches!(rule.r#type, HbaType::Host | HbaType::Hostnossl) && &*rule.method != "reject"
    };
    let rules = inventory.postgres.hba.iter().enumerate().filter(|(_, rule)| plain(rule));
    let warn = |(at, rule): (usize, &PostgresHba)| {
        let message = format!("type = \"{}\" lets clients come without TLS: others read along", rule.r#type);
        let path = format!("postgres.hba[{at}].type");
        inventory.problem("HAC-W058", &path, message).warning().help("write type = \"hostssl\"")
    };
    rules.map(warn).collect()
}
