//! Owns the rules about users and databases inside `PostgreSQL`.
//! Must not know what is granted, nor who may connect from where.

use std::collections::BTreeMap;

use crate::inventory::suggest::nearest;
use crate::inventory::{Inventory, PostgresUser};
use crate::problem::Problem;
use crate::secrets::GENERATED;

/// Roles that hacluster and Patroni keep, and words that mean other things.
const RESERVED_USERS: &[(&str, &str)] = &[
    ("postgres", "it is the superuser, which Patroni keeps"),
    ("replicator", "replicas log in as it, and Patroni keeps it"),
    ("rewind_user", "pg_rewind logs in as it, and Patroni keeps it"),
    ("public", "in SQL it means everybody"),
    ("none", "in SQL it means nobody"),
    ("all", "in pg_hba rules it means every user"),
];
const RESERVED_DATABASES: &[(&str, &str)] = &[
    ("postgres", "every cluster has it, and hacluster logs in there"),
    ("template0", "new databases are copies of it"),
    ("template1", "new databases are copies of it"),
    ("replication", "in pg_hba rules it means no database"),
    ("all", "in pg_hba rules it means every database"),
    ("sameuser", "in pg_hba rules it means the user's own"),
    ("samerole", "in pg_hba rules it means one of a role"),
];
/// Roles that `PostgreSQL` has for members.
const PREDEFINED: &[&str] = &[
    "pg_checkpoint",
    "pg_create_subscription",
    "pg_execute_server_program",
    "pg_maintain",
    "pg_monitor",
    "pg_read_all_data",
    "pg_read_all_settings",
    "pg_read_all_stats",
    "pg_read_server_files",
    "pg_signal_backend",
    "pg_stat_scan_tables",
    "pg_use_reserved_connections",
    "pg_write_all_data",
    "pg_write_server_files",
];

/// Names of a kind, each with its path.
fn users(inventory: &Inventory) -> Vec<(String, String)> {
    let users = inventory.postgres.user.iter().enumerate();
    users.map(|(at, user)| (user.name.to_string(), format!("postgres.user[{at}].name"))).collect()
}

fn databases(inventory: &Inventory) -> Vec<(String, String)> {
    let databases = inventory.postgres.database.iter().enumerate();
    databases.map(|(at, one)| (one.name.to_string(), format!("postgres.database[{at}].name"))).collect()
}

pub(super) fn duplicates(inventory: &Inventory) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (what, names) in [("user", users(inventory)), ("database", databases(inventory))] {
        let mut seen: BTreeMap<String, String> = BTreeMap::new();
        for (name, path) in names {
            let Some(first) = seen.insert(name.clone(), path.clone()) else { continue };
            let message = format!("the {what} \"{name}\" is declared twice");
            let problem = inventory.problem("HAC-E032", &path, message).says("here again");
            let first = inventory.span(&first);
            problems.push(problem.also(first, "first here").help("keep one of them"));
        }
    }
    problems
}

pub(super) fn reserved(inventory: &Inventory) -> Vec<Problem> {
    let mut problems = Vec::new();
    let kinds = [
        ("a user's name", users(inventory), RESERVED_USERS),
        ("a database's name", databases(inventory), RESERVED_DATABASES),
    ];
    for (what, names, reserved) in kinds {
        for (name, path) in names {
            let system = name.starts_with("pg_").then_some("pg_ begins the names of PostgreSQL itself");
            let known = reserved.iter().find(|(word, _)| *word == name).map(|(_, why)| *why);
            let Some(why) = known.or(system) else { continue };
            let message = format!("\"{name}\" cannot be {what}: {why}");
            let other = name.trim_start_matches("pg_");
            problems.push(
                inventory
                    .problem("HAC-E033", &path, message)
                    .help(format!("write for example \"app-{other}\"")),
            );
        }
    }
    problems
}

/// What stands in for a name that nobody declared.
pub(super) fn unknown(
    inventory: &Inventory,
    path: &str,
    what: &str,
    name: &str,
    known: &[String],
) -> Option<Problem> {
    if known.iter().any(|other| other == name) {
        return None;
    }
    let help = match nearest(name, known.iter().map(String::as_str)) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => format!("declare it: [[postgres.{what}]] with a line name = \"{name}\""),
    };
    Some(
        inventory.problem("HAC-E043", path, format!("there is no {what} \"{name}\" in this file")).help(help),
    )
}

