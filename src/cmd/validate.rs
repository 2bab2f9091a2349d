//! Owns `validate`. Must not contact a host nor read a secret.

use serde_json::json;

use super::unlock::Vault;
use super::world::World;
use crate::cli::Globals;
use crate::error::{Exit, Failure};
use crate::inventory::Votes;
use crate::report::problems;
use crate::report::ui::Ui;

pub(super) fn run(ui: &Ui, globals: &Globals) -> Result<Exit, Failure> {
    let world = World::load(globals, Vault::Shut)?;
    warn(ui, &world)?;
    let votes = world.inventory.votes();
    let (hosts, resources) = (world.hosts.len(), world.resources.len());
    ui.json(&json!({
        "type": "valid",
        "cluster": world.name(),
        "hosts": hosts,
        "resources": resources,
        "votes": votes.layout(),
        "quorum": votes.quorum(),
        "tolerated": votes.tolerated(),
    }))?;
    if ui.is_quiet() {
        return Ok(Exit::Clean);
    }
    for line in world.own_playbooks().into_iter().chain(world.left_out()) {
        ui.say(&format!("{line}."))?;
    }
    let valid = ui.paint().green("valid");
    ui.say(&format!("{}: {valid}. {hosts} hosts, {resources} resources{}.", world.name(), words(&votes)))?;
    Ok(Exit::Clean)
}

/// What is worth a word and no error.
pub(super) fn warn(ui: &Ui, world: &World) -> Result<(), Failure> {
    let warnings = world.inventory.warnings();
    for warning in warnings {
        ui.json(&problems::json(warning))?;
    }
    if !warnings.is_empty() {
        ui.note(&problems::text(warnings, ui.error_paint()));
    }
    Ok(())
}

/// `, votes 1,1,1,2 (quorum 3): can lose any 2 nodes, or nas`
pub(super) fn words(votes: &Votes) -> String {
    if votes.total() == 0 {
        return String::new();
    }
    let tolerated = votes.tolerated();
    let lose = if tolerated.is_empty() {
        "cannot lose any host".to_owned()
    } else {
        format!("can lose {}", tolerated.join(", or "))
    };
    format!(", votes {} (quorum {}): {lose}", votes.layout(), votes.quorum())
}
