//! Owns what files are read with: where a private key may lie, who may read it,
//! and what may stand in it. Must not know what it opens.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::AgeError;
use crate::secret::Secret;

/// No key is larger; a device or a log named by mistake is not read to its end.
const LIMIT: u64 = 64 * 1024;

/// A private key that passed every check.
#[derive(Debug)]
pub struct Identity {
    pub(super) path: PathBuf,
    /// Of age's own kind; an SSH key is read by age itself, which asks for its
    /// passphrase.
    pub(super) native: Option<Secret>,
}

/// Where keys are looked for: the named file, else those of this user.
pub fn candidates(named: Option<&Path>, config: &Path, home: &Path) -> Vec<PathBuf> {
    match named {
        Some(path) => vec![path.to_owned()],
        None => vec![config.join("hacluster/age.txt"), home.join(".ssh/id_ed25519")],
    }
}

impl Identity {
    /// `Ok(None)` where there is no such file.
    pub fn read(path: &Path) -> Result<Option<Self>, AgeError> {
        let shown = || path.display().to_string();
        let failed = |source| AgeError::Io { path: shown(), source };
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(AgeError::OpenIdentity { path: shown(), mode });
        }
        let mut text = String::new();
        file.take(LIMIT).read_to_string(&mut text).map_err(failed)?;
        let text = Secret::new(text);
        let bad = |why| AgeError::BadIdentity { path: shown(), why };
        let native = if is_ssh(text.expose()) { None } else { Some(text) };
        if let Some(text) = &native {
            vet(text.expose()).map_err(bad)?;
        }
        Ok(Some(Self { path: path.to_owned(), native }))
    }

    pub(super) fn shown(&self) -> String {
        self.path.display().to_string()
    }
}

fn is_ssh(text: &str) -> bool {
    text.starts_with("-----BEGIN OPENSSH PRIVATE KEY-----")
}

/// A line that is no native key could name a plugin: a program to be run.
fn vet(text: &str) -> Result<(), &'static str> {
    let mut lines =
        text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).peekable();
    if lines.peek().is_none() {
        return Err("holds no key; `age-keygen -o FILE` makes one");
    }
    for line in lines {
        if line.starts_with("AGE-PLUGIN-") {
            return Err("names a plugin; plugins are programs, and hacluster runs none of them");
        }
        if line.starts_with("-----BEGIN AGE ENCRYPTED FILE") || line.starts_with("age-encryption.org") {
            return Err(
                "is itself encrypted; use a plain age key file, or an SSH ed25519 key with a passphrase",
            );
        }
        if !line.starts_with("AGE-SECRET-KEY-1") {
            return Err("is neither an age key file (age-keygen -o FILE) nor an OpenSSH private key");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn only_closed_files_with_plain_keys() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        assert!(Identity::read(&path).unwrap().is_none());
        let cases = [
            (0o644, "AGE-SECRET-KEY-1X", "mode 0644"),
            (0o640, "-----BEGIN OPENSSH PRIVATE KEY-----\n", "chmod 600"),
            (0o600, "# only a comment\n", "holds no key"),
            (0o600, "AGE-SECRET-KEY-1X\nAGE-PLUGIN-EVIL-1X\n", "names a plugin"),
            (0o600, "age-encryption.org/v1\n-> scrypt\n", "itself encrypted"),
            (0o600, "hunter2\n", "neither an age key file"),
        ];
        for (mode, text, why) in cases {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let said = Identity::read(&path).unwrap_err().to_string();
            assert!(said.contains(why) && !said.contains("hunter2"), "{said}");
            fs::remove_file(&path).unwrap();
        }
        fs::write(&path, "# public key: age1...\nAGE-SECRET-KEY-1X\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(Identity::read(&path).unwrap().is_some());
    }

    #[test]
    fn a_named_file_is_the_only_one() {
        let (config, home) = (Path::new("/c"), Path::new("/h"));
        assert_eq!(candidates(Some(Path::new("k")), config, home), [Path::new("k")]);
        let default = [Path::new("/c/hacluster/age.txt"), Path::new("/h/.ssh/id_ed25519")];
        assert_eq!(candidates(None, config, home), default);
    }
}
