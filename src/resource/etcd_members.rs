//! Owns the kind `etcd_members`: etcd has the members of the file and no others.
//! A machine that left the file is taken out through those that stay. Must not
//! know how a member of the file comes in.

use serde::{Deserialize, Serialize};

use super::change::{self, Change, Field, Fields, Have, fields};
use super::etcd_member::ETCD_API;
use super::etcd_password::json_lines;
use super::{Manage, ResolveError, Resolver, Script};
use crate::facts::view::{EtcdView, View};
use crate::facts::{EtcdRow, Facts, Needs};
use crate::secret::Secret;
use crate::shell::{quote, words};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EtcdMembers {
    #[serde(default)]
    pub name: String,
    /// Every member of the file: `name=peer,...`
    pub cluster: String,
    /// Their client URLs, with spaces between.
    pub endpoints: String,
    pub ca: String,
    /// Path stem of a client certificate.
    pub identity: String,
    #[serde(skip)]
    pub password: Vec<Secret>,
}

/// What a member is called; one that was never started has no name yet.
fn called(row: &EtcdRow) -> &str {
    if row.name.is_empty() { row.peer_urls.first().map_or(&row.id, |url| url) } else { &row.name }
}

fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().collect::<Vec<_>>().join(", ")
}

/// Votes as they stand, for people.
fn votes(rows: &[&EtcdRow], etcd: &EtcdView) -> (usize, usize) {
    let voters = rows.iter().filter(|row| !row.learner);
    let healthy = voters.clone().filter(|row| etcd.healthy.contains(&row.name)).count();
    (healthy, voters.count())
}

fn spare((healthy, voters): (usize, usize)) -> isize {
    healthy.cast_signed() - (voters / 2 + 1).cast_signed()
}

/// Why nobody may be taken out now.
fn refuses(etcd: &EtcdView, left: &[&EtcdRow], stay: &[&EtcdRow]) -> Option<String> {
    let names = list(left.iter().map(|row| called(row)));
    if etcd.split() {
        return Some("two disjoint etcd clusters answer: which one to change is not known".to_owned());
    }
    if stay.is_empty() {
        return Some(format!(
            "etcd's members are {names}, and none of them is in the file: is it the right one?"
        ));
    }
    if etcd.leader.is_none() {
        return Some(format!("{names} cannot be taken out: etcd has no leader, so nothing can be decided"));
    }
    let (healthy, voters) = votes(stay, etcd);
    (spare((healthy, voters)) < 0).then(|| {
        format!(
            "without {names} only {healthy} of {voters} members would be healthy, and {} must be: bring the others back first",
            voters / 2 + 1
        )
    })
}

impl EtcdMembers {
    fn planned(&self) -> impl Iterator<Item = (&str, &str)> {
        self.cluster.split(',').filter_map(|pair| pair.split_once('='))
    }

    /// Its name or its address is one of the file's. What comes back under a known
    /// address is replaced when it joins.
    fn stays(&self, row: &EtcdRow) -> bool {
        self.planned().any(|(name, peer)| row.name == name || row.peer_urls.iter().any(|url| url == peer))
    }
}

impl Manage for EtcdMembers {
    /// Their own resources ask the members.
    fn needs(&self, _needs: &mut Needs) {}

    fn want(&self) -> Option<Fields> {
        Some(fields([("members", &list(self.planned().map(|(name, _)| name)))]))
    }

    fn have(&self, _host: &Facts, cluster: &View) -> Have {
        let mut others: Vec<&str> =
            cluster.etcd.members.iter().filter(|row| !self.stays(row)).map(called).collect();
        others.sort_unstable();
        let names = self.planned().map(|(name, _)| name).chain(others);
        Have::Fields(fields([("members", &list(names))]))
    }

    fn diff(&self, host: &Facts, cluster: &View) -> Change {
        let etcd = &cluster.etcd;
        let (stay, left): (Vec<&EtcdRow>, Vec<&EtcdRow>) =
            etcd.members.iter().partition(|row| self.stays(row));
        if left.is_empty() {
            return Change::None;
        }
        if let Some(why) = refuses(etcd, &left, &stay) {
            return Change::Refused(why);
        }
        let Change::Update(mut rows) = change::compare(self.want(), self.have(host, cluster)) else {
            return Change::None;
        };
        let all: Vec<&EtcdRow> = etcd.members.iter().collect();
        let shown = |votes: (usize, usize)| {
            format!("{} of {} healthy, {} may be lost", votes.0, votes.1, spare(votes).max(0))
        };
        let field = |name: &str, from: String, to: String| Field { name: name.to_owned(), from, to };
        rows.push(field("votes", shown(votes(&all, etcd)), shown(votes(&stay, etcd))));
        let ids = left.iter().map(|row| row.id.as_str()).collect::<Vec<_>>().join(" ");
        rows.push(field("removes", String::new(), ids));
        Change::Update(rows)
    }

    fn apply(&self, change: &Change) -> Script {
        Script::new(format!(
            "{ETCD_API}\netcd_login {ca} {identity} {password} {endpoints}\netcd_remove {ids}\n",
            ca = quote(&self.ca),
            identity = quote(&self.identity),
            password = quote(&json_lines(&self.password)),
            endpoints = words(self.endpoints.split_whitespace()),
            ids = words(change.to("removes").unwrap_or_default().split_whitespace()),
        ))
    }

    fn resolve(&mut self, with: &dyn Resolver) -> Result<(), ResolveError> {
        let secrets = with.secrets().ok_or(ResolveError::NoSecrets)?;
        self.password = secrets.known("etcd.root");
        Ok(())
    }
}
