//! Owns what becomes of each entry: removed, forgotten, or kept because data
//! hangs on it. Must not know what can only be read on the host.

use std::collections::BTreeSet;

use super::{Entry, Wanted};
use crate::resource::{Fate, Kind};

const HOW: &str = "`apply --allow-destroy` removes it";

/// One for each entry, in their order.
pub(super) fn fates(wanted: &Wanted<'_>, host: &str, entries: &[Entry<'_>], destroy: bool) -> Vec<Fate> {
    let kept = if destroy { Kept::default() } else { Kept::new(wanted, entries) };
    let first: Vec<Fate> = entries.iter().map(|entry| fate(wanted, host, entry, &kept)).collect();
    let goes = |(entry, fate): (&Entry<'_>, &Fate)| {
        matches!(fate, Fate::Removed { .. }).then(|| names(&entry.kind)).unwrap_or_default()
    };
    let going: Vec<(String, String)> = entries.iter().zip(&first).flat_map(goes).collect();
    let with = |(entry, fate): (&Entry<'_>, Fate)| match (fate, place(&entry.kind)) {
        (Fate::Removed { .. }, Some(place)) => {
            let here = going.iter().filter(|(other, _)| *other == place);
            Fate::Removed { with: here.map(|(_, name)| name.clone()).collect() }
        }
        (fate, _) => fate,
    };
    entries.iter().zip(first).map(with).collect()
}

/// What must stay while data stays.
#[derive(Default)]
struct Kept<'a> {
    /// Playbooks of a group that goes as a whole, and those they need.
    playbooks: BTreeSet<&'a str>,
    /// Users and groups to whom data belongs.
    owners: BTreeSet<&'a str>,
    data: bool,
}

impl<'a> Kept<'a> {
    fn new(wanted: &Wanted<'a>, entries: &'a [Entry<'a>]) -> Self {
        let last = |entry: &&Entry<'a>| {
            entry.owned.and_then(|owned| owned.group).is_some_and(|group| !wanted.has(group))
        };
        let mut open: Vec<&str> = entries.iter().filter(last).map(Entry::playbook).collect();
        let mut playbooks = BTreeSet::new();
        while let Some(name) = open.pop() {
            if playbooks.insert(name)
                && let Some(playbook) = wanted.playbooks.iter().find(|playbook| playbook.name == name)
            {
                open.extend(playbook.needs.iter().map(String::as_str));
            }
        }
        let owners = entries.iter().flat_map(|entry| match &entry.kind {
            Kind::Directory(d) if d.data => vec![d.owner.as_str(), d.group.as_str()],
            _ => Vec::new(),
        });
        Self { playbooks, owners: owners.collect(), data: true }
    }
}

fn fate(wanted: &Wanted<'_>, host: &str, entry: &Entry<'_>, kept: &Kept<'_>) -> Fate {
    let Some(owned) = entry.owned else {
        let why = "how it came and how to undo it is not written down there";
        return Fate::Forgotten(why.to_owned());
    };
    if kept.playbooks.contains(entry.playbook()) {
        return Fate::Kept(format!("data of a group that goes as a whole hangs on it; {HOW}"));
    }
    if owned.before {
        return Fate::Forgotten("it was there before hacluster".to_owned());
    }
    match &entry.kind {
        Kind::EtcdMember(_) if kept.data => Fate::Kept(format!("its data stays; {HOW}")),
        Kind::PostgresDatabase(_) if kept.data => Fate::Kept(format!("it holds data; {HOW}")),
        Kind::PostgresExtension(_) if kept.data => {
            Fate::Kept(format!("columns and indexes may be made of it; {HOW}"))
        }
        Kind::Directory(d) if d.data && kept.data => Fate::Kept(format!("it holds data; {HOW}")),
        Kind::Directory(d) if wanted.on(host).any(|r| below(&r.kind, &d.path)) => {
            Fate::Forgotten("other steps still use it".to_owned())
        }
        Kind::User(user) if kept.owners.contains(user.name.as_str()) => owner(),
        Kind::Group(group) if kept.owners.contains(group.name.as_str()) => owner(),
        Kind::Sysctl(_) if owned.was.is_none() => {
            Fate::Forgotten("its value stays until the host is started again".to_owned())
        }
        _ => Fate::Removed { with: BTreeSet::new() },
    }
}

fn owner() -> Fate {
    Fate::Kept(format!("data that stays belongs to it; {HOW}"))
}

/// Something else that is asked for lies in `directory`.
fn below(kind: &Kind, directory: &str) -> bool {
    let objects = super::object::objects(kind);
    objects.iter().any(|o| o.strip_prefix(&format!("path:{directory}/")).is_some_and(|rest| !rest.is_empty()))
}

/// Where each thing lies that goes with an entry, and its name there.
fn names(kind: &Kind) -> Vec<(String, String)> {
    let objects = super::object::objects(kind);
    let split = |object: &String| {
        let path = object.strip_prefix("path:")?.rsplit_once('/')?;
        Some((path.0.to_owned(), path.1.to_owned()))
    };
    match kind {
        Kind::Package(package) => vec![("packages".to_owned(), package.name.clone())],
        Kind::PostgresDatabase(database) => vec![("databases".to_owned(), database.name.clone())],
        _ => objects.iter().filter_map(split).collect(),
    }
}

/// Whose other entries matter when this one goes.
fn place(kind: &Kind) -> Option<String> {
    match kind {
        Kind::Package(_) => Some("packages".to_owned()),
        Kind::PostgresUser(_) => Some("databases".to_owned()),
        Kind::Directory(directory) => Some(directory.path.clone()),
        _ => None,
    }
}
