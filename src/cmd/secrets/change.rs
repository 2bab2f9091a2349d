//! Owns `secrets set`, `rotate` and `rekey`: one change, written in one instant.
//! Must not know where a value comes from.

use super::{Safe, prompt, warn};
use crate::error::{Failure, Reason};
use crate::inventory::SecretName;
use crate::report::ui::Ui;
use crate::secrets::{Form, GENERATED};

pub(super) fn set(ui: &Ui, safe: &Safe, name: &str) -> Result<(), Failure> {
    SecretName::of(name).map_err(|why| Failure::new(Reason::Usage, format!("the name {why}")))?;
    rollable(&[name])?;
    let value = prompt::value(name)?;
    let after = safe.change(|now| Ok(now.set(name, value)))?;
    ui.say(&format!("{} holds {name}. {NEXT}\n", safe.shown()))?;
    if !safe.names().iter().any(|known| known == name) {
        ui.note(&format!("Nothing uses it yet: the inventory names it as \"secret://{name}\"."));
    }
    warn(ui, &after);
    Ok(())
}

pub(super) fn rotate(ui: &Ui, safe: &Safe, names: &[String]) -> Result<(), Failure> {
    let known = safe.names();
    if let Some(name) = names.iter().find(|name| !known.contains(name)) {
        return Err(safe.unknown(name));
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    rollable(&names)?;
    safe.change(|now| Ok(now.rotated(&names)))?;
    ui.say(&format!("{} has new values for {}. {NEXT}\n", safe.shown(), names.join(", ")))?;
    Ok(())
}

pub(super) fn rekey(ui: &Ui, safe: &Safe) -> Result<(), Failure> {
    if safe.store.form()? != Some(Form::Sealed) {
        let message = format!("{} is not encrypted", safe.shown());
        return Err(Failure::new(Reason::Secrets, message).hint("`hacluster secrets init` encrypts it"));
    }
    safe.change(|now| Ok(now.clone()))?;
    let recipients = &safe.inventory.secrets.recipients;
    ui.say(&format!("{} is encrypted to {} recipients:\n", safe.shown(), recipients.len()))?;
    for recipient in recipients {
        ui.say(&format!("  {recipient}\n"))?;
    }
    ui.note(
        "Whoever could read it before knows the values of before: rotate them too if that was somebody else.",
    );
    Ok(())
}

const NEXT: &str = "The next `hacluster apply` rolls it out.";

/// The cluster's own passwords are known to several hosts at once.
pub(super) fn rollable(names: &[&str]) -> Result<(), Failure> {
    match names.iter().find(|name| GENERATED.contains(name)) {
        None => Ok(()),
        Some(name) => Err(Failure::new(
            Reason::Unsafe,
            format!("{name} cannot be changed yet: hosts would refuse each other until all have the new one"),
        )),
    }
}
