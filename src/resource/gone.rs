//! Owns the end of a resource: what a ledger holds and nothing asks for any
//! more. Must not know ledgers, nor how each kind is undone: the kinds say that.

use std::collections::BTreeSet;

use super::change::{Change, Fields, Have};
use super::{Directory, Kind, Manage, Package, ResolveError, Resolver, Script};
use crate::facts::view::View;
use crate::facts::{Fact, Facts, Needs, PathType};

/// What becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It goes, and with it may go what is named: entries of a directory,
    /// packages that need this one, databases a user owns.
    Removed { with: BTreeSet<String> },
    /// It stays, and is hacluster's no more; why.
    Forgotten(String),
    /// It stays, and is hacluster's until its removal is allowed; why.
    Kept(String),
}

#[derive(Debug, Clone)]
pub struct Gone {
    pub kind: Box<Kind>,
    /// Why nothing asks for it any more.
    pub reason: String,
    pub fate: Fate,
}

impl Gone {
    /// Why it stays although it should go: asked of facts, known before a run.
    pub fn stays(&self, host: &Facts) -> Option<String> {
        match (&self.fate, &*self.kind) {
            (Fate::Kept(why), _) => Some(why.clone()),
            (Fate::Removed { with }, Kind::Directory(directory)) if !directory.data => {
                let left = left_in(directory, with, host).ok()?;
                (!left.is_empty()).then(|| format!("it is not empty: {}", some(&left)))
            }
            (Fate::Removed { with }, Kind::Package(package)) => {
                let more = taken_along(package, with, host).ok()?;
                (!more.is_empty()).then(|| format!("its removal would also remove {}", some(&more)))
            }
            (Fate::Removed { with }, Kind::PostgresUser(user)) => {
                let held = user.held(with, host).ok()?;
                (!held.is_empty()).then(|| {
                    format!("it owns {}: give that to somebody (REASSIGN OWNED) or drop it", held.join(", "))
                })
            }
            _ => None,
        }
    }

    /// What must be known before it is removed, and is not.
    fn unknown(&self, host: &Facts) -> Option<String> {
        match (&self.fate, &*self.kind) {
            (Fate::Removed { with }, Kind::Directory(directory)) if !directory.data => {
                left_in(directory, with, host).err()
            }
            (Fate::Removed { with }, Kind::Package(package)) => taken_along(package, with, host).err(),
            (Fate::Removed { with }, Kind::PostgresUser(user)) => user.held(with, host).err(),
            _ => None,
        }
    }
}

/// The first names, and how many more.
fn some(names: &[&str]) -> String {
    const NAMED: usize = 4;
    let more = names.len().saturating_sub(NAMED);
    let first = names[..names.len() - more].join(", ");
    if more > 0 { format!("{first} and {more} more") } else { first }
}

/// What lies in it and does not go with it.
fn left_in<'a>(
    directory: &Directory,
    with: &BTreeSet<String>,
    host: &'a Facts,
) -> Result<Vec<&'a str>, String> {
    match host.entries.get(&directory.path) {
        Some(Fact::Present(names)) => {
            Ok(names.lines().filter(|name| !name.is_empty() && !with.contains(*name)).collect())
        }
        Some(Fact::Absent) => Ok(Vec::new()),
        Some(Fact::Unreadable(why)) => Err(why.clone()),
        None => Err(format!("what lies in {} was not asked for", directory.path)),
    }
}

/// Packages that would go with it and that are none of those that go anyway.
fn taken_along<'a>(
    package: &Package,
    with: &BTreeSet<String>,
    host: &'a Facts,
) -> Result<Vec<&'a str>, String> {
    match host.removals.get(&package.name) {
        Some(Fact::Present(takes)) => {
            let more = takes.iter().filter(|name| **name != package.name && !with.contains(*name));
            Ok(more.map(String::as_str).collect())
        }
        Some(Fact::Unreadable(why)) => Err(why.clone()),
        Some(Fact::Absent) => Err(format!("apt does not say what goes with {}", package.name)),
        None => Err(format!("what goes with {} was not asked for", package.name)),
    }
}

/// Whether what lies at `path` is of the type that was put there.
fn is(host: &Facts, path: &str, kind: PathType) -> bool {
    host.paths.get(path).and_then(Fact::present).is_none_or(|found| found.kind == kind)
}

impl Manage for Gone {
    fn needs(&self, needs: &mut Needs) {
        self.kind.manage().needs(needs);
        match (&self.fate, &*self.kind) {
            (Fate::Removed { .. }, Kind::Directory(directory)) if !directory.data => {
                needs.entries.insert(directory.path.clone());
            }
            (Fate::Removed { .. }, Kind::Package(package)) => {
                needs.removals.insert(package.name.clone());
            }
            (Fate::Removed { .. }, Kind::PostgresUser(user)) => {
                needs.postgres(&user.server).holdings.insert(user.name.clone());
            }
            _ => {}
        }
    }

    fn want(&self) -> Option<Fields> {
        None
    }

    fn have(&self, host: &Facts, cluster: &View) -> Have {
        match &*self.kind {
            Kind::Unit(unit) => unit.remains(host),
            Kind::Sysctl(sysctl) => sysctl.remains(host, cluster),
            Kind::Certificate(certificate) => certificate.remains(host),
            Kind::EtcdMember(member) => member.remains(host, cluster),
            // What was put there is gone already where something else lies.
            Kind::File(file) if !is(host, &file.path, PathType::File) => Have::Absent,
            Kind::Link(link) if !is(host, &link.path, PathType::Link) => Have::Absent,
            Kind::Directory(d) if !is(host, &d.path, PathType::Directory) => Have::Absent,
            kind => kind.manage().have(host, cluster),
        }
    }

    fn diff(&self, host: &Facts, cluster: &View) -> Change {
        match (self.have(host, cluster), &self.fate) {
            (Have::Absent, _) | (_, Fate::Kept(_)) => Change::None,
            (Have::Unreadable(why), _) => Change::Unreadable(why),
            (Have::Late(why), _) => Change::Late(why),
            (Have::Fields(_), Fate::Forgotten(why)) => Change::Forget(why.clone()),
            (Have::Fields(_), Fate::Removed { .. }) => match self.unknown(host) {
                Some(why) => Change::Unreadable(why),
                None if self.stays(host).is_some() => Change::None,
                None => Change::Remove,
            },
        }
    }

    fn apply(&self, change: &Change) -> Script {
        match (&self.fate, &*self.kind) {
            (Fate::Removed { with }, Kind::Package(package)) => package.remove(with),
            (Fate::Removed { .. }, kind) => kind.manage().apply(change),
            _ => Script::new(":"),
        }
    }

    fn resolve(&mut self, with: &dyn Resolver) -> Result<(), ResolveError> {
        match (&self.fate, self.kind.as_mut()) {
            // It tells the others that it leaves.
            (Fate::Removed { .. }, kind @ Kind::EtcdMember(_)) => kind.manage_mut().resolve(with),
            _ => Ok(()),
        }
    }
}
