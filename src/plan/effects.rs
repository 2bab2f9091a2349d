//! Owns what a plan does to the cluster as a whole, in sentences.
//! Must not know what a reader's terminal looks like.

use std::collections::BTreeMap;

use super::{Plan, leaving, restarts};
use crate::expand::Resource;
use crate::facts::view::View;
use crate::group::{Formation, GroupName};
use crate::resource::{Change, Kind, Unit};

/// Sentences about groups that are formed, restarted, left, or stay as they are.
pub fn effects(plan: &Plan, resources: &[Resource], view: &View) -> Vec<String> {
    let mut by_group: BTreeMap<GroupName, Vec<(String, Option<&str>)>> = BTreeMap::new();
    let mut reloads = 0;
    for assessment in plan.changes() {
        let resource = &resources[assessment.index];
        let says = |word: &str| {
            let owes = assessment.change.fields().iter().find(|f| f.name == Unit::CONFIGURATION);
            owes.is_some_and(|f| f.from == format!("owes a {word}"))
        };
        if matches!(assessment.kind, Kind::Unit(_)) && says("reload") {
            reloads += 1;
        }
        let starts =
            assessment.change.to("state").is_some() || matches!(assessment.change, Change::Create(_));
        let member = resource.rolling && resource.kind.makes_member();
        if let Some(group) = resource.group.filter(|_| member && (starts || says("restart"))) {
            let restarts = says("restart").then_some(resource.item.as_deref()).flatten();
            by_group.entry(group).or_default().push((assessment.host.clone(), restarts));
        }
    }
    let mut said: Vec<String> =
        by_group.into_iter().map(|(group, steps)| sentence(group, &steps, view)).collect();
    said.extend(restarts::sentences(plan, resources, view));
    said.extend(leaving::sentences(plan, resources, view));
    if reloads > 0 {
        said.push(format!("units that reload their configuration without a restart: {reloads}"));
    }
    said
}

/// One for each step, so a host may stand there twice; with the member that
/// restarts, where that has a name of its own.
fn sentence(group: GroupName, hosts: &[(String, Option<&str>)], view: &View) -> String {
    let name = group.word();
    let count = hosts.len();
    let steps = if count == 1 { "step" } else { "steps" };
    // A member that is down already costs no further vote.
    let costs = isize::from(hosts.iter().any(|(host, _)| group.member_healthy(host, None, view)));
    if !group.formed(view) {
        let how = match group.formation() {
            Formation::Together => "together, then one gate",
            Formation::Seeded => "the preferred member first, then the others",
        };
        return format!("{name} is formed: its members start {how}");
    }
    let mut restarts = hosts.iter().filter(|(_, member)| member.is_some());
    let last = restarts.find_map(|(host, member)| group.hands_over(host, *member, view).ok()?);
    let last = last.map(|h| format!(", {} last, after a {} to {}", h.from, h.word, h.to)).unwrap_or_default();
    match group.margin(view) {
        Some(margin) => format!(
            "{name}: {count} {steps}, one at a time behind its health{last}; votes that may be lost: {margin} before, {} during",
            margin - costs
        ),
        None => format!("{name}: {count} {steps}, one at a time behind its health, the leader last"),
    }
}
