//! Owns `secrets set`, `rotate` and `rekey`: one change, written in one instant.
//! Must not know where a value comes from.

use super::{Safe, prompt, warn};
use crate::error::{Failure, Reason};
use crate::exec::now;
use crate::inventory::SecretName;
use crate::pki::Authority;
use crate::report::ui::Ui;
use crate::secrets::{AUTHORITY, Form, Secrets, SecretsError};

pub(super) fn set(ui: &Ui, safe: &Safe, name: &str) -> Result<(), Failure> {
    SecretName::of(name).map_err(|why| Failure::new(Reason::Usage, format!("the name {why}")))?;
    no_authority(name)?;
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
    let known = safe.names();
    if let Some(name) = names.iter().find(|name| *name != AUTHORITY && !known.contains(name)) {
        return Err(safe.unknown(name));
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (authority, values): (Vec<&str>, Vec<&str>) = names.iter().partition(|name| **name == AUTHORITY);
    let mut after = safe.secrets.rotated(&values);
    if !authority.is_empty() {
        after = succeeded(safe, &after)?;
    }
    safe.keep(ui, &after, &names)?;
    if !values.is_empty() {
        ui.say(&format!("{} has new values for {}. {NEXT}\n", safe.shown(), values.join(", ")))?;
    }
    if !authority.is_empty() {
        ui.say(&format!("{} has the next authority. {COURSE}\n", safe.shown()))?;
    }
    Ok(())
}

fn succeeded(safe: &Safe, secrets: &Secrets) -> Result<Secrets, Failure> {
    if let Some(stage) = secrets.stage() {
        let message = format!("the authority is being replaced already, {}", stage.now());
        return Err(Failure::new(Reason::Unsafe, message)
            .hint("`hacluster apply` goes on with it; after the last one it can be replaced again"));
    }
    let next = Authority::generate(&safe.inventory.cluster.name, now()).map_err(SecretsError::from)?;
    Ok(secrets.succeeded_by(next))
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

const COURSE: &str = "It takes three `hacluster apply`, each of which says what the next one does: hosts trust both, \
     certificates are issued anew, hosts trust the new one only.";

/// It is no value: every certificate hangs on it.
fn no_authority(name: &str) -> Result<(), Failure> {
    if name != AUTHORITY {
        return Ok(());
    }
    Err(Failure::new(Reason::Unsafe, "the certificate authority is made here, not set")
        .hint("`hacluster secrets rotate authority` makes the next one"))
}
