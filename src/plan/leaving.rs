//! Owns the sentences about members that leave their group for good: who, and
//! what is left. Must not know how they are made to leave.

use std::collections::BTreeSet;

use super::Plan;
use crate::expand::Resource;
use crate::facts::EtcdRow;
use crate::facts::view::View;
use crate::group::GroupName;
use crate::resource::{Change, Kind};

/// One for each group that somebody leaves, or that goes as a whole.
pub(super) fn sentences(plan: &Plan, resources: &[Resource], view: &View) -> Vec<String> {
    let gone: Vec<(GroupName, &str, &Kind, bool)> = plan
        .changes()
        .filter(|a| a.change == Change::Remove)
        .filter_map(|a| match &a.kind {
            Kind::Gone(gone) => {
                let resource = Some(&resources[a.index]).filter(|resource| resource.once.is_none())?;
                Some((resource.group?, a.host.as_str(), &*gone.kind, resource.rolling))
            }
            _ => None,
        })
        .collect();
    let whole: BTreeSet<GroupName> =
        gone.iter().filter(|(.., rolling)| !rolling).map(|(group, ..)| *group).collect();
    let mut said: Vec<String> =
        whole.iter().map(|group| format!("{} goes as a whole, with all its members", group.word())).collect();
    if !whole.contains(&GroupName::Etcd) {
        let names = gone.iter().filter_map(|(_, _, kind, _)| match kind {
            Kind::EtcdMember(member) => Some(member.name.as_str()),
            _ => None,
        });
        said.extend(voters(plan, &names.collect(), view));
    }
    let stops = |(group, host, kind, rolling): &(GroupName, &str, &Kind, bool)| {
        (*group == GroupName::Patroni && *rolling && matches!(kind, Kind::Unit(_)))
            .then(|| (*host).to_owned())
    };
    said.extend(standbys(&gone.iter().filter_map(stops).collect(), view));
    said
}

/// Members whose data goes, and those that others take out.
fn voters(plan: &Plan, names: &BTreeSet<&str>, view: &View) -> Option<String> {
    let taken = plan.changes().filter(|a| matches!(a.kind, Kind::EtcdMembers(_)));
    let ids: Vec<&str> =
        taken.filter_map(|a| a.change.to("removes")).flat_map(str::split_whitespace).collect();
    let leaves = |row: &&EtcdRow| names.contains(&*row.name) || ids.contains(&&*row.id);
    let (left, stay): (Vec<&EtcdRow>, Vec<&EtcdRow>) = view.etcd.members.iter().partition(leaves);
    let called = |row: &&EtcdRow| if row.name.is_empty() { row.id.clone() } else { row.name.clone() };
    let names = left.iter().map(called).collect::<Vec<_>>().join(", ");
    let ((before, spare), (after, left_over)) = (view.etcd.votes(&view.etcd.members), view.etcd.votes(stay));
    (!left.is_empty()).then(|| {
        format!(
            "etcd does without {names}; votes: {before} before, {after} after; \
             votes that may be lost: {spare} before, {left_over} after"
        )
    })
}

