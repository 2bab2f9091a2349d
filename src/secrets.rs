//! Owns the secrets file: a 0600 TOML file beside the inventory, made once and
//! added to.
//! Must not know what a secret is used for.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rand::distr::{Alphanumeric, SampleString as _};
use serde::{Deserialize, Serialize};

use crate::pki::{Authority, PkiError};
use crate::secret::Secret;

/// Passwords and tokens that are made when the file is.
pub const GENERATED: [&str; 6] = [
    "etcd.root",
    "etcd.patroni",
    "postgres.superuser",
    "postgres.replication",
    "postgres.rewind",
    "patroni.rest",
];
/// 32 alphanumeric characters carry 190 bits.
const LENGTH: usize = 32;

#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    #[error("{path}: {source}")]
    Io { path: String, source: std::io::Error },
    #[error("{path}: readable by others (mode {mode:04o}); run `chmod 600 {path}`")]
    Permissions { path: String, mode: u32 },
    /// The parser's own words may quote a line, so they are not shown.
    #[error("{path}:{line}: not a secrets file; restore it from a backup")]
    Format { path: String, line: usize },
    #[error(transparent)]
    Pki(#[from] PkiError),
}

fn io(path: &Path, source: std::io::Error) -> SecretsError {
    SecretsError::Io { path: path.display().to_string(), source }
}

/// A new value for each name.
fn values(names: &[&str]) -> BTreeMap<String, Secret> {
    let mut rng = rand::rng();
    let value = |name: &&str| ((*name).to_owned(), Secret::new(Alphanumeric.sample_string(&mut rng, LENGTH)));
    names.iter().map(value).collect()
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OnDisk {
    authority_certificate: String,
    authority_key: String,
    values: BTreeMap<String, String>,
}

/// All secrets of one cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secrets {
    pub authority: Authority,
    values: BTreeMap<String, Secret>,
}

impl Secrets {
    /// `secrets.toml` beside `cluster.toml`, `NAME.secrets.toml` beside `NAME.toml`.
    pub fn path_beside(inventory: &Path) -> PathBuf {
        let stem = inventory.file_stem().and_then(|s| s.to_str()).unwrap_or("cluster");
        let name = if stem == "cluster" { "secrets.toml".to_owned() } else { format!("{stem}.secrets.toml") };
        inventory.with_file_name(name)
    }

    pub fn generate(cluster: &str, now: u64) -> Result<Self, SecretsError> {
        Ok(Self { authority: Authority::generate(cluster, now)?, values: values(&GENERATED) })
    }

    /// These, and new values of these names where they have none.
    #[must_use]
    pub fn with(&self, names: &[&str]) -> Self {
        let mut all = values(names);
        all.extend(self.values.clone());
        Self { authority: self.authority.clone(), values: all }
    }

    /// `Ok(None)` where there is no such file.
    pub fn load(path: &Path) -> Result<Option<Self>, SecretsError> {
        let name = path.display().to_string();
        let mode = match fs::metadata(path) {
            Ok(metadata) => metadata.permissions().mode() & 0o7777,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io(path, error)),
        };
        if mode & 0o077 != 0 {
            return Err(SecretsError::Permissions { path: name, mode });
        }
        let text = fs::read_to_string(path).map_err(|source| io(path, source))?;
        let disk: OnDisk = toml::from_str(&text).map_err(|error| {
            let line = error.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1);
            SecretsError::Format { path: name.clone(), line }
        })?;
        Ok(Some(Self {
            authority: Authority {
                cert_pem: disk.authority_certificate,
                key_pem: Secret::new(disk.authority_key),
            },
            values: disk.values.into_iter().map(|(k, v)| (k, Secret::new(v))).collect(),
        }))
    }

    /// Writes a new file; never over an existing one.
    pub fn create(&self, path: &Path) -> Result<(), SecretsError> {
        let text = self.text().map_err(|source| io(path, source))?;
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .map_err(|source| io(path, source))?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(|source| io(path, source))
    }

    /// Puts a whole new file into an existing one's place.
    pub fn replace(&self, path: &Path) -> Result<(), SecretsError> {
        let mut beside = path.as_os_str().to_owned();
        beside.push(".new");
        let beside = PathBuf::from(beside);
        // What a power cut left of an earlier one.
        match fs::remove_file(&beside) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => return Err(io(&beside, source)),
            _ => {}
        }
        self.create(&beside)?;
        fs::rename(&beside, path).map_err(|source| io(path, source))
    }

    fn text(&self) -> std::io::Result<String> {
        let disk = OnDisk {
            authority_certificate: self.authority.cert_pem.clone(),
            authority_key: self.authority.key_pem.expose().to_owned(),
            values: self.values.iter().map(|(k, v)| (k.clone(), v.expose().to_owned())).collect(),
        };
        let body = toml::to_string(&disk).map_err(std::io::Error::other)?;
        Ok(format!(
            "# The cluster's secrets. Keep this file safe and out of git: without it no host\n# can be added or rebuilt. Made by hacluster; 0600. To change a password, write\n# another one and apply.\n{body}"
        ))
    }

    pub fn get(&self, name: &str) -> Option<&Secret> {
        self.values.get(name)
    }

    /// Every value with its name, for masking what people read.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Secret)> {
        self.values.iter().map(|(k, v)| (k.as_str(), v))
    }

    /// Replaces every secret in `text` by its name.
    pub fn mask(&self, text: &str) -> String {
        let values = self.iter().map(|(name, value)| (name, value.expose()));
        // A key is printed line by line where it is printed at all.
        let key = self.authority.key_pem.expose().lines().filter(|line| !line.starts_with("-----"));
        let all = values.chain(key.map(|line| ("authority key", line)));
        all.fold(text.to_owned(), |text, (name, value)| text.replace(value, &format!("({name})")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_created_is_loaded_and_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let path = Secrets::path_beside(&dir.path().join("cluster.toml"));
        assert!(path.ends_with("secrets.toml"));
        assert_eq!(Secrets::load(&path).unwrap(), None);
        let made = Secrets::generate("cold", 1_790_000_000).unwrap();
        made.create(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(Secrets::load(&path).unwrap(), Some(made.clone()));
        assert!(made.create(&path).is_err());
        let more = made.with(&["postgres-app", "etcd.root"]);
        assert_eq!(more.get("etcd.root"), made.get("etcd.root"));
        fs::write(dir.path().join("secrets.toml.new"), "of a power cut").unwrap();
        more.replace(&path).unwrap();
        assert_eq!(Secrets::load(&path).unwrap(), Some(more));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let error = Secrets::load(&path).unwrap_err().to_string();
        assert!(error.contains("mode 0644") && error.contains("chmod 600"), "{error}");
    }

    #[test]
    fn masks_values_by_name_and_errors_quote_none() {
        let made = Secrets::generate("cold", 1_790_000_000).unwrap();
        let value = made.get("etcd.root").unwrap().expose().to_owned();
        assert_eq!(made.mask(&format!("password: {value}\n")), "password: (etcd.root)\n");
        let key = made.authority.key_pem.expose().lines().nth(1).unwrap();
        assert_eq!(made.mask(key), "(authority key)");
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secrets.toml");
        fs::write(&path, "authority_key = \"hunter2\"\noops\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let error = Secrets::load(&path).unwrap_err().to_string();
        assert!(error.ends_with("secrets.toml:2: not a secrets file; restore it from a backup"), "{error}");
    }
}
