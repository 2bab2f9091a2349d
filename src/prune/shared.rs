//! Owns what ledgers hold of things inside of `PostgreSQL`: they have no host of
//! their own. Must not know what becomes of them.

use std::collections::{BTreeMap, BTreeSet};

use super::{Entry, Wanted, object};
use crate::group::GroupName;
use crate::ledger::Ledger;
use crate::resource::Kind;

/// Hosts where the leader may be.
pub(super) fn hosts(wanted: &Wanted<'_>) -> Vec<String> {
    let members = wanted.resources.iter().filter(|r| r.rolling && r.group == Some(GroupName::Patroni));
    let mut seen = BTreeSet::new();
    members.flat_map(|r| &r.hosts).filter(|host| seen.insert(*host)).cloned().collect()
}

/// What is declared no more. It stands in the ledger of every such host, whoever
/// led; more than half of them must hold it, so that one that was away when it went
/// brings nothing back.
pub(super) fn unwanted<'a>(
    wanted: &Wanted<'_>,
    hosts: &[String],
    ledgers: &'a BTreeMap<String, Ledger>,
) -> Vec<Entry<'a>> {
    let ledgers: Vec<&Ledger> = hosts
        .iter()
        .filter_map(|host| ledgers.get(host))
        .filter(|ledger| ledger.cluster == wanted.cluster)
        .collect();
    let asked: BTreeSet<&str> = wanted.resources.iter().map(|r| r.id.as_str()).collect();
    let ids: BTreeSet<&String> = ledgers.iter().flat_map(|ledger| ledger.owned.keys()).collect();
    let entry = |id: &'a String| {
        let label = id.strip_prefix("cluster/").filter(|_| !asked.contains(id.as_str()))?;
        let holders = || ledgers.iter().filter_map(|ledger| ledger.owned.get(id));
        // Who saw it made knows more than who found it there.
        let owned = holders().find(|owned| !owned.before).or_else(|| holders().next())?;
        let (owned, kind) = object::read(label, Some(owned))?;
        let inside = matches!(
            kind,
            Kind::PostgresUser(_)
                | Kind::PostgresDatabase(_)
                | Kind::PostgresExtension(_)
                | Kind::PostgresGrant(_)
        );
        (inside && holders().count() * 2 > ledgers.len()).then_some(Entry { id, owned, kind })
    };
    ids.into_iter().filter_map(entry).collect()
}
