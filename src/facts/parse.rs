//! Owns the reading of a probe's answer: sections, and which keys they answer.
//! A fuzz target: any bytes give facts or an error, never a panic, and what was
//! not answered is never absent. Must not know why a fact was asked.

use std::collections::{BTreeMap, BTreeSet};

use super::exit::{GETENT, NOT_THERE, SOME, TIMED_OUT};
use super::lines::Preferred;
use super::needs::Needs;
use super::rows::UnitFact;
use super::{Fact, Facts, lan, lines, postgres, rest};

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    #[error("the probe's answer has no identity section: the host's shell printed something else")]
    NoIdentity,
    /// Without them a host would look as if nothing had ever been applied.
    #[error("the probe's answer has no whole section {0}: it was cut, or the host could not read it")]
    NoState(&'static str),
}

struct Section<'a> {
    body: &'a str,
    status: i32,
}

impl<'a> Section<'a> {
    fn rows(&self) -> impl Iterator<Item = &'a str> {
        self.body.lines().filter(|line| !line.is_empty())
    }

    /// Why a key without a row is not simply absent. `complaints` are the rows
    /// that say more than "not there".
    fn trouble(&self, key: &str, answers: &[i32], complaints: &[&str]) -> Option<String> {
        if TIMED_OUT.contains(&self.status) {
            return Some(format!("reading {key} ran out of time"));
        }
        if !answers.contains(&self.status) {
            return Some(format!("reading {key} failed with status {}", self.status));
        }
        // Quoted where it has odd characters; /etc/ab is no word about /etc/a.
        let named = [format!("'{key}'"), format!("\"{key}\""), format!(" {key}:")];
        let about = |row: &&&str| named.iter().any(|name| row.contains(name));
        complaints.iter().find(about).map(|row| (*row).to_owned())
    }
}

/// Reads `text`, the answer to a probe made of `needs` with this `nonce`.
pub fn parse(text: &str, needs: &Needs, nonce: &str) -> Result<Facts, ParseError> {
    let sections = sections(text, nonce);
    let get = |name: &str| sections.get(name);
    let state = |name| get(name).filter(|s| s.status == 0).ok_or(ParseError::NoState(name));
    let identity = get("identity").ok_or(ParseError::NoIdentity)?;
    let (debts, ledger) = (state("debts")?, state("ledger")?.body);
    let path = |line: &str| lines::path_row(line, &needs.paths);
    let mut facts = Facts {
        identity: lines::identity(identity.rows()),
        debts: debts.rows().filter_map(lines::pair).collect(),
        ledger: Some(ledger.to_owned()).filter(|text| !text.trim().is_empty()),
        paths: keyed(&needs.paths, get("paths"), &SOME, path),
        hashes: keyed(&needs.hashes, get("hashes"), &SOME, lines::hash_row),
        packages: keyed(&needs.packages, get("packages"), &SOME, lines::package_row),
        users: keyed(&needs.users, get("users"), &GETENT, lines::user_row),
        groups: keyed(&needs.groups, get("groups"), &GETENT, lines::group_row),
        sysctls: keyed(&needs.sysctls, get("sysctls"), &SOME, lines::sysctl_row),
        units: units(&needs.units, get("units")),
        ..Facts::default()
    };
    facts.contents = items(&needs.contents, get("contents"), nonce, |text| Some(text.to_owned()));
    let first_word = |text: &str| text.split_whitespace().next().map(str::to_owned);
    facts.public_keys = items(&needs.public_keys, get("public_keys"), nonce, first_word);
    facts.entries = items(&needs.entries, get("entries"), nonce, |text| Some(text.to_owned()));
    facts.removals = keyed(&needs.removals, get("removals"), &SOME, lines::removal_row);
    facts.shipped = keyed(&needs.shipped, get("shipped"), &SOME, lines::shipped_row);
    facts.checks = checks(&needs.checks, get("checks"), nonce);
    for name in needs.etcd.keys() {
        let fact = get(&format!("etcd:{name}")).map_or_else(missing, |s| Fact::Present(rest::etcd(s.body)));
        facts.etcd.insert(name.clone(), fact);
    }
    if needs.patroni.is_some() {
        facts.patroni = Some(get("patroni").map_or_else(missing, |s| Fact::Present(rest::patroni(s.body))));
    }
    let answer = get("postgres").map(|section| (section.body, section.status));
    facts.lan = needs.lan.as_ref().map(|_| get("lan").map_or_else(missing, |s| lan::read(s.body, s.status)));
    facts.postgres = needs.postgres.as_ref().map(|asked| postgres::read(asked, answer));
    Ok(facts)
}

fn missing<T>() -> Fact<T> {
    Fact::Unreadable("the probe ended before this was answered".to_owned())
}

