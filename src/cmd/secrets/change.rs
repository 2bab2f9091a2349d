//! Owns `secrets set`, `rotate` and `rekey`: one change, written in one instant.
//! Must not know where a value comes from.

use super::{Safe, prompt, warn};
use crate::error::{Failure, Reason};
use crate::inventory::SecretName;
use crate::report::ui::Ui;
use crate::secrets::{AUTHORITY, Form};

pub(super) fn set(ui: &Ui, safe: &Safe, name: &str) -> Result<(), Failure> {
    SecretName::of(name).map_err(|why| Failure::new(Reason::Usage, format!("the name {why}")))?;
    no_authority([name])?;
    let value = prompt::value(name)?;
    let after = safe.secrets.set(name, value);
    safe.keep(ui, &after, &[name])?;
    ui.say(&format!("{} holds {name}. {NEXT}\n", safe.shown()))?;
    if !safe.names().iter().any(|known| known == name) {
        ui.note(&format!("Nothing uses it yet: the inventory names it as \"secret://{name}\"."));
    }
    warn(ui, &after);
    Ok(())
}

pub(super) fn rotate(ui: &Ui, safe: &Safe, names: &[String]) -> Result<(), Failure> {
    no_authority(names.iter().map(String::as_str))?;
    let known = safe.names();
    if let Some(name) = names.iter().find(|name| !known.contains(name)) {
        return Err(safe.unknown(name));
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    safe.keep(ui, &safe.secrets.rotated(&names), &names)?;
    ui.say(&format!("{} has new values for {}. {NEXT}\n", safe.shown(), names.join(", ")))?;
    Ok(())
}

pub(super) fn rekey(ui: &Ui, safe: &Safe) -> Result<(), Failure> {
    if safe.store.form()? != Some(Form::Sealed) {
        let message = format!("{} is not encrypted", safe.shown());
        return Err(Failure::new(Reason::Secrets, message).hint("`hacluster secrets init` encrypts it"));
    }
    safe.keep(ui, &safe.secrets, &[])?;
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

/// It is no value: every certificate hangs on it.
fn no_authority<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<(), Failure> {
    if names.into_iter().all(|name| name != AUTHORITY) {
        return Ok(());
    }
    let message = "the certificate authority cannot be changed yet: hosts would refuse each other until all trust the new one";
    Err(Failure::new(Reason::Unsafe, message)
        .hint("rotate passwords; leaves are renewed by `apply` without it"))
}
