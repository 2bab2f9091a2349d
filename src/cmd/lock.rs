//! Owns `lock status`: who holds the lock of each host, and what a run left
//! running there. Holds probers only.

use std::collections::BTreeMap;

use super::reading::reached_all;
use super::unlock::Vault;
use super::world::World;
use super::{block_on, reach};
use crate::cli::{Globals, LockCommand};
use crate::error::{Exit, Failure};
use crate::facts::Needs;
use crate::plan::Observed;
use crate::report::ui::Ui;
use crate::report::{Reporter, lock as lock_report};

pub(super) fn run(ui: &Ui, globals: &Globals, command: &LockCommand) -> Result<Exit, Failure> {
    let LockCommand::Status = command;
    let world = World::load(globals, Vault::Shut)?;
    let names: Vec<&str> = world.hosts.iter().map(|host| host.name.as_str()).collect();
    // What a host says of itself always comes along.
    let needs: BTreeMap<String, Needs> =
        names.iter().map(|name| ((*name).to_owned(), Needs::default())).collect();
    let reporter = Reporter::reading(ui);
    let observed = block_on(async {
        let reached = reach::probers(&world, &names, &reporter).await?;
        reach::observe(&reached, &needs, &reporter).await
    });
    reporter.finish();
    let observed = observed??;
    for name in &names {
        let identity = observed.facts.get(*name).map(|facts| &facts.identity);
        ui.json(&lock_report::json(name, identity))?;
        ui.say(&lock_report::text(name, identity))?;
    }
    Ok(reached_all(&observed))
}

/// A host where a run holds the lock or left something running, and whose it is.
pub(super) fn under_way(observed: &Observed) -> Option<String> {
    observed.facts.iter().find_map(|(host, facts)| match (&facts.identity.holder, &facts.identity.running) {
        (Some(holder), _) => Some(format!("{host} ({holder})")),
        (None, Some(left)) => Some(format!("{host} (run {} was cut and left {left} running)", left.run)),
        (None, None) => None,
    })
}
