//! Owns where secrets lie: a 0600 file or an encrypted one beside the inventory,
//! replaced in one instant. Must not know what is in them.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::{Secrets, SecretsError, disk};
use crate::age::{self, Age, AgeError, Identity};
use crate::replace::{folder_of, replace};
use crate::secret::Secret;

/// What an encrypted file is read with.
#[derive(Debug, Clone, Default)]
pub struct Keys {
    /// The key file that was named.
    pub named: Option<PathBuf>,
    /// Folders of this user.
    pub config: PathBuf,
    pub home: PathBuf,
    /// PATH, where `age` is looked for.
    pub path: Option<OsString>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `secrets.toml`
    Plain,
    /// `secrets.age`
    Sealed,
}

/// The place of one cluster's secrets.
#[derive(Debug, Clone)]
pub struct Store {
    plain: PathBuf,
    sealed: PathBuf,
    recipients: Vec<String>,
    keys: Keys,
}

fn io(path: &Path, source: io::Error) -> SecretsError {
    SecretsError::Io { path: path.display().to_string(), source }
}

impl Store {
    /// `secrets.toml` or `secrets.age` beside `cluster.toml`, `NAME.secrets.*` beside `NAME.toml`.
    pub fn beside(inventory: &Path, recipients: Vec<String>, keys: Keys) -> Self {
        let stem = inventory.file_stem().and_then(|s| s.to_str()).unwrap_or("cluster");
        let prefix = if stem == "cluster" { String::new() } else { format!("{stem}.") };
        let file = |ending: &str| inventory.with_file_name(format!("{prefix}secrets.{ending}"));
        Self { plain: file("toml"), sealed: file("age"), recipients, keys }
    }

    /// How they are kept; `None` where there are none.
    pub fn form(&self) -> Result<Option<Form>, SecretsError> {
        let there = |path: &Path| fs::exists(path).map_err(|error| io(path, error));
        match (there(&self.plain)?, there(&self.sealed)?) {
            (true, true) => Err(SecretsError::Both {
                plain: self.plain.display().to_string(),
                sealed: self.sealed.display().to_string(),
            }),
            (true, false) => Ok(Some(Form::Plain)),
            (false, true) => Ok(Some(Form::Sealed)),
            (false, false) => Ok(None),
        }
    }

    /// Encrypted as soon as somebody is named who may read it.
    fn wanted(&self) -> Form {
        if self.recipients.is_empty() { Form::Plain } else { Form::Sealed }
    }

    pub fn file(&self, form: Form) -> &Path {
        match form {
            Form::Plain => &self.plain,
            Form::Sealed => &self.sealed,
        }
    }

    /// The file that is there, else the one that would be made.
    pub fn path(&self) -> &Path {
        self.file(self.form().ok().flatten().unwrap_or_else(|| self.wanted()))
    }

    /// `Ok(None)` where there is no file.
    pub fn load(&self) -> Result<Option<Secrets>, SecretsError> {
        let Some(form) = self.form()? else { return Ok(None) };
        self.read(form).map(Some)
    }

    fn read(&self, form: Form) -> Result<Secrets, SecretsError> {
        let path = self.file(form);
        let text = match form {
            Form::Sealed => self.unseal(path)?,
            Form::Plain => {
                let mode = fs::metadata(path).map_err(|error| io(path, error))?.permissions().mode() & 0o7777;
                if mode & 0o077 != 0 {
                    return Err(SecretsError::Permissions { path: path.display().to_string(), mode });
                }
                Secret::new(fs::read_to_string(path).map_err(|error| io(path, error))?)
            }
        };
        disk::parse(text.expose())
            .map_err(|line| SecretsError::Format { path: path.display().to_string(), line })
    }

    fn unseal(&self, file: &Path) -> Result<Secret, SecretsError> {
        let age = |source| SecretsError::Age { path: self.sealed.display().to_string(), source };
        let program = Age::find(self.keys.path.as_deref()).map_err(age)?;
        let identities = self.identities().map_err(age)?;
        age::open(&program, &identities, file).map_err(age)
    }

    fn identities(&self) -> Result<Vec<Identity>, AgeError> {
        let Keys { named, config, home, .. } = &self.keys;
        let paths = age::candidates(named.as_deref(), config, home);
        let mut found = Vec::new();
        for path in &paths {
            found.extend(Identity::read(path)?);
        }
        if found.is_empty() {
            let looked: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
            return Err(AgeError::NoIdentity { looked: looked.join(", ") });
        }
        Ok(found)
    }

    /// Writes a new file; never beside an existing one.
    pub fn create(&self, secrets: &Secrets) -> Result<(), SecretsError> {
        match self.form()? {
            Some(form) => Err(SecretsError::There { path: self.file(form).display().to_string() }),
            None => self.write(self.wanted(), secrets),
        }
    }

    /// Puts other content into the file that is there.
    pub fn replace(&self, secrets: &Secrets) -> Result<(), SecretsError> {
        let form = self.form()?.unwrap_or_else(|| self.wanted());
        self.write(form, secrets)
    }

    /// Plain secrets become encrypted ones. The plain file goes only when the
    /// other one was read back.
    pub fn encrypt(&self, secrets: &Secrets) -> Result<(), SecretsError> {
        self.write(Form::Sealed, secrets)?;
        fs::remove_file(&self.plain).map_err(|error| io(&self.plain, error))
    }

    fn write(&self, form: Form, secrets: &Secrets) -> Result<(), SecretsError> {
        let path = self.file(form);
        let text = disk::text(secrets).map_err(|error| io(path, error))?;
        let sealed = match form {
            Form::Plain => None,
            Form::Sealed => Some(self.seal(&text)?),
        };
        replace(path, sealed.as_deref().unwrap_or(text.expose())).map_err(|error| io(path, error))
    }

    /// Encrypted, and read back: what nobody here can read is not kept.
    fn seal(&self, text: &Secret) -> Result<String, SecretsError> {
        let path = self.sealed.display().to_string();
        let age = |source| SecretsError::Age { path: path.clone(), source };
        if self.recipients.is_empty() {
            return Err(SecretsError::NoRecipients { path });
        }
        let recipients: Vec<&str> = self.recipients.iter().map(String::as_str).collect();
        let program = Age::find(self.keys.path.as_deref()).map_err(age)?;
        let sealed = age::seal(&program, &recipients, text).map_err(age)?;
        let trial = folder_of(&self.sealed).join(format!(".hacluster.{:08x}", rand::random::<u32>()));
        let read = replace(&trial, &sealed).map_err(|error| io(&trial, error));
        let read = read.and_then(|()| self.unseal(&trial));
        let removed = fs::remove_file(&trial);
        let same = read?.expose() == text.expose();
        removed.map_err(|error| io(&trial, error))?;
        if same { Ok(sealed) } else { Err(age(AgeError::Damaged)) }
    }

    /// Holds others off until it is dropped, also when this process dies.
    pub fn lock(&self) -> Result<File, SecretsError> {
        let folder = folder_of(&self.plain);
        let file = File::open(&folder).map_err(|error| io(&folder, error))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(fs::TryLockError::WouldBlock) => {
                Err(SecretsError::Busy { path: self.path().display().to_string() })
            }
            Err(fs::TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => Ok(file),
            Err(fs::TryLockError::Error(error)) => Err(io(&folder, error)),
        }
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
