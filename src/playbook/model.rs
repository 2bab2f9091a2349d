//! Owns the form of a playbook as written. Must not know where it runs.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use serde::Deserialize;

use crate::group::GroupName;
use crate::release::{RELEASES, Systems};
use crate::resource::{
    Certificate, Command, Directory, EtcdAuth, EtcdMember, EtcdMembers, EtcdPassword, File, Group, Link,
    PatroniConfig, PatroniRestart, PostgresDatabase, PostgresExtension, PostgresGrant, PostgresPassword,
    PostgresUser, Unit, User, Wait,
};
use crate::span::{Place, Source};

/// The steps of one component.
#[derive(Debug, Clone)]
pub struct Playbook {
    pub name: String,
    pub title: String,
    /// The role that hosts must have.
    pub on: String,
    pub needs: Vec<String>,
    /// What needs it waits until it was done, or tried, on all hosts.
    pub everywhere: bool,
    pub when: Option<(String, Range<usize>)>,
    pub group: Option<GroupName>,
    pub each: Option<(String, Range<usize>)>,
    pub steps: Vec<Step>,
    pub source: Arc<Source>,
    pub span: Range<usize>,
}

#[derive(Debug, Clone)]
pub struct Step {
    pub name: String,
    pub phase: Phase,
    /// Steps whose end of any kind it waits for.
    pub after: Vec<(String, Range<usize>)>,
    /// Steps that must have succeeded wherever they run.
    pub needs: Vec<(String, Range<usize>)>,
    pub notify: Vec<(String, Range<usize>)>,
    pub when: Option<(String, Range<usize>)>,
    pub rolling: bool,
    pub once: Option<Once>,
    /// It may lock us out: its host takes it back unless a fresh connection works.
    pub confirm: bool,
    /// One host at a time, and none after one that failed.
    pub serial: bool,
    /// Name of a limit in `[limits]`: at most that many hosts are at such steps.
    pub limit: Option<String>,
    /// A list of its own, in place of the playbook's.
    pub each: Option<(String, Range<usize>)>,
    pub kind: StepKind,
    pub place: Place,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    Prepare,
    Packages,
    #[default]
    Configure,
}

/// Where a step runs that runs once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Once {
    /// On the group's leader.
    Leader,
    /// On whichever host answers.
    Any,
    /// On the first host of the role.
    First,
}

/// A list of packages, by operating system where names differ.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum PackageList {
    Same(Vec<String>),
    ByOs(BTreeMap<String, Vec<String>>),
}

/// The list for every system that has none of its own.
const DEFAULT: &str = "default";

impl PackageList {
    /// Every name once, in the order of writing.
    pub fn names(&self) -> Vec<&str> {
        let lists: Vec<&Vec<String>> = match self {
            Self::Same(names) => vec![names],
            Self::ByOs(lists) => lists.values().collect(),
        };
        let mut names: Vec<&str> = Vec::new();
        for name in lists.into_iter().flatten() {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
        names
    }

    /// The systems on which `name` is wanted.
    pub fn systems(&self, name: &str) -> Systems {
        let Self::ByOs(lists) = self else { return Systems::default() };
        let has = |names: &Vec<String>| names.iter().any(|other| other == name);
        let usual = lists.get(DEFAULT).is_some_and(has);
        let others = lists.iter().filter(|(system, names)| *system != DEFAULT && has(names) != usual);
        let others = others.map(|(system, _)| system.clone()).collect();
        if usual { Systems::Except(others) } else { Systems::Only(others) }
    }

    /// Systems it speaks of that are not known.
    pub fn unknown(&self) -> impl Iterator<Item = &str> {
        let lists = if let Self::ByOs(lists) = self { Some(lists) } else { None };
        let known = |name: &&str| *name == DEFAULT || RELEASES.iter().any(|release| release.system == *name);
        lists.into_iter().flat_map(BTreeMap::keys).map(String::as_str).filter(move |name| !known(name))
    }
}

#[derive(Debug, Clone)]
pub enum StepKind {
    File(File),
    Directory(Directory),
    Link(Link),
    Package(PackageList),
    User(User),
    Group(Group),
    Unit(Unit),
    Sysctl(BTreeMap<String, String>),
    Certificate(Box<Certificate>),
    Command(Command),
    Wait(Wait),
    EtcdMember(EtcdMember),
    EtcdMembers(EtcdMembers),
    EtcdAuth(EtcdAuth),
    EtcdPassword(EtcdPassword),
    PatroniConfig(PatroniConfig),
    PatroniRestart(PatroniRestart),
    PostgresPassword(PostgresPassword),
    PostgresUser(PostgresUser),
    PostgresDatabase(PostgresDatabase),
    PostgresExtension(PostgresExtension),
    PostgresGrant(PostgresGrant),
}

impl Step {
    /// A step that speaks of `it` runs once per item.
    pub fn uses_item(&self) -> bool {
        let json = match &self.kind {
            StepKind::File(s) => serde_json::to_string(s),
            StepKind::Directory(s) => serde_json::to_string(s),
            StepKind::Link(s) => serde_json::to_string(s),
            StepKind::User(s) => serde_json::to_string(s),
            StepKind::Group(s) => serde_json::to_string(s),
            StepKind::Unit(s) => serde_json::to_string(s),
            StepKind::Sysctl(s) => serde_json::to_string(s),
            StepKind::Certificate(s) => serde_json::to_string(s),
            StepKind::Command(s) => serde_json::to_string(s),
            StepKind::Wait(s) => serde_json::to_string(s),
            StepKind::EtcdMember(s) => serde_json::to_string(s),
            StepKind::EtcdMembers(s) => serde_json::to_string(s),
            StepKind::EtcdAuth(s) => serde_json::to_string(s),
            StepKind::EtcdPassword(s) => serde_json::to_string(s),
            StepKind::PatroniConfig(s) => serde_json::to_string(s),
            StepKind::PatroniRestart(s) => serde_json::to_string(s),
            StepKind::PostgresPassword(s) => serde_json::to_string(s),
            StepKind::PostgresUser(s) => serde_json::to_string(s),
            StepKind::PostgresDatabase(s) => serde_json::to_string(s),
            StepKind::PostgresExtension(s) => serde_json::to_string(s),
            StepKind::PostgresGrant(s) => serde_json::to_string(s),
            StepKind::Package(_) => return false,
        };
        json.is_ok_and(|text| text.contains("{{ it.") || text.contains("{{ it "))
    }
}
