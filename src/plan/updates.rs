//! Owns what updates of packages make servers owe, and the sentences about it.
//! Must not know how a package is installed, nor how a server is restarted.

use std::collections::BTreeMap;

use super::{Assessment, Plan};
use crate::expand::Resource;
use crate::facts::view::View;
use crate::group::GroupName;
use crate::resource::{Change, Field, Kind, Package, owed_for};

/// A server whose package changes will owe a restart.
pub(super) fn owe(assessment: &mut Assessment, plan: &Plan, resources: &[Resource], view: &View) {
    let here = |a: &&Assessment| a.host == assessment.host;
    if matches!(assessment.kind, Kind::PatroniRestart(_)) {
        let runs = view.patroni.own.get(&assessment.host).is_some_and(|own| own["state"] == "running");
        let with_patroni = plan.changes().filter(here).any(|a| patroni(a, resources));
        if with_patroni && update(assessment).is_some() {
            assessment.change = Change::None;
        }
        if with_patroni || !runs {
            return;
        }
    }
    let packages = assessment.kind.packages();
    let concerns = |a: &&Assessment| match (&a.kind, &a.change) {
        (_, Change::Remove | Change::Forget(_)) => false,
        (Kind::Package(package), _) => packages.contains(&package.name),
        _ => false,
    };
    if let Some(id) = plan.changes().filter(here).find(concerns).map(|a| a.id.clone()) {
        assessment.owe("restart", &id);
    }
}

/// Patroni itself restarts, and PostgreSQL with it.
fn patroni(assessment: &Assessment, resources: &[Resource]) -> bool {
    let resource = &resources[assessment.index];
    let member = resource.group == Some(GroupName::Patroni) && resource.makes_member();
    member && matches!(resource.kind, Kind::Unit(_)) && assessment.restarts()
}

/// The package for whose update a server restarts.
pub(super) fn update(assessment: &Assessment) -> Option<&str> {
    let field = assessment.debt()?;
    let planned = field.to.split_once("/package:").map(|(_, name)| name);
    planned.or_else(|| owed_for(&field.from)?.split(' ').next())
}

/// `for an update of etcd-server`, or nothing.
pub(super) fn cause<'a>(restarting: impl Iterator<Item = &'a Assessment>) -> String {
    let mut names: Vec<&str> = restarting.filter_map(update).collect();
    names.sort_unstable();
    names.dedup();
    if names.is_empty() { String::new() } else { format!(" for an update of {}", names.join(", ")) }
}

/// What is unpacked under servers that run, and those that keep to a group's
/// order without being its members.
pub(super) fn sentences(plan: &Plan, resources: &[Resource], view: &View) -> Vec<String> {
    packages(plan).into_iter().chain(guests(plan, resources, view)).collect()
}

fn packages(plan: &Plan) -> Option<String> {
    let mut moves: BTreeMap<String, usize> = BTreeMap::new();
    for assessment in plan.changes().filter(|a| matches!(a.kind, Kind::Package(_))) {
        let Change::Update(fields) = &assessment.change else { continue };
        let version = |field: &&Field| field.name == Package::VERSION && !field.from.is_empty();
        if let (Kind::Package(package), Some(field)) = (&assessment.kind, fields.iter().find(version)) {
            *moves.entry(format!("{} {} -> {}", package.name, field.from, field.to)).or_default() += 1;
        }
    }
    let say = |(what, hosts): (String, usize)| {
        format!("{what} on {hosts} {}", if hosts == 1 { "host" } else { "hosts" })
    };
    let said: Vec<String> = moves.into_iter().map(say).collect();
    (!said.is_empty()).then(|| {
        format!(
            "packages are updated while their servers run on, and none restarts by itself: {}",
            said.join(", ")
        )
    })
}

fn guests(plan: &Plan, resources: &[Resource], view: &View) -> Vec<String> {
    let mut units: BTreeMap<(String, GroupName), Vec<&Assessment>> = BTreeMap::new();
    for assessment in plan.changes().filter(|a| a.restarts()) {
        let resource = &resources[assessment.index];
        if let (Kind::Unit(unit), true, true, Some(group)) =
            (&assessment.kind, resource.guest, resource.rolling, resource.group)
        {
            units.entry((unit.full_name(), group)).or_default().push(assessment);
        }
    }
    let say = |((unit, group), found): ((String, GroupName), Vec<&Assessment>)| {
        let hosts = group.order(found.iter().map(|a| a.host.clone()).collect(), view);
        let leads = group.leader_host(view).filter(|leader| hosts.contains(leader));
        let last = leads.map(|leader| format!(" ({leader} leads now)")).unwrap_or_default();
        format!(
            "{unit} restarts{}, one host at a time: {}{last}",
            cause(found.into_iter()),
            hosts.join(", then ")
        )
    };
    units.into_iter().map(say).collect()
}
