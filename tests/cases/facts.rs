//! Owns the cases of facts: what commands print, and the exact facts that
//! follow. Must not know any single case.

use std::collections::BTreeMap;
use std::fmt::{Debug, Write as _};

use hacluster::facts::{Facts, GrantKey, GrantOn, LanNeeds, Needs, PostgresServer};
use serde::Deserialize;
use toml::Table;

use super::{Case, answer, line};

pub(super) const SECTIONS: [&str; 20] = [
    "checks",
    "contents",
    "debts",
    "entries",
    "etcd",
    "groups",
    "hashes",
    "identity",
    "lan",
    "ledger",
    "packages",
    "paths",
    "patroni",
    "postgres",
    "public_keys",
    "removals",
    "shipped",
    "sysctls",
    "units",
    "users",
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    /// What was asked of the section that the folder names.
    #[serde(default)]
    ask: Vec<String>,
    #[serde(default)]
    answer: Table,
}

fn needs(section: &str, ask: Vec<String>) -> Needs {
    let mut needs = Needs::default();
    let set = match section {
        "paths" => &mut needs.paths,
        "hashes" => &mut needs.hashes,
        "contents" => &mut needs.contents,
        "packages" => &mut needs.packages,
        "units" => &mut needs.units,
        "users" => &mut needs.users,
        "groups" => &mut needs.groups,
        "sysctls" => &mut needs.sysctls,
        "checks" => &mut needs.checks,
        "public_keys" => &mut needs.public_keys,
        "postgres" => {
            postgres(&mut needs, &ask);
            return needs;
        }
        "entries" => &mut needs.entries,
        "lan" => {
            needs.lan = Some(LanNeeds { interface: "eth0".to_owned(), addresses: ask });
            return needs;
        }
        "removals" => &mut needs.removals,
        "shipped" => &mut needs.shipped,
        _ => return needs,
    };
    set.extend(ask);
    needs
}

/// `role NAME`, `holdings NAME`, `database NAME`, `extension DATABASE NAME`, or a grant:
/// `tables USER DATABASE SCHEMA OWNER`.
fn postgres(needs: &mut Needs, ask: &[String]) {
    let server = PostgresServer { psql: String::new(), port: String::new() };
    let needs = needs.postgres(&server);
    for line in ask {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        match words.as_slice() {
            [kind, name] if kind == "role" => drop(needs.roles.insert(name.clone())),
            [kind, name] if kind == "holdings" => drop(needs.holdings.insert(name.clone())),
            [kind, name] if kind == "database" => drop(needs.databases.insert(name.clone())),
            [kind, database, name] if kind == "extension" => {
                needs.extensions.insert((database.clone(), name.clone()));
            }
            [on, user, database, schema, owner] => {
                let [user, database, schema, owner] = [user, database, schema, owner].map(Clone::clone);
                let on = GrantOn::parse(on).unwrap();
                needs.grants.insert(GrantKey { user, database, schema, on, owner });
            }
            _ => panic!("what is {line}?"),
        }
    }
}

fn rows<V: Debug>(out: &mut String, rows: &BTreeMap<String, V>) {
    for (key, value) in rows {
        let _ = writeln!(out, "{} = {}", line(key), line(&format!("{value:?}")));
    }
}

/// Rust's own words for the value, a line for each of its own.
fn whole(out: &mut String, value: &impl Debug) {
    let _ = writeln!(out, "facts = '''\n{value:#?}\n'''");
}

fn tell(out: &mut String, section: &str, facts: &Facts) {
    match section {
        "paths" => rows(out, &facts.paths),
        "hashes" => rows(out, &facts.hashes),
        "contents" => rows(out, &facts.contents),
        "packages" => rows(out, &facts.packages),
        "units" => rows(out, &facts.units),
        "users" => rows(out, &facts.users),
        "groups" => rows(out, &facts.groups),
        "sysctls" => rows(out, &facts.sysctls),
        "checks" => rows(out, &facts.checks),
        "public_keys" => rows(out, &facts.public_keys),
        "debts" => rows(out, &facts.debts),
        "entries" => rows(out, &facts.entries),
        "removals" => rows(out, &facts.removals),
        "shipped" => rows(out, &facts.shipped),
        "etcd" => facts.etcd.values().for_each(|fact| whole(out, fact)),
        "lan" => whole(out, &facts.lan),
        "ledger" => whole(out, &facts.ledger),
        "identity" => whole(out, &facts.identity),
        "patroni" => whole(out, &facts.patroni),
        "postgres" => facts.postgres.iter().for_each(|facts| whole(out, facts)),
        other => panic!("no section {other}"),
    }
}

pub(super) fn actual(case: &Case) -> String {
    let given: Given = case.given();
    let mut out = "[expect]\n".to_owned();
    match answer::facts(&given.answer, &needs(&case.folder, given.ask)) {
        Ok(facts) => tell(&mut out, &case.folder, &facts),
        Err(error) => drop(writeln!(out, "error = {}", line(&error.to_string()))),
    }
    out
}
