//! Owns `secrets`: what each subcommand begins and ends with.
//! Must not print a value.

mod change;
mod edit;
mod init;
mod list;
mod prompt;

use std::fs::File;

use serde_json::json;

use crate::cli::{Globals, SecretsCommand};
use crate::error::{Exit, Failure, Reason};
use crate::inventory::{self, Inventory, nearest};
use crate::report::ui::Ui;
use crate::secrets::{GENERATED, Secrets, Store};

use super::unlock;

pub(super) fn run(ui: &Ui, globals: &Globals, command: &SecretsCommand) -> Result<Exit, Failure> {
    if matches!(command, SecretsCommand::Init) {
        return init::run(ui, globals);
    }
    let safe = Safe::open(globals, !matches!(command, SecretsCommand::List))?;
    match command {
        SecretsCommand::Init | SecretsCommand::List => list::run(ui, &safe)?,
        SecretsCommand::Set { name } => change::set(ui, &safe, name)?,
        SecretsCommand::Edit => edit::run(ui, &safe)?,
        SecretsCommand::Rotate { names } => change::rotate(ui, &safe, names)?,
        SecretsCommand::Rekey => change::rekey(ui, &safe)?,
    }
    Ok(Exit::Clean)
}

/// The secrets of one inventory, read; held where they are to be changed.
struct Safe {
    inventory: Inventory,
    store: Store,
    secrets: Secrets,
    _held: Option<File>,
}

impl Safe {
    fn open(globals: &Globals, changes: bool) -> Result<Self, Failure> {
        let inventory = inventory::load(&globals.file)?;
        let store = unlock::store(globals, &inventory);
        let held = if changes { Some(store.lock()?) } else { None };
        let Some(secrets) = store.load()? else {
            let message = format!("{} is not there", store.path().display());
            return Err(Failure::new(Reason::Secrets, message)
                .hint("copy it from where this cluster was made; a new cluster's is made by `hacluster secrets init` or the first plan"));
        };
        Ok(Self { inventory, store, secrets, _held: held })
    }

    fn shown(&self) -> String {
        self.store.path().display().to_string()
    }

    /// Writes what it shall hold, and says of which names to programs.
    fn keep(&self, ui: &Ui, after: &Secrets, names: &[&str]) -> Result<(), Failure> {
        self.store.replace(after)?;
        ui.json(&json!({ "type": "secrets", "file": self.shown(), "changed": names }))?;
        Ok(())
    }

    /// Every name that means something: kept, or named in the inventory.
    fn names(&self) -> Vec<String> {
        let kept = self.secrets.iter().map(|(name, _)| name.to_owned());
        let mut names: Vec<String> = kept.chain(GENERATED.map(str::to_owned)).collect();
        names.extend(self.inventory.secrets_referred().into_iter().map(|one| one.name));
        names.sort();
        names.dedup();
        names
    }

    /// A name that means nothing, with the one that was meant.
    fn unknown(&self, name: &str) -> Failure {
        let names = self.names();
        let near = nearest(name, names.iter().map(String::as_str));
        let message = format!(
            "there is no secret {name}: {} does not hold it, and the inventory does not name it",
            self.shown()
        );
        Failure::new(Reason::Usage, message).hint(match near {
            Some(near) => format!("did you mean {near}?"),
            None => format!("there are {}", names.join(", ")),
        })
    }
}

/// A word about what can be guessed, on standard error.
fn warn(ui: &Ui, secrets: &Secrets) {
    for weak in secrets.weak() {
        ui.note(&format!("warning: {weak}"));
    }
}
