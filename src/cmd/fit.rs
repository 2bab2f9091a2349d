//! Owns what the file asks of machines, against what they turned out to be.
//! Must not know what is applied to them.

use super::world::World;
use crate::inventory::Watchdog;
use crate::plan::Observed;
use crate::problem::Problem;

/// What no apply could make true.
pub(super) fn misfits(world: &World, observed: &Observed) -> Vec<Problem> {
    watchdogs(world, observed).into_iter().collect()
}

/// A Patroni that must have a watchdog and finds none never leads.
fn watchdogs(world: &World, observed: &Observed) -> Option<Problem> {
    if world.inventory.postgres.watchdog != Watchdog::Required {
        return None;
    }
    let lacks = |name: &str| observed.facts.get(name).is_some_and(|facts| !facts.identity.watchdog);
    let members = world.hosts.iter().filter(|host| host.has("patroni") && lacks(&host.name));
    let names: Vec<&str> = members.map(|host| host.name.as_str()).collect();
    let place = world.inventory.place_of("postgres.watchdog").filter(|_| !names.is_empty())?;
    let message = format!(
        "`postgres.watchdog` is \"required\", and there is no /dev/watchdog on {}: Patroni would never lead there",
        names.join(", ")
    );
    let help = "load a watchdog module there (softdog), or write watchdog = \"automatic\"";
    Some(Problem::error(&place.source, "HAC-E052", place.span, message).help(help))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::cmd::tests::load;
    use crate::facts::Facts;

    #[test]
    fn a_watchdog_that_must_be_there_is_looked_for() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("cluster.toml");
        let text = include_str!("../../inventories/lab.toml");
        std::fs::write(&file, text.replace("[postgres]\n", "[postgres]\nwatchdog = \"required\"\n")).unwrap();
        let world = load(file);
        let host = |name: &str, watchdog: bool| {
            let mut facts = Facts::default();
            facts.identity.watchdog = watchdog;
            (name.to_owned(), facts)
        };
        let facts = [host("node1", true), host("node2", false), host("nas", false)];
        let observed = Observed::new(facts.into(), BTreeMap::new(), 1);
        let problem = misfits(&world, &observed).pop().unwrap();
        let place = format!("{}/", dir.path().display());
        let said = problem.to_string().replace(&place, "");
        assert_eq!(
            said,
            "cluster.toml:44:12: error[HAC-E052]: `postgres.watchdog` is \"required\", and there is no /dev/watchdog on \
             node2, nas: Patroni would never lead there"
        );
        let all = Observed::new([host("node1", true)].into(), BTreeMap::new(), 1);
        assert_eq!(misfits(&world, &all), []);
    }
}
