//! Owns calls of the `age` program: plaintext goes through pipes only.
//! Must not run anything else: age itself finds no plugin, as it gets no PATH.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;

use super::AgeError;
use super::identity::Identity;
use crate::secret::Secret;

/// The program, found once.
#[derive(Debug)]
pub struct Age(PathBuf);

impl Age {
    /// In the folders of PATH.
    pub fn find(path: Option<&std::ffi::OsStr>) -> Result<Self, AgeError> {
        let folders = path.map(std::env::split_paths).into_iter().flatten();
        let mut programs = folders.filter(|folder| folder.is_absolute()).map(|folder| folder.join("age"));
        programs.find(|program| program.is_file()).map(Self).ok_or(AgeError::NoProgram)
    }

    /// With `input` on its standard input; nothing of our environment.
    fn run(&self, arguments: &[&str], input: &str) -> Result<Output, AgeError> {
        let failed = |source| AgeError::Io { path: self.0.display().to_string(), source };
        let mut child = Command::new(&self.0)
            .args(arguments)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let stdin = child.stdin.take();
        thread::scope(|scope| {
            // It may answer before it has read everything.
            scope.spawn(|| stdin.map(|mut stdin| stdin.write_all(input.as_bytes())));
            child.wait_with_output().map_err(failed)
        })
    }
}

/// The text encrypted to all recipients, as printable lines.
pub fn seal(age: &Age, recipients: &[&str], text: &Secret) -> Result<String, AgeError> {
    let mut arguments = vec!["--encrypt", "--armor"];
    arguments.extend(recipients.iter().flat_map(|recipient| ["--recipient", recipient]));
    let output = age.run(&arguments, text.expose())?;
    if !output.status.success() {
        return Err(AgeError::Said(said(&output)));
    }
    String::from_utf8(output.stdout).map_err(|_| AgeError::Said("something that is no text".to_owned()))
}

/// What a file holds, by the first of the keys that opens it.
pub fn open(age: &Age, identities: &[Identity], file: &Path) -> Result<Secret, AgeError> {
    for identity in identities {
        match open_with(age, identity, file) {
            Err(AgeError::NotForUs { .. }) => {}
            other => return other,
        }
    }
    let keys = identities.iter().map(Identity::shown).collect::<Vec<_>>().join(", ");
    Err(AgeError::NotForUs { keys })
}

fn open_with(age: &Age, identity: &Identity, file: &Path) -> Result<Secret, AgeError> {
    // Absolute, so that no name is taken for an option.
    let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    let (file, path) = (file.to_string_lossy(), identity.path.to_string_lossy());
    let (from, input) = match &identity.native {
        Some(key) => ("-", key.expose()),
        None => (path.as_ref(), ""),
    };
    let output = age.run(&["--decrypt", "--identity", from, file.as_ref()], input)?;
    if output.status.success() {
        // What is no text was not written by us.
        return String::from_utf8(output.stdout).map(Secret::new).map_err(|_| AgeError::Damaged);
    }
    Err(explain(&said(&output), &identity.shown()))
}

/// The first line of its complaint.
fn said(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let line = text.lines().find(|line| line.contains("error: ")).unwrap_or("nothing");
    line.split_once("error: ").map_or(line, |(_, why)| why).to_owned()
}

/// Its words in ours, where they are known (age 1.0 to 1.2).
fn explain(said: &str, key: &str) -> AgeError {
    let has = |words: &[&str]| words.iter().any(|word| said.contains(word));
    if has(&["no identity matched", "incorrect identity"]) {
        AgeError::NotForUs { keys: key.to_owned() }
    } else if has(&["passphrase"]) {
        AgeError::Locked { key: key.to_owned() }
    } else if has(&["header", "authenticate", "armor", "decrypt", "unexpected EOF", "bad MAC"]) {
        AgeError::Damaged
    } else {
        AgeError::Said(said.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_not_there_is_named_with_its_package() {
        for path in [None, Some(std::ffi::OsStr::new("/nowhere:bin"))] {
            let said = Age::find(path).unwrap_err().to_string();
            assert!(said.contains("apt-get install age"), "{said}");
        }
    }

    #[test]
    fn its_words_in_ours() {
        let cases = [
            ("no identity matched any of the recipients", "none of the keys here (k)"),
            ("failed to read header: parsing age header: unexpected intro: \"junk\"", "changed or cut"),
            ("failed to decrypt and authenticate payload chunk", "changed or cut"),
            ("failed to obtain passphrase: could not read passphrase for \"-\"", "nobody gave"),
            ("out of cheese", "age says: out of cheese"),
        ];
        for (theirs, ours) in cases {
            let said = explain(theirs, "k").to_string();
            assert!(said.contains(ours), "{said}");
        }
    }
}
