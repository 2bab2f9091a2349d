//! Owns the rules about host names as a set; a name's characters are its type's.
//! Must not know addresses.

use std::collections::BTreeMap;

use crate::inventory::Inventory;
use crate::problem::Problem;

/// Names that mean something else, and what.
const RESERVED: &[(&str, &str)] = &[
    ("localhost", "every machine calls itself so"),
    ("all", "it means every host on the command line"),
    ("any", "a step may run once on `any` host"),
    ("first", "a step may run once on the `first` host"),
    ("leader", "a step may run once on the `leader`"),
    ("cluster", "resources of the whole cluster are listed under it"),
    ("control", "it is the machine hacluster runs on"),
];

/// Every name of a host or etcd member, with the key that sets it.
fn names(inventory: &Inventory) -> Vec<(String, String)> {
    let mut names = Vec::new();
    for host in inventory.hosts() {
        let path = format!("{}.name", host.path);
        for member in &host.etcd_members {
            if member.name != host.name {
                names.push((member.name.clone(), path.clone()));
            }
        }
        names.push((host.name, path));
    }
    names
}

pub(super) fn duplicates(inventory: &Inventory) -> Vec<Problem> {
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    let mut problems = Vec::new();
    let mut names = names(inventory);
    names.sort_by_key(|(_, path)| inventory.span(path).start);
    for (name, path) in names {
        let Some(first) = seen.insert(name.clone(), path.clone()) else { continue };
        let message = format!("the name \"{name}\" is taken twice");
        let problem = inventory.problem("HAC-E032", &path, message).says("here again");
        problems.push(
            problem.also(inventory.span(&first), "first here").help("give each host a name of its own"),
        );
    }
    problems
}

pub(super) fn reserved(inventory: &Inventory) -> Vec<Problem> {
    let reason = |name: &str| RESERVED.iter().find(|(reserved, _)| *reserved == name).map(|(_, why)| *why);
    let problem = |(name, path): (String, String)| {
        let why = reason(&name)?;
        let problem =
            inventory.problem("HAC-E033", &path, format!("\"{name}\" cannot be a host's name: {why}"));
        Some(problem.help(format!("write for example \"{name}-1\"")))
    };
    names(inventory).into_iter().filter_map(problem).collect()
}
