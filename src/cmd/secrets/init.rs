//! Owns `secrets init`: the first secrets, or plain ones encrypted.
//! Must not make new ones where hosts may have others.

use crate::cli::Globals;
use crate::cmd::unlock::Vault;
use crate::cmd::world::World;
use crate::cmd::{block_on, reach, reading};
use crate::error::{Exit, Failure, Reason};
use crate::expand::needs;
use crate::report::Reporter;
use crate::report::ui::Ui;
use crate::secrets::Form;

pub(super) fn run(ui: &Ui, globals: &Globals) -> Result<Exit, Failure> {
    let world = World::load(globals, Vault::Open)?;
    match (&world.secrets, world.store.form()?) {
        (Some(_), Some(Form::Sealed)) => {
            let message = format!("{} is there already; nothing was changed", world.secrets_path().display());
            Err(Failure::new(Reason::Secrets, message)
                .hint("`hacluster secrets rekey` encrypts it to the recipients as they are now"))
        }
        (Some(_), Some(Form::Plain)) => encrypt(ui, &world),
        _ => make(ui, world),
    }
}

fn encrypt(ui: &Ui, world: &World) -> Result<Exit, Failure> {
    let (from, to) = (world.store.file(Form::Plain), world.store.file(Form::Sealed));
    if world.inventory.secrets.recipients.is_empty() {
        let message =
            format!("{} is there already, and [secrets] names nobody to encrypt it to", from.display());
        return Err(Failure::new(Reason::Secrets, message).hint(whom()));
    }
    let _held = world.store.lock()?;
    if let Some(now) = world.store.load()? {
        world.store.encrypt(&now)?;
    }
    ui.say(&format!(
        "{} holds what {} held, which is gone. Earlier copies of it (backups, git) are not encrypted.\n",
        to.display(),
        from.display()
    ))?;
    Ok(Exit::Clean)
}

/// A line that somebody can copy.
fn whom() -> String {
    let home = std::env::home_dir().unwrap_or_default();
    let own = std::fs::read_to_string(home.join(".ssh/id_ed25519.pub")).unwrap_or_default();
    let key = if own.starts_with("ssh-ed25519 ") { own.trim() } else { "age1..." };
    format!("add to the inventory:\n[secrets]\nrecipients = [\"{key}\"]")
}

/// As the first plan does: only where no host was set up with others.
fn make(ui: &Ui, mut world: World) -> Result<Exit, Failure> {
    let reporter = Reporter::reading(ui);
    let observed = block_on(async {
        let reached = reach::probers(&world, &reading::names(&world), &reporter).await?;
        reach::observe(&reached, &needs(&world.resources), &reporter).await
    });
    reporter.finish();
    world.ensure_secrets(&observed??, ui)?;
    Ok(Exit::Clean)
}
