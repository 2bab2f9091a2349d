//! Owns our own check of files as hosts would get them: what a service's checker lets
//! pass, or what has none. Pure. Must not know where a file comes from or goes.

mod blocks;
mod etcd;
mod haproxy;
mod keepalived;
mod nftables;
mod patroni;
mod redis;
mod settings;
mod sshd;
mod systemd;
mod yaml;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The formats there is a check for, as a step names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lint {
    Etcd,
    Haproxy,
    Keepalived,
    Nftables,
    Patroni,
    Redis,
    Sshd,
    Systemd,
}

/// How we reach the host: what a file must leave open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    pub address: String,
    pub user: String,
    pub port: u16,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// From 1; 0 where no single line is at fault.
    pub line: usize,
    pub what: String,
    pub fix: String,
}

impl Finding {
    fn new(line: usize, what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { line, what: what.into(), fix: fix.into() }
    }
}

impl Lint {
    /// What is wrong with `text`, in the order of its lines.
    pub fn check(self, text: &str, reach: &Reach) -> Vec<Finding> {
        let mut found = whole(text);
        found.extend(match self {
            Self::Etcd => etcd::check(text),
            Self::Haproxy => haproxy::check(text),
            Self::Keepalived => keepalived::check(text),
            Self::Nftables => nftables::check(text, reach),
            Self::Patroni => patroni::check(text),
            Self::Redis => redis::check(text),
            Self::Sshd => sshd::check(text, reach),
            Self::Systemd => systemd::check(text),
        });
        found.sort_by_key(|finding| finding.line);
        found
    }

    /// What the service will read, by dotted name; nothing where the format has no
    /// names that are told reliably.
    fn values(self, text: &str) -> Option<BTreeMap<String, String>> {
        match self {
            Self::Etcd => Some(settings::values(&settings::environment(text).0)),
            Self::Patroni => yaml::parse(text).ok().map(|tree| tree.values()),
            _ => None,
        }
    }

    /// Where the service would read another value than is meant: what a value of the
    /// inventory does to the file around it.
    pub fn compare(self, text: &str, meant: &BTreeMap<String, String>) -> Vec<Finding> {
        let Some(values) = self.values(text) else { return Vec::new() };
        let differs = |(name, value): (&String, &String)| {
            let read = values.get(name);
            let what = match read {
                Some(read) if read == value => return None,
                Some(_) => format!("{name} is read as another value than is meant"),
                None => format!("{name} is not read at all"),
            };
            Some(Finding::new(
                0,
                what,
                "look at the value in the inventory: a quote, a line's end or a # in it changes the file around it",
            ))
        };
        meant.iter().filter_map(differs).collect()
    }
}

/// What holds for every file.
fn whole(text: &str) -> Vec<Finding> {
    let mut found = Vec::new();
    if !text.is_empty() && !text.ends_with('\n') {
        let fix =
            "end the template with a newline: without one nobody can tell a whole file from one that was cut";
        found.push(Finding::new(text.lines().count(), "the last line has no end", fix));
    }
    let odd = |line: &str| line.chars().any(|c| c.is_control() && c != '\t');
    let lines = text.lines().enumerate().filter(|(_, line)| odd(line));
    found.extend(lines.map(|(at, _)| {
        Finding::new(
            at + 1,
            "a control character stands in it",
            "take it out of the template or the inventory's value",
        )
    }));
    found
}