fn names(list: Vec<(String, String)>) -> Vec<String> {
    list.into_iter().map(|(name, _)| name).collect()
}

pub(super) fn user_names(inventory: &Inventory) -> Vec<String> {
    names(users(inventory))
}

pub(super) fn database_names(inventory: &Inventory) -> Vec<String> {
    names(databases(inventory))
}

pub(super) fn references(inventory: &Inventory) -> Vec<Problem> {
    let postgres = &inventory.postgres;
    let users = user_names(inventory);
    let with = |more: &[&str]| users.iter().cloned().chain(more.iter().map(|n| (*n).to_owned())).collect();
    let (owners, groups): (Vec<String>, Vec<String>) = (with(&["postgres"]), with(PREDEFINED));
    let databases = database_names(inventory);
    let mut problems = Vec::new();
    for (at, user) in postgres.user.iter().enumerate() {
        for (index, group) in user.member_of.iter().enumerate() {
            let path = format!("postgres.user[{at}].member_of[{index}]");
            problems.extend(unknown(inventory, &path, "user", group, &groups));
        }
    }
    for (at, database) in postgres.database.iter().enumerate() {
        let path = format!("postgres.database[{at}].owner");
        problems.extend(unknown(inventory, &path, "user", &database.owner, &owners));
    }
    for (at, grant) in postgres.grant.iter().enumerate() {
        let path = |key: &str| format!("postgres.grant[{at}].{key}");
        problems.extend(unknown(inventory, &path("user"), "user", &grant.user, &users));
        problems.extend(unknown(inventory, &path("database"), "database", &grant.database, &databases));
    }
    problems
}

fn groups(user: &PostgresUser) -> impl Iterator<Item = &str> {
    user.member_of.iter().map(|group| &**group)
}

/// A role that would be a member of itself, by any way.
pub(super) fn membership(inventory: &Inventory) -> Vec<Problem> {
    let users = &inventory.postgres.user;
    let mut problems = Vec::new();
    for (at, user) in users.iter().enumerate() {
        let (mut open, mut seen): (Vec<&str>, Vec<&str>) = (vec![&user.name], Vec::new());
        while let Some(name) = open.pop() {
            let groups = users.iter().filter(|other| &*other.name == name).flat_map(groups);
            let new: Vec<&str> = groups.filter(|group| !seen.contains(group)).collect();
            seen.extend(&new);
            open.extend(new);
        }
        if seen.contains(&&*user.name) {
            let message = format!("\"{}\" would be a member of itself", user.name);
            let path = format!("postgres.user[{at}].member_of");
            problems
                .push(inventory.problem("HAC-E043", &path, message).help("take one role out of the circle"));
        }
    }
    problems
}

/// A password is one user's, and none that the cluster has for itself.
pub(super) fn passwords(inventory: &Inventory) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let users = &inventory.postgres.user;
    // One that is declared twice is told of already.
    let twice = |one: usize, other: usize| users[one].name == users[other].name;
    for (at, user) in users.iter().enumerate() {
        let Some(secret) = &user.password else { continue };
        let path = format!("postgres.user[{at}].password");
        let path = if inventory.is_written(&path) { path } else { format!("postgres.user[{at}].name") };
        let problem = |message: String| inventory.problem("HAC-E061", &path, message);
        if GENERATED.contains(&secret.name()) {
            let message = format!("{secret} is a password of the cluster itself");
            problems.push(problem(message).help("leave the line out: the user then gets one of its own"));
        } else if !user.login {
            let message = format!("\"{}\" may not log in, and has a password", user.name);
            problems.push(problem(message).help("remove one of password and login = false"));
        } else if let Some(first) = seen.insert(secret.to_string(), at).filter(|first| !twice(*first, at)) {
            let message = format!("{secret} is the password of two users");
            let first = inventory.span(&format!("postgres.user[{first}]"));
            problems.push(problem(message).also(first, "the first one").help("name another secret"));
        }
    }
    problems
}
