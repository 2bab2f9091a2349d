//! Owns what nothing asks for any more: entries of ledgers become removals.
//! Pure. Must not know facts, nor the order in which things go.

mod fate;
mod object;
mod reason;
mod shared;

use std::collections::{BTreeMap, BTreeSet};

use crate::expand::Resource;
use crate::group::GroupName;
use crate::ledger::{Ledger, Owned};
use crate::playbook::{Once, Playbook};
use crate::resource::{Fate, Gone, Kind, PostgresGrant, PostgresUser, Sysctl};

/// What the files ask for.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    pub cluster: &'a str,
    pub resources: &'a [Resource],
    pub playbooks: &'a [Playbook],
    /// Flat inventory values.
    pub inventory: &'a BTreeMap<String, String>,
}

impl Wanted<'_> {
    fn on<'a>(&'a self, host: &'a str) -> impl Iterator<Item = &'a Resource> {
        self.resources.iter().filter(move |resource| resource.hosts.iter().any(|h| h == host))
    }

    /// Members of this group are asked for on some host.
    fn has(&self, group: GroupName) -> bool {
        self.resources.iter().any(|resource| resource.rolling && resource.group == Some(group))
    }
}

/// One entry of a ledger that nothing asks for.
struct Entry<'a> {
    id: &'a str,
    /// `None` where an older hacluster wrote it, or a newer one that says it in words
    /// that are not known here.
    owned: Option<&'a Owned>,
    kind: Kind,
}

impl Entry<'_> {
    fn playbook(&self) -> &str {
        self.owned.map_or("", |owned| &owned.playbook)
    }
}

/// A resource for everything that hosts' ledgers hold and no step asks for.
/// `destroy`: data may go too. A ledger of another cluster is left alone.
pub fn removals(wanted: &Wanted<'_>, ledgers: &BTreeMap<String, Ledger>, destroy: bool) -> Vec<Resource> {
    let mut all = Vec::new();
    for (host, ledger) in ledgers.iter().filter(|(_, ledger)| ledger.cluster == wanted.cluster) {
        let entries = unwanted(wanted, host, ledger);
        let fates = fate::fates(wanted, host, &entries, destroy);
        for (entry, fate) in entries.into_iter().zip(fates) {
            let reason = reason::reason(wanted, host, entry.playbook(), ledger);
            all.push(removal(wanted, host, entry, fate, reason));
        }
    }
    all.extend(shared_removals(wanted, ledgers, destroy));
    all
}

/// The same inside of `PostgreSQL`, done where the leader is.
fn shared_removals(wanted: &Wanted<'_>, ledgers: &BTreeMap<String, Ledger>, destroy: bool) -> Vec<Resource> {
    let hosts = shared::hosts(wanted);
    let Some(first) = hosts.first() else { return Vec::new() };
    let entries = shared::unwanted(wanted, &hosts, ledgers);
    let fates = fate::fates(wanted, first, &entries, destroy);
    let removal = |(entry, fate)| {
        let reason = "it is not declared any more".to_owned();
        let mut resource = removal(wanted, first, entry, fate, reason);
        resource.hosts.clone_from(&hosts);
        (resource.once, resource.group) = (Some(Once::Leader), Some(GroupName::Patroni));
        resource
    };
    entries.into_iter().zip(fates).map(removal).collect()
}

fn unwanted<'a>(wanted: &Wanted<'_>, host: &str, ledger: &'a Ledger) -> Vec<Entry<'a>> {
    let mut taken: BTreeSet<String> =
        wanted.on(host).flat_map(|resource| object::objects(&resource.kind)).collect();
    let ids: BTreeSet<&String> = ledger.owned.keys().chain(ledger.resources.keys()).collect();
    let mut entries = Vec::new();
    for id in ids {
        let Some((host, label)) = id.split_once('/') else { continue };
        let Some((owned, kind)) = object::read(label, ledger.owned.get(id)) else { continue };
        // By what it is, not by its id: a host or a step of another name is no removal.
        let objects = object::objects(&kind);
        if host == "cluster" || objects.iter().any(|object| taken.contains(object)) {
            continue;
        }
        taken.extend(objects);
        entries.push(Entry { id, owned, kind });
    }
    entries
}

fn removal(wanted: &Wanted<'_>, host: &str, entry: Entry<'_>, fate: Fate, reason: String) -> Resource {
    let owned = entry.owned.cloned().unwrap_or_default();
    // With the last member goes the group: there is nobody left to wait for.
    let last = owned.group.is_some_and(|group| !wanted.has(group));
    let kind = match entry.kind {
        Kind::Sysctl(sysctl) => {
            Kind::Sysctl(Sysctl { value: owned.was.clone().unwrap_or_default(), ..sysctl })
        }
        Kind::EtcdMember(mut member) => {
            member.last = last;
            Kind::EtcdMember(member)
        }
        Kind::PostgresUser(user) => Kind::PostgresUser(PostgresUser { absent: true, ..user }),
        Kind::PostgresGrant(grant) => Kind::PostgresGrant(PostgresGrant { absent: true, ..grant }),
        kind => kind,
    };
    let gone = Gone { kind: Box::new(kind), reason, fate };
    let mut resource = Resource::gone(entry.id, host, gone, &owned.playbook);
    resource.rolling = owned.group.is_some() && !last;
    resource.group = owned.group;
    resource.item = owned.item;
    let here: BTreeSet<String> = wanted.on(host).flat_map(|r| object::objects(&r.kind)).collect();
    resource.notifies = owned.notifies;
    resource.notifies.retain(|(unit, _)| here.contains(&object::unit(unit)));
    resource
}
