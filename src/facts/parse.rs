//! Owns the reading of a probe's answer. A fuzz target: any bytes give facts
//! or an error, never a panic. Must not know why a fact was asked.

use std::collections::BTreeMap;

use serde_json::Value;

use super::identity::Identity;
use super::needs::Needs;
use super::rows::{EtcdFact, EtcdRow, PackageFact, PathFact, PathType, PatroniFact, UnitFact, UserFact};
use super::{Fact, Facts};

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    #[error("the probe's answer has no identity section: the host's shell printed something else")]
    NoIdentity,
}

/// Exit status of `timeout` when time ran out, and when it had to kill.
const TIMED_OUT: [i32; 2] = [124, 137];

struct Section<'a> {
    body: &'a str,
    status: i32,
}

impl<'a> Section<'a> {
    fn rows(&self) -> impl Iterator<Item = &'a str> {
        self.body.lines().filter(|line| !line.is_empty())
    }
}

/// Reads `text`, the answer to a probe made of `needs` with this `nonce`.
pub fn parse(text: &str, needs: &Needs, nonce: &str) -> Result<Facts, ParseError> {
    let sections = sections(text, nonce);
    let get = |name: &str| sections.get(name);
    let identity = get("identity").map(|s| identity(s)).ok_or(ParseError::NoIdentity)?;
    let mut facts = Facts {
        identity,
        paths: keyed(&needs.paths, get("paths"), path_row),
        hashes: keyed(&needs.hashes, get("hashes"), hash_row),
        packages: keyed(&needs.packages, get("packages"), package_row),
        users: keyed(&needs.users, get("users"), user_row),
        groups: keyed(&needs.groups, get("groups"), group_row),
        sysctls: keyed(&needs.sysctls, get("sysctls"), sysctl_row),
        units: units(needs, get("units")),
        debts: get("debts").map(|s| s.rows().filter_map(pair).collect()).unwrap_or_default(),
        ledger: get("ledger").map(|s| s.body.to_owned()).filter(|text| !text.trim().is_empty()),
        ..Facts::default()
    };
    let items = |name: &str, keys| items(keys, get(name), nonce);
    facts.contents = items("contents", &needs.contents)
        .into_iter()
        .map(|(k, (status, text))| (k, if status == 0 { Fact::Present(text) } else { Fact::Absent }))
        .collect();
    facts.public_keys = items("public_keys", &needs.public_keys)
        .into_iter()
        .map(|(k, (status, text))| {
            let hash = text.split_whitespace().next().filter(|_| status == 0).map(str::to_owned);
            (k, hash.map_or(Fact::Absent, Fact::Present))
        })
        .collect();
    facts.checks =
        items("checks", &needs.checks).into_iter().map(|(k, (_, text))| (k, check(&text))).collect();
    for name in needs.etcd.keys() {
        let fact = get(&format!("etcd:{name}")).map_or_else(missing, |s| Fact::Present(etcd(s.body)));
        facts.etcd.insert(name.clone(), fact);
    }
    if needs.patroni.is_some() {
        facts.patroni = Some(get("patroni").map_or_else(missing, |s| Fact::Present(patroni(s.body))));
    }
    Ok(facts)
}

fn missing<T>() -> Fact<T> {
    Fact::Unreadable("the probe ended before this was answered".to_owned())
}

fn sections<'a>(text: &'a str, nonce: &str) -> BTreeMap<&'a str, Section<'a>> {
    let mut found = BTreeMap::new();
    let (begin, end) = (format!("{nonce} begin "), format!("\n{nonce} end "));
    let mut rest = text;
    while let Some(at) = rest.find(&begin) {
        rest = &rest[at + begin.len()..];
        let Some(name_end) = rest.find('\n') else { break };
        let name = &rest[..name_end];
        rest = &rest[name_end..];
        let Some(body_end) = rest.find(&end) else { break };
        let body = rest.get(1..body_end).unwrap_or("");
        rest = &rest[body_end + end.len()..];
        let line = rest.lines().next().unwrap_or("");
        let status = line.rsplit(' ').next().and_then(|s| s.parse().ok()).unwrap_or(-1);
        found.insert(name, Section { body, status });
    }
    found
}

