//! Owns `secrets edit`: values in a file in memory, for as long as an editor runs.
//! Must not leave anything behind.

use std::fs;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use tokio::signal::unix::{SignalKind, signal};

use super::{Safe, warn};
use crate::cmd::block_on;
use crate::error::{Failure, Reason};
use crate::inventory::SecretName;
use crate::report::ui::Ui;
use crate::secret::Secret;
use crate::secrets::{GENERATED, Secrets};

/// What the file begins with.
const HEAD: &str = "# One NAME = \"value\" a line. Save and leave the editor to keep it; nothing is\n\
    # changed if you leave without saving. `hacluster apply` rolls it out.\n\n";

pub(super) fn run(ui: &Ui, safe: &Safe) -> Result<(), Failure> {
    let before = safe.secrets.editable().map_err(|error| failed("write down the values", &error))?;
    let desk = Desk::new(&Secret::new(format!("{HEAD}{}", before.expose())))?;
    edit(&desk.file)?;
    let text =
        fs::read_to_string(&desk.file).map(Secret::new).map_err(|error| failed("read the file", &error))?;
    drop(desk);
    let edited = safe.secrets.edited(text.expose()).map_err(|line| {
        Failure::new(Reason::Secrets, format!("line {line} is no NAME = \"value\"; nothing was changed"))
    })?;
    if edited == safe.secrets {
        ui.say("Nothing was changed.\n")?;
        return Ok(());
    }
    let names = differing(&safe.secrets, &edited);
    allowed(&edited, &names)?;
    safe.keep(ui, &edited, &names.iter().map(String::as_str).collect::<Vec<_>>())?;
    ui.say(&format!("{} was changed: {}.\n", safe.shown(), names.join(", ")))?;
    warn(ui, &edited);
    Ok(())
}

/// Names with another value, new ones, and those that went.
fn differing(before: &Secrets, after: &Secrets) -> Vec<String> {
    let names = before.iter().chain(after.iter()).map(|(name, _)| name);
    let mut names: Vec<String> =
        names.filter(|name| before.get(name) != after.get(name)).map(str::to_owned).collect();
    names.sort();
    names.dedup();
    names
}

/// The cluster's own stay.
fn allowed(after: &Secrets, names: &[String]) -> Result<(), Failure> {
    for name in names {
        SecretName::of(name)
            .map_err(|why| Failure::new(Reason::Usage, format!("the name {why}; nothing was changed")))?;
    }
    if let Some(name) = GENERATED.iter().find(|name| after.get(name).is_none()) {
        let message = format!("the cluster cannot do without {name}; nothing was changed");
        return Err(Failure::new(Reason::Secrets, message));
    }
    Ok(())
}

/// A folder of one's own in memory, gone when dropped.
struct Desk {
    folder: PathBuf,
    file: PathBuf,
}

impl Desk {
    fn new(text: &Secret) -> Result<Self, Failure> {
        let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
        let memory =
            [runtime, Some(PathBuf::from("/dev/shm"))].into_iter().flatten().find(|dir| dir.is_dir());
        let Some(memory) = memory else {
            return Err(Failure::new(
                Reason::Usage,
                "there is no folder in memory to edit in: neither $XDG_RUNTIME_DIR nor /dev/shm",
            )
            .hint("`hacluster secrets set NAME` changes one value without an editor"));
        };
        let folder = memory.join(format!("hacluster-edit.{:08x}", rand::random::<u32>()));
        let file = folder.join("secrets.toml");
        fs::DirBuilder::new().mode(0o700).create(&folder).map_err(|error| failed("make a folder", &error))?;
        let desk = Self { folder, file };
        let mut options = fs::OpenOptions::new();
        let opened = options.write(true).create_new(true).mode(0o600).open(&desk.file);
        opened
            .and_then(|mut file| std::io::Write::write_all(&mut file, text.expose().as_bytes()))
            .map_err(|error| failed("write the file", &error))?;
        Ok(desk)
    }
}

impl Drop for Desk {
    /// Also what an editor left beside it.
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Ctrl-C and a closed terminal are the editor's business: we must live to clean up.
fn edit(file: &Path) -> Result<(), Failure> {
    let editor =
        ["VISUAL", "EDITOR"].into_iter().find_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty()));
    let editor = editor.unwrap_or_else(|| "vi".to_owned());
    let ended = block_on(async {
        let kinds =
            [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup(), SignalKind::quit()];
        let _kept: Vec<_> = kinds.into_iter().map(signal).collect();
        let mut command = tokio::process::Command::new("sh");
        // As git does: the variable may hold words and quotes.
        command.args(["-c", &format!("{editor} \"$1\""), "sh"]).arg(file).status().await
    })?;
    match ended {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => {
            let message = format!("the editor ended with {status}; nothing was changed");
            Err(Failure::new(Reason::Usage, message))
        }
        Err(error) => Err(failed("start the editor", &error)),
    }
}

fn failed(what: &str, error: &std::io::Error) -> Failure {
    Failure::new(Reason::Internal, format!("cannot {what}: {error}; nothing was changed"))
}