/// Members of Patroni whose unit goes.
fn standbys(hosts: &BTreeSet<String>, view: &View) -> Option<String> {
    let patroni = &view.patroni;
    let leader = patroni.leader_host();
    let streams = |host: &&String| patroni.well(host) && Some(host.as_str()) != leader;
    let before = patroni.own.keys().filter(streams).count();
    let after = patroni.own.keys().filter(streams).filter(|host| !hosts.contains(*host)).count();
    let leads = leader.filter(|leader| hosts.contains(*leader));
    // One of those that stay leads then.
    let after = after.saturating_sub(usize::from(leads.is_some()));
    let says = |leader| format!("; {leader} leads: another takes over, some seconds without writes");
    let leads = leads.map(says).unwrap_or_default();
    let names = hosts.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    (!hosts.is_empty()).then(|| {
        format!("patroni does without {names}{leads}; standbys that stream: {before} before, {after} after")
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::plan::{Assessment, Foreign};
    use crate::resource::{Fate, Gone};

    /// What goes from hosts: group, host, whether others stay, kind.
    fn said(gone: &[(GroupName, &str, bool, Value)]) -> String {
        let (mut plan, mut resources) = (Plan::default(), Vec::new());
        for (index, (group, host, rolling, kind)) in gone.iter().enumerate() {
            let kind: Kind = serde_json::from_value(kind.clone()).unwrap();
            let id = format!("{host}/{}", kind.label());
            let fate = Fate::Removed { with: BTreeSet::new() };
            let gone = Gone { kind: Box::new(kind), reason: String::new(), fate };
            let mut resource = Resource::gone(&id, host, gone, "own");
            (resource.group, resource.rolling) = (Some(*group), *rolling);
            plan.assessments.push(Assessment {
                index,
                id,
                host: (*host).to_owned(),
                kind: resource.kind.clone(),
                change: Change::Remove,
                have: None,
                lacks_secrets: false,
                foreign: Foreign::No,
                stays: None,
            });
            resources.push(resource);
        }
        sentences(&plan, &resources, &view()).join("\n")
    }

    /// Five voters, of which one is down; node1 leads and three stream.
    fn view() -> View {
        let mut view = View::default();
        for name in ["node1", "node2", "node3", "nas-a", "nas-b"] {
            let row = EtcdRow {
                id: name.to_uppercase(),
                name: name.to_owned(),
                peer_urls: Vec::new(),
                learner: false,
            };
            view.etcd.members.push(row);
        }
        view.etcd.healthy = ["node1", "node2", "nas-a", "nas-b"].map(str::to_owned).into();
        for name in ["node1", "node2", "node3", "nas"] {
            let role = if name == "node1" { "leader" } else { "replica" };
            view.patroni.members.push(crate::facts::view::PatroniRow {
                name: name.to_owned(),
                role: role.to_owned(),
                state: if name == "node1" { "running" } else { "streaming" }.to_owned(),
                ..Default::default()
            });
            let own = json!({ "state": "running", "role": if name == "node1" { "primary" } else { role },
                "timeline": 1, "replication_state": "streaming" });
            view.patroni.own.insert(name.to_owned(), own);
        }
        view
    }

    fn member(name: &str) -> Value {
        let keys = ["peer", "client", "metrics", "data", "unit", "cluster", "endpoints", "ca", "identity"];
        let mut fields: serde_json::Map<String, Value> =
            keys.map(|key| (key.to_owned(), json!(""))).into_iter().collect();
        fields.insert("name".to_owned(), json!(name));
        json!({ "etcd_member": fields })
    }

    #[test]
    fn who_leaves_and_what_is_left() {
        use GroupName::{Etcd, Patroni};
        let unit = || json!({ "unit": { "name": "patroni", "state": "started", "enabled": true } });
        let nas = [(Etcd, "nas", true, member("nas-a")), (Etcd, "nas", true, member("nas-b"))];
        insta::assert_snapshot!([
            said(&nas),
            said(&[(Patroni, "nas", true, unit())]),
            said(&[(Patroni, "node1", true, unit()), (Etcd, "node1", true, member("node1"))]),
            said(&[(Patroni, "node1", false, unit())]),
        ].join("\n"), @"
        etcd does without nas-a, nas-b; votes: 5 before, 3 after; votes that may be lost: 1 before, 0 after
        patroni does without nas; standbys that stream: 3 before, 2 after
        etcd does without node1; votes: 5 before, 4 after; votes that may be lost: 1 before, 0 after
        patroni does without node1; node1 leads: another takes over, some seconds without writes; standbys that stream: 3 before, 2 after
        patroni goes as a whole, with all its members
        ");
        assert_eq!(said(&[]), "");
    }
}
