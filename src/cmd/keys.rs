//! Owns what hacluster logs in with: which key files count, and who is asked
//! for a passphrase. Must not know hosts.

use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use console::Term;

use crate::error::{Failure, Reason};
use crate::secret::Secret;
use crate::transport::identity::{self, KeyError, KeyFile, Locked};
use crate::transport::{Keyring, PublicKey, agent_keys};

/// An agent answers at once; one that hangs must not hold up everything.
const AGENT_LIMIT: Duration = Duration::from_secs(5);
/// How often a passphrase may be mistyped, as ssh has it.
const TRIES: u32 = 3;

/// The files that may hold our key.
#[derive(Debug)]
pub(super) struct Files {
    pub(super) paths: Vec<PathBuf>,
    /// The inventory names it: what is wrong with it is an error.
    pub(super) named: bool,
}

/// Asks a person for the passphrase of a file, perhaps once more; `None` where
/// nobody can answer.
type Ask<'a> = &'a mut dyn FnMut(&Path, bool) -> io::Result<Option<Secret>>;

/// Reads every key once, for all hosts.
pub(super) async fn keyring(files: &Files, agent: Option<PathBuf>) -> Result<Keyring, Failure> {
    let (mut keyring, locked) = read(files)?;
    let held = match &agent {
        Some(socket) if !locked.is_empty() => {
            tokio::time::timeout(AGENT_LIMIT, agent_keys(socket)).await.unwrap_or_default()
        }
        _ => Vec::new(),
    };
    keyring.agent = agent;
    choose(keyring, &locked, &held, files.named, &mut ask)
}

/// Locked files: those that the agent holds, those to ask for, those to leave.
fn choose(
    mut keyring: Keyring,
    locked: &[Locked],
    held: &[PublicKey],
    named: bool,
    ask: Ask<'_>,
) -> Result<Keyring, Failure> {
    for file in locked {
        match &file.public {
            Some(public) if held.iter().any(|key| key.key_data() == public.key_data()) => {
                keyring.locked.push(public.clone());
            }
            _ if named || (held.is_empty() && keyring.identities.is_empty()) => {
                unlock(&mut keyring, file, named, ask)?;
            }
            // Nobody is asked for a key that another may stand in for.
            _ => keyring.skipped.push(lock_note(&file.path)),
        }
    }
    Ok(keyring)
}

fn read(files: &Files) -> Result<(Keyring, Vec<Locked>), Failure> {
    let (mut keyring, mut locked) = (Keyring::default(), Vec::new());
    for path in &files.paths {
        match identity::read(path) {
            Ok(KeyFile::Open(identity)) => keyring.identities.push(identity),
            Ok(KeyFile::Locked(file)) => locked.push(file),
            Ok(KeyFile::Absent) if files.named => {
                keyring.skipped.push(format!("{} (no such file)", path.display()));
            }
            Ok(KeyFile::Absent) => {}
            Err(error) if files.named => return Err(failure(&error)),
            Err(error) => keyring.skipped.push(format!("{} ({error}: {})", path.display(), error.fix())),
        }
    }
    Ok((keyring, locked))
}

fn unlock(keyring: &mut Keyring, file: &Locked, named: bool, ask: Ask<'_>) -> Result<(), Failure> {
    let shown = file.path.display();
    for left in (0..TRIES).rev() {
        let asked = ask(&file.path, left + 1 < TRIES).map_err(|error| {
            Failure::new(Reason::Usage, format!("cannot ask for the passphrase of {shown}: {error}"))
        })?;
        let Some(passphrase) = asked else { break };
        match file.unlock(&passphrase) {
            Ok(identity) => {
                keyring.identities.push(identity);
                return Ok(());
            }
            Err(KeyError::WrongPassphrase { .. }) if left > 0 => {}
            Err(error) => return Err(failure(&error)),
        }
    }
    if named {
        let message = format!("the key {shown} is locked with a passphrase, and nobody can be asked here");
        return Err(Failure::new(Reason::Usage, message)
            .hint(format!("start an agent (`eval $(ssh-agent)`), then `ssh-add {shown}`")));
    }
    keyring.skipped.push(lock_note(&file.path));
    Ok(())
}

fn lock_note(path: &Path) -> String {
    format!("{0} (locked with a passphrase: `ssh-add {0}`)", path.display())
}

fn failure(error: &KeyError) -> Failure {
    Failure::new(Reason::Usage, error.to_string()).hint(error.fix())
}

/// Without echo, on the terminal.
fn ask(path: &Path, again: bool) -> io::Result<Option<Secret>> {
    let terminal = Term::stderr();
    if !io::stdin().is_terminal() || !terminal.is_term() {
        return Ok(None);
    }
    let wrong = if again { "That is not it. " } else { "" };
    terminal.write_str(&format!("{wrong}Passphrase of {}: ", path.display()))?;
    terminal.read_secure_line().map(|typed| Some(Secret::new(typed)))
}

#[cfg(test)]
#[path = "tests/keys.rs"]
mod tests;