/// One row a key; a key without a row is absent, unless the section ran out.
fn keyed<T>(
    keys: &std::collections::BTreeSet<String>,
    section: Option<&Section<'_>>,
    row: impl Fn(&str) -> Option<(String, T)>,
) -> BTreeMap<String, Fact<T>> {
    let Some(section) = section else {
        return keys.iter().map(|k| (k.clone(), missing())).collect();
    };
    let mut rows: BTreeMap<String, T> = section.rows().filter_map(row).collect();
    let absent = |key: &String| {
        if TIMED_OUT.contains(&section.status) {
            return Fact::Unreadable(format!("reading {key} ran out of time"));
        }
        Fact::Absent
    };
    keys.iter().map(|k| (k.clone(), rows.remove(k).map_or_else(|| absent(k), Fact::Present))).collect()
}

fn pair(line: &str) -> Option<(String, String)> {
    line.split_once('=').map(|(k, v)| (k.to_owned(), v.to_owned()))
}

fn identity(section: &Section<'_>) -> Identity {
    let mut found = Identity::default();
    for (key, value) in section.rows().filter_map(pair) {
        match key.as_str() {
            "os" => found.os = value,
            "os_version" => found.os_version = value,
            "arch" => found.arch = value,
            "hostname" => found.hostname = value,
            "machine_id" => found.machine_id = value,
            "boot_id" => found.boot_id = value,
            "cpus" => found.cpus = value.parse().unwrap_or(0),
            "memory_kib" => found.memory_mib = value.parse::<u64>().unwrap_or(0) / 1024,
            "time" => found.time = value.parse().unwrap_or(0),
            "container" => found.container = true,
            "systemd" => found.systemd = true,
            "watchdog" => found.watchdog = true,
            // CAP_SYS_TIME is bit 25 (linux/capability.h).
            "caps" => found.can_set_clock = u64::from_str_radix(&value, 16).is_ok_and(|c| c >> 25 & 1 == 1),
            "address" => found.add_address(&value),
            _ => {}
        }
    }
    found
}

fn path_row(line: &str) -> Option<(String, PathFact)> {
    let mut parts = line.splitn(5, '|');
    let (kind, mode, owner, group) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let name = parts.next()?;
    let kind = match kind {
        "regular file" | "regular empty file" => PathType::File,
        "directory" => PathType::Directory,
        "symbolic link" => PathType::Link,
        _ => PathType::Other,
    };
    let (name, target) = match name.split_once(" -> ") {
        Some((name, target)) if kind == PathType::Link => (name, Some(target.to_owned())),
        _ => (name, None),
    };
    let fact =
        PathFact { kind, mode: mode.to_owned(), owner: owner.to_owned(), group: group.to_owned(), target };
    Some((name.to_owned(), fact))
}

fn hash_row(line: &str) -> Option<(String, String)> {
    let (hash, path) = line.split_once("  ")?;
    (hash.len() == 64).then(|| (path.to_owned(), hash.to_owned()))
}

fn package_row(line: &str) -> Option<(String, PackageFact)> {
    let mut parts = line.split('|');
    let (name, status, version) = (parts.next()?, parts.next()?, parts.next()?);
    // `un` and `in` rows are names dpkg has only heard of.
    if version.is_empty() {
        return None;
    }
    Some((name.to_owned(), PackageFact { version: version.to_owned(), status: status.trim().to_owned() }))
}

fn user_row(line: &str) -> Option<(String, UserFact)> {
    let parts: Vec<&str> = line.split(':').collect();
    let [name, _, uid, gid, _, home, shell] = parts.as_slice() else { return None };
    let fact = UserFact {
        uid: uid.parse().ok()?,
        gid: gid.parse().ok()?,
        home: (*home).to_owned(),
        shell: (*shell).to_owned(),
    };
    Some(((*name).to_owned(), fact))
}

fn group_row(line: &str) -> Option<(String, Vec<String>)> {
    let parts: Vec<&str> = line.split(':').collect();
    let [name, _, _, members] = parts.as_slice() else { return None };
    Some(((*name).to_owned(), members.split(',').filter(|m| !m.is_empty()).map(str::to_owned).collect()))
}

fn sysctl_row(line: &str) -> Option<(String, String)> {
    let (key, value) = pair(line)?;
    Some((key, value.split_whitespace().collect::<Vec<_>>().join(" ")))
}

