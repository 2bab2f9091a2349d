//! Owns what a plan does to the cluster as a whole, in sentences.
//! Must not know what a reader's terminal looks like.

use std::collections::BTreeMap;

use super::{Assessment, Plan, leaving, restarts, updates};
use crate::expand::Resource;
use crate::facts::view::View;
use crate::group::{Formation, GroupName};
use crate::resource::{Change, Kind, owed};

/// Sentences about groups that are formed, restarted, left, or stay as they are.
pub fn effects(plan: &Plan, resources: &[Resource], view: &View) -> Vec<String> {
    let mut by_group: BTreeMap<GroupName, Vec<&Assessment>> = BTreeMap::new();
    let mut reloads = 0;
    for assessment in plan.changes() {
        let resource = &resources[assessment.index];
        let reload = || assessment.debt().is_some_and(|field| owed(&field.from) == Some("reload"));
        if matches!(assessment.kind, Kind::Unit(_)) && reload() {
            reloads += 1;
        }
        let starts =
            assessment.change.to("state").is_some() || matches!(assessment.change, Change::Create(_));
        let member = resource.rolling && resource.makes_member();
        if let Some(group) = resource.group.filter(|_| member && (starts || assessment.restarts())) {
            by_group.entry(group).or_default().push(assessment);
        }
    }
    let mut said: Vec<String> = Vec::new();
    for (group, steps) in by_group {
        let (restart, start): (Vec<_>, Vec<_>) = steps
            .into_iter()
            .partition(|a| group == GroupName::Patroni && a.restarts() && group.formed(view));
        said.extend((!start.is_empty()).then(|| sentence(group, &start, resources, view)));
        said.extend(restarts::patroni(&restart, resources, view));
    }
    said.extend(restarts::sentences(plan, resources, view));
    said.extend(leaving::sentences(plan, resources, view));
    said.extend(updates::sentences(plan, resources, view));
    if reloads > 0 {
        said.push(format!("units that reload their configuration without a restart: {reloads}"));
    }
    said
}

/// One assessment for each step, so a host may stand there twice.
fn sentence(group: GroupName, assessed: &[&Assessment], resources: &[Resource], view: &View) -> String {
    let name = group.word();
    let count = assessed.len();
    let steps = if count == 1 { "step" } else { "steps" };
    // A member that is down already costs no further vote.
    let costs = isize::from(assessed.iter().any(|a| group.member_healthy(&a.host, None, view)));
    if !group.formed(view) {
        let how = match group.formation() {
            Formation::Together => "together, then one gate",
            Formation::Seeded => "the preferred member first, then the others",
        };
        return format!("{name} is formed: its members start {how}");
    }
    let restarts = || assessed.iter().copied().filter(|a| a.restarts());
    let member = |a: &Assessment| resources[a.index].item.clone();
    let last = restarts().find_map(|a| group.hands_over(&a.host, Some(&member(a)?), view).ok()?);
    let why = updates::cause(restarts());
    let last = last.map(|h| format!(", {} last, after a {} to {}", h.from, h.word, h.to)).unwrap_or_default();
    match group.margin(view) {
        Some(margin) => format!(
            "{name}: {count} {steps}{why}, one at a time behind its health{last}; votes that may be lost: {margin} before, {} during",
            margin - costs
        ),
        None => format!("{name}: {count} {steps}, one at a time behind its health, the leader last"),
    }
}
