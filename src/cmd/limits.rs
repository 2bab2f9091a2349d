//! Owns how much may go on at once: `[limits]` against what steps name.
//! Must not know how a run keeps to it.

use std::collections::BTreeSet;

use crate::exec::Parallelism;
use crate::inventory::{Inventory, nearest};
use crate::playbook::Playbook;
use crate::problem::Problem;

/// The limit that no step names: hosts worked on at once.
const HOSTS: &str = "hosts";

/// `flag`: hosts at once, from the command line.
pub(super) fn parallelism(inventory: &Inventory, flag: Option<u32>) -> Parallelism {
    let number = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    let hosts = flag.or_else(|| inventory.limits.get(HOSTS).copied()).map(number);
    let named = inventory.limits.iter().map(|(name, most)| (name.clone(), number(*most)));
    Parallelism { hosts: hosts.unwrap_or(Parallelism::default().hosts), named: named.collect() }
}

/// Limits that no step of any playbook has.
pub(super) fn unused(inventory: &Inventory, playbooks: &[Playbook]) -> Vec<Problem> {
    let steps = playbooks.iter().flat_map(|playbook| &playbook.steps);
    let known: BTreeSet<&str> = steps.filter_map(|step| step.limit.as_deref()).chain([HOSTS]).collect();
    let unknown = inventory.limits.keys().filter(|name| !known.contains(name.as_str()));
    let problem = |name: &String| {
        let place = inventory.place_of(&format!("limits.{name}"))?;
        let message = format!("`limits.{name}` limits nothing: no step has `limit = {name:?}`");
        let help = match nearest(name, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known here: {}", known.iter().copied().collect::<Vec<_>>().join(", ")),
        };
        Some(Problem::error(&place.source, "HAC-E043", place.span, message).help(help))
    };
    unknown.filter_map(problem).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{inventory, playbook};

    const TINY: &str = "[cluster]\nname = \"tiny\"\nha = false\n[network]\nsubnet = \"10.0.0.0/24\"\n\
                        [[node]]\nname = \"n1\"\naddress = \"10.0.0.11\"\n";

    fn read(limits: &str) -> Inventory {
        inventory::parse("cluster.toml", format!("{TINY}{limits}").as_bytes()).unwrap()
    }

    #[test]
    fn the_flag_outweighs_the_table_and_the_table_the_default() {
        let hosts = |limits: &str, flag| parallelism(&read(limits), flag).hosts;
        assert_eq!(hosts("", None), 64);
        assert_eq!(hosts("[limits]\nhosts = 3\n", None), 3);
        assert_eq!(hosts("[limits]\nhosts = 3\n", Some(5)), 5);
        let named = parallelism(&read("[limits]\npackages = 2\n"), None).named;
        assert_eq!(named, [("packages".to_owned(), 2)].into());
    }

    #[test]
    fn a_limit_that_nothing_has_is_a_slip() {
        let playbooks = playbook::load(None).unwrap();
        assert_eq!(unused(&read("[limits]\nhosts = 3\npackages = 2\n"), &playbooks), []);
        let slip = &unused(&read("[limits]\npackage = 2\n"), &playbooks)[0];
        insta::assert_snapshot!(slip, @r#"cluster.toml:10:11: error[HAC-E043]: `limits.package` limits nothing: no step has `limit = "package"`"#);
        assert_eq!(slip.help.as_deref(), Some("did you mean `packages`?"));
    }
}
