//! Owns how resources become the steps of a batch; all packages are one
//! transaction. Pure. Must not know how a batch is sent.

use std::collections::BTreeMap;

use super::batch::Step;
use super::confirm::armed;
use crate::expand::Resource;
use crate::plan::Assessment;
use crate::resource::{Change, Kind, Package};

/// Steps, and which of them each resource is.
type Composed = (Vec<Step>, BTreeMap<usize, usize>);

/// Makes the batch's steps of resources that were judged. Under `guard` goes what
/// must be confirmed.
pub(super) fn compose(
    resources: &[Resource],
    judged: &BTreeMap<usize, Assessment>,
    steps: &[(usize, Vec<usize>)],
    guard: Option<&str>,
) -> Composed {
    let mut made: Vec<Step> = Vec::new();
    let mut positions = BTreeMap::new();
    let mut packages: Option<(usize, Vec<&Package>)> = None;
    for (index, requires) in steps {
        let Some(assessment) = judged.get(index) else { continue };
        let requires: Vec<usize> = requires.iter().filter_map(|r| positions.get(r).copied()).collect();
        let mut position = made.len();
        if let Some(package) = installs(assessment) {
            // One that must come after a step in between is a transaction of its own.
            let open = packages.take().filter(|(first, _)| requires.iter().all(|r| r < first));
            let (first, mut names) = open.unwrap_or((position, Vec::new()));
            names.push(package);
            if let Some(step) = made.get_mut(first) {
                step.ids.push(assessment.id.clone());
                step.requires.extend(&requires);
                step.script = Package::install(&names, &held(resources, &assessment.host));
            }
            position = first;
            packages = Some((first, names));
        }
        positions.insert(*index, position);
        if position == made.len() {
            made.push(step(resources, assessment, requires, guard));
        }
    }
    (made, positions)
}

fn step(resources: &[Resource], assessment: &Assessment, requires: Vec<usize>, guard: Option<&str>) -> Step {
    let resource = &resources[assessment.index];
    let script = match installs(assessment) {
        Some(package) => Package::install(&[package], &held(resources, &assessment.host)),
        None => assessment.kind.manage().apply(&assessment.change),
    };
    let unit = match &assessment.kind {
        Kind::Unit(unit) => Some(unit.full_name()),
        _ => None,
    };
    let guard = guard.filter(|_| resource.confirm);
    let owes = resource.notifies.iter().filter_map(|(unit, on)| on.word().map(|word| (unit.clone(), word)));
    Step {
        ids: vec![assessment.id.clone()],
        script: guard.map_or(script.clone(), |id| armed(id, unit.as_deref(), &script)),
        requires,
        owes: owes.collect(),
    }
}

/// Units on `host` that are restarted in their turn, never by a package's script.
fn held(resources: &[Resource], host: &str) -> Vec<String> {
    let here = resources.iter().filter(|resource| resource.host() == Some(host));
    let unit = |resource: &Resource| match &resource.kind {
        Kind::Unit(unit) if !unit.packages.is_empty() => Some(unit.full_name()),
        _ => None,
    };
    here.filter_map(unit).collect()
}

/// The package that is to be installed.
fn installs(assessment: &Assessment) -> Option<&Package> {
    match (&assessment.kind, &assessment.change) {
        (_, Change::Remove | Change::Forget(_)) => None,
        (Kind::Package(package), _) => Some(package),
        _ => None,
    }
}