/// Whole sections only: one whose last line is cut, even within its status, is
/// not there.
fn sections<'a>(text: &'a str, nonce: &str) -> BTreeMap<&'a str, Section<'a>> {
    let mut found = BTreeMap::new();
    let begin = format!("{nonce} begin ");
    let mut rest = text;
    while let Some(at) = rest.find(&begin) {
        rest = &rest[at + begin.len()..];
        let Some(name_end) = rest.find('\n') else { break };
        let name = &rest[..name_end];
        rest = &rest[name_end..];
        let end = format!("\n{nonce} end {name} ");
        let Some(body_end) = rest.find(&end) else { break };
        let body = rest.get(1..body_end).unwrap_or("");
        rest = &rest[body_end + end.len()..];
        let Some(status_end) = rest.find('\n') else { break };
        if let Ok(status) = rest[..status_end].parse() {
            found.insert(name, Section { body, status });
        }
    }
    found
}

/// One row a key; a key without a row is absent only where the section answered.
fn keyed<T: Preferred>(
    keys: &BTreeSet<String>,
    section: Option<&Section<'_>>,
    answers: &[i32],
    row: impl Fn(&str) -> Option<(String, T)>,
) -> BTreeMap<String, Fact<T>> {
    let Some(section) = section else {
        return keys.iter().map(|k| (k.clone(), missing())).collect();
    };
    let mut rows: BTreeMap<String, T> = BTreeMap::new();
    for (key, value) in section.rows().filter_map(row) {
        if !rows.get(&key).is_some_and(Preferred::preferred) {
            rows.insert(key, value);
        }
    }
    let complaints: Vec<&str> = section.rows().filter(|row| lines::is_trouble(row)).collect();
    let trouble = |key: &String| section.trouble(key, answers, &complaints);
    let absent = |key: &String| trouble(key).map_or(Fact::Absent, Fact::Unreadable);
    keys.iter().map(|k| (k.clone(), rows.remove(k).map_or_else(|| absent(k), Fact::Present))).collect()
}

/// `systemctl show` prints one block a unit. It goes by name: an alias answers
/// with its unit's `Id`, and a name systemd refuses has no block at all.
fn units(keys: &BTreeSet<String>, section: Option<&Section<'_>>) -> BTreeMap<String, Fact<UnitFact>> {
    let Some(section) = section else {
        return keys.iter().map(|u| (u.clone(), missing())).collect();
    };
    let mut blocks: BTreeMap<String, UnitFact> = BTreeMap::new();
    for block in section.body.split("\n\n").filter(|block| block.contains("LoadState=")) {
        let (names, unit) = lines::unit_block(block);
        blocks.extend(names.into_iter().map(|name| (name, unit.clone())));
    }
    let unread = || Fact::Unreadable("systemctl did not answer".to_owned());
    keys.iter().map(|u| (u.clone(), blocks.get(u).cloned().map_or_else(unread, Fact::Present))).collect()
}

/// Status and text of each item of a section, in the order of `keys`.
fn framed<'a>(
    keys: &'a BTreeSet<String>,
    section: Option<&'a Section<'_>>,
    nonce: &'a str,
) -> impl Iterator<Item = (String, Option<(i32, &'a str)>)> {
    let mut body = section.map_or("", |s| s.body);
    let end = format!("\n{nonce} done ");
    keys.iter().enumerate().map(move |(index, key)| {
        let start = format!("{nonce} item {index}\n");
        let item = body.find(&start).and_then(|at| {
            let rest = &body[at + start.len()..];
            let stop = rest.find(&end)?;
            body = &rest[stop + end.len()..];
            let status = body.lines().next().and_then(|s| s.parse().ok())?;
            Some((status, &rest[..stop]))
        });
        (key.clone(), item)
    })
}

/// Items whose text is the fact; [`NOT_THERE`] says that there is none.
fn items(
    keys: &BTreeSet<String>,
    section: Option<&Section<'_>>,
    nonce: &str,
    read: impl Fn(&str) -> Option<String>,
) -> BTreeMap<String, Fact<String>> {
    let fact = |key: &str, item| match item {
        None => missing(),
        Some((NOT_THERE, _)) => Fact::Absent,
        Some((0, text)) => read(text).map_or(Fact::Absent, Fact::Present),
        Some((status, _)) => Fact::Unreadable(format!("reading {key} failed with status {status}")),
    };
    framed(keys, section, nonce).map(|(key, item)| (key.clone(), fact(&key, item))).collect()
}

fn checks(
    keys: &BTreeSet<String>,
    section: Option<&Section<'_>>,
    nonce: &str,
) -> BTreeMap<String, Fact<i32>> {
    let fact = |item: Option<(i32, &str)>| item.map_or_else(missing, |(status, _)| Fact::Present(status));
    framed(keys, section, nonce).map(|(key, item)| (key, fact(item))).collect()
}
