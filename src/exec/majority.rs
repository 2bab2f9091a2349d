//! Owns who may touch groups: two runs that see different hosts must not both do.
//! Pure. Must not know how the lock is held.

use std::collections::BTreeMap;

use crate::expand::Resource;
use crate::resource::Kind;

/// Why a run that holds the lock on these hosts must leave groups alone: they have
/// no majority of etcd's votes; without etcd, of the hosts in groups.
pub(super) fn outvoted(resources: &[Resource], held: impl Fn(&str) -> bool) -> Option<String> {
    let mut votes: BTreeMap<&str, usize> = BTreeMap::new();
    for member in resources.iter().filter(|r| matches!(r.kind, Kind::EtcdMember(_))) {
        *votes.entry(member.host()?).or_default() += 1;
    }
    if votes.is_empty() {
        let members = resources.iter().filter(|r| r.group.is_some());
        votes = members.flat_map(|r| &r.hosts).map(|host| (host.as_str(), 1)).collect();
    }
    let all: usize = votes.values().sum();
    let ours: usize = votes.iter().filter(|(host, _)| held(host)).map(|(_, votes)| votes).sum();
    (all > 0 && ours * 2 <= all).then(|| {
        format!("only {ours} of {all} votes are locked: without a majority etcd and what leans on it are left alone")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec::tests::World;

    #[test]
    fn a_majority_of_votes_decides() {
        let outvoted = |held: &[&str]| outvoted(&World::lab().resources, |host| held.contains(&host));
        // one vote a node, two on the NAS
        assert_eq!(outvoted(&["node1", "node2", "node3"]), None);
        assert_eq!(outvoted(&["node3", "nas"]), None);
        let why = outvoted(&["node1", "node2"]).unwrap();
        assert!(why.starts_with("only 2 of 5 votes are locked"), "{why}");
        let tiny = World::tiny("[[step]]\nname = \"a\"\nfile = { path = \"/a\", content = \"b\" }\n", None);
        assert_eq!(super::outvoted(&tiny.resources, |_| false), None);
    }
}
