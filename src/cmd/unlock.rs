//! Owns whether a command reads the secrets, and with what.
//! Must not make or change any.

use std::path::PathBuf;

use crate::cli::Globals;
use crate::inventory::Inventory;
use crate::secrets::{Keys, Secrets, SecretsError, Store};

/// Whether the secrets are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Vault {
    Shut,
    Open,
    /// Where the means to read them are at hand; what needs none goes on without.
    IfReadable,
}

/// Where this inventory's secrets lie.
pub(super) fn store(globals: &Globals, inventory: &Inventory) -> Store {
    let home = std::env::home_dir().unwrap_or_default();
    let xdg = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let keys = Keys {
        named: globals.identity.clone(),
        config: xdg.unwrap_or_else(|| home.join(".config")),
        home,
        path: std::env::var_os("PATH"),
    };
    let recipients = inventory.secrets.recipients.iter().map(ToString::to_string).collect();
    Store::beside(&globals.file, recipients, keys)
}

/// What playbooks see: the inventory, and whether passwords are being rotated.
pub(super) fn context(inventory: &Inventory, secrets: Option<&Secrets>) -> serde_json::Value {
    let mut context = inventory.context();
    context["computed"]["rotating"] = secrets.is_some_and(|secrets| secrets.settled().is_some()).into();
    context
}

/// The secrets, or why they stay shut.
pub(super) fn read(store: &Store, vault: Vault) -> Result<(Option<Secrets>, Option<String>), SecretsError> {
    if vault == Vault::Shut {
        return Ok((None, None));
    }
    match store.load() {
        Err(error) if vault == Vault::IfReadable && error.lacks_key() => Ok((None, Some(error.to_string()))),
        read => read.map(|secrets| (secrets, None)),
    }
}