/// `systemctl show` prints one block a unit, in the order asked.
fn units(needs: &Needs, section: Option<&Section<'_>>) -> BTreeMap<String, Fact<UnitFact>> {
    let Some(section) = section else {
        return needs.units.iter().map(|u| (u.clone(), missing())).collect();
    };
    let mut blocks = section.body.split("\n\n");
    needs
        .units
        .iter()
        .map(|unit| {
            let block = blocks.next().filter(|b| b.contains("LoadState="));
            let unread = || Fact::Unreadable("systemctl did not answer".to_owned());
            (unit.clone(), block.map_or_else(unread, |b| Fact::Present(unit_row(b))))
        })
        .collect()
}

fn unit_row(block: &str) -> UnitFact {
    let mut unit = UnitFact::default();
    for (key, value) in block.lines().filter_map(pair) {
        match key.as_str() {
            "LoadState" => unit.load = value,
            "ActiveState" => unit.active = value,
            "SubState" => unit.sub = value,
            "UnitFileState" => unit.file_state = value,
            "NeedDaemonReload" => unit.need_reload = value == "yes",
            _ => {}
        }
    }
    unit
}

fn items(
    keys: &std::collections::BTreeSet<String>,
    section: Option<&Section<'_>>,
    nonce: &str,
) -> BTreeMap<String, (i32, String)> {
    let body = section.map_or("", |s| s.body);
    let mut found = BTreeMap::new();
    for (index, key) in keys.iter().enumerate() {
        let (start, end) = (format!("{nonce} item {index}\n"), format!("\n{nonce} done "));
        let Some(rest) = body.find(&start).and_then(|at| body.get(at + start.len()..)) else { continue };
        let Some(stop) = rest.find(&end) else { continue };
        let status = rest.get(stop + end.len()..).and_then(|s| s.lines().next()).and_then(|s| s.parse().ok());
        found.insert(key.clone(), (status.unwrap_or(-1), rest[..stop].to_owned()));
    }
    found
}

fn check(text: &str) -> Fact<i32> {
    match text.trim().parse() {
        Ok(status) if TIMED_OUT.contains(&status) => Fact::Unreadable("the check ran out of time".to_owned()),
        Ok(status) => Fact::Present(status),
        Err(_) => missing(),
    }
}

fn etcd(body: &str) -> EtcdFact {
    let mut fact = EtcdFact { data: body.lines().any(|l| l == "data"), ..EtcdFact::default() };
    for json in body.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        if let Some(health) = json.get("health") {
            fact.healthy = health.as_str() == Some("true");
        } else if let Some(members) = json.get("members").and_then(Value::as_array) {
            fact.members = members.iter().filter_map(etcd_row).collect();
        } else if json.get("raftIndex").is_some() {
            fact.leader_id = text(&json, "leader").filter(|id| id != "0");
            fact.member_id = json.get("header").and_then(|h| text(h, "member_id"));
            fact.cluster_id = json.get("header").and_then(|h| text(h, "cluster_id"));
        // Upstream's gateway says `error` and `message`, Debian's only `message`.
        } else if let Some(says) = text(&json, "message").or_else(|| text(&json, "error")) {
            if says.contains("user name is empty") {
                fact.auth = Some(true);
            }
        } else if json.get("header").is_some() {
            fact.auth = Some(false);
        }
    }
    fact
}

fn text(json: &Value, key: &str) -> Option<String> {
    json.get(key).and_then(Value::as_str).map(str::to_owned)
}

fn etcd_row(json: &Value) -> Option<EtcdRow> {
    let urls = json.get("peerURLs").and_then(Value::as_array);
    Some(EtcdRow {
        id: text(json, "ID")?,
        name: text(json, "name").unwrap_or_default(),
        peer_urls: urls.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect(),
        learner: json.get("isLearner").and_then(Value::as_bool).unwrap_or(false),
    })
}

fn patroni(body: &str) -> PatroniFact {
    let mut fact = PatroniFact { data: body.lines().any(|l| l == "data"), ..PatroniFact::default() };
    for json in body.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        if json.get("members").is_some_and(Value::is_array) {
            fact.cluster = Some(json);
        } else if json.get("patroni").is_some() {
            fact.member = Some(json);
        } else if json.get("ttl").is_some() {
            fact.config = Some(json);
        }
    }
    fact
}
