//! Owns the cases of facts: what commands print, and the exact facts that
//! follow. Must not know any single case.

use std::collections::BTreeMap;
use std::fmt::{Debug, Write as _};

use hacluster::facts::{Facts, Needs};
use serde::Deserialize;
use toml::Table;

use super::{Case, answer, line};

pub(super) const SECTIONS: [&str; 15] = [
    "checks",
    "contents",
    "debts",
    "etcd",
    "groups",
    "hashes",
    "identity",
    "ledger",
    "packages",
    "paths",
    "patroni",
    "public_keys",
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
        _ => return needs,
    };
    set.extend(ask);
    needs
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
        "etcd" => facts.etcd.values().for_each(|fact| whole(out, fact)),
        "ledger" => whole(out, &facts.ledger),
        "identity" => whole(out, &facts.identity),
        "patroni" => whole(out, &facts.patroni),
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
