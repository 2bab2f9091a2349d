//! Owns `node add`: a machine into the file, and its host key.
//! Must not know how the file is read or how keys are shown.

use std::path::Path;

use super::hosts;
use crate::cli::{AddArgs, Globals, HostsCommand};
use crate::error::{Exit, Failure, Reason};
use crate::inventory::{self, node_block};
use crate::replace::replace;
use crate::report::ui::Ui;

pub(super) fn add(ui: &Ui, globals: &Globals, args: &AddArgs) -> Result<Exit, Failure> {
    let (file, name) = (&globals.file, &args.name);
    let shown = file.display();
    let inventory = inventory::load(file)?;
    if inventory.hosts().iter().any(|host| host.name == *name) {
        let failure = Failure::new(Reason::Usage, format!("{name} stands in {shown} already"));
        return Err(failure.hint(format!("`hacluster hosts trust {name}` trusts its host key")));
    }
    let block = node_block(name, args.address, &args.role);
    let Some(text) = inventory.with_node(&block) else {
        let message = format!("{shown} does not write its nodes as [[node]]: nothing was written");
        return Err(Failure::new(Reason::Usage, message).hint(format!("add it by hand:\n{block}")));
    };
    write(file, &text, &format!("with {name}")).map_err(|failure| even(failure, args))?;
    ui.say(&format!("{shown} has a new node:\n\n{block}\n"))?;
    let later = |failure: Failure| failure.hint(format!("{name} stands in {shown} now"));
    let exit = hosts::run(ui, globals, &HostsCommand::Trust(args.trust())).map_err(later)?;
    ui.say("Next: `hacluster plan`, then `hacluster apply`.\n")?;
    Ok(exit)
}

/// Writes an edited inventory, unless it would not be valid.
pub(super) fn write(file: &Path, text: &str, how: &str) -> Result<(), Failure> {
    check(file, text, how)?;
    let shown = file.display();
    let failed = |error| Failure::new(Reason::Internal, format!("cannot write {shown}: {error}"));
    replace(file, text).map_err(failed)
}

/// Whether an edited inventory would be valid.
pub(super) fn check(file: &Path, text: &str, how: &str) -> Result<(), Failure> {
    let shown = file.display();
    let wrong = |problems| Failure {
        message: format!("{shown} would not be valid {how}: nothing was changed"),
        ..Failure::from(problems)
    };
    inventory::parse(&shown.to_string(), text.as_bytes()).map(drop).map_err(wrong)
}

/// An even number of votes has a way out that needs no other edit.
fn even(failure: Failure, args: &AddArgs) -> Failure {
    let votes = failure.problems.iter().any(|problem| problem.code == "HAC-E042");
    if !votes || args.role.iter().any(|role| role == "-etcd") {
        return failure;
    }
    failure.hint(format!(
        "`hacluster node add {} {} --role=-etcd` adds it without a vote",
        args.name, args.address
    ))
}
