//! Owns one operator's folder: cluster.toml, secrets.toml, a home and a state of
//! its own, and the command line of the product. Must not know drills.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use crate::command::{Call, Result};
use crate::lab::{Lab, root};
use crate::runner::kept;

const INVENTORY: &str = "inventories/lab.toml";

/// What stands in secrets.toml that nobody may see, and the public CA.
#[derive(Debug, Clone)]
pub struct Secrets {
    pub values: BTreeMap<String, String>,
    /// Those that some host may still know.
    pub before: Vec<(String, String)>,
    /// Certificates of whom clients trust.
    pub authority: String,
    /// Lines of the CA's key.
    pub key: Vec<String>,
}

impl Secrets {
    pub fn value(&self, name: &str) -> Result<&str> {
        self.values.get(name).map(String::as_str).ok_or_else(|| format!("secrets.toml has no {name}"))
    }

    /// Every text that must show up nowhere, with its name.
    pub fn hidden(&self) -> Vec<(String, String)> {
        let values = self.values.iter().map(|(name, value)| (name.clone(), value.clone()));
        let key = self.key.iter().map(|line| ("authority_key".to_owned(), line.clone()));
        values.chain(self.before.iter().cloned()).chain(key).collect()
    }
}

/// A folder as an operator has it, and where the product keeps its journal.
#[derive(Debug)]
pub struct Folder {
    dir: TempDir,
    binary: PathBuf,
}

impl Folder {
    /// The lab's inventory as cluster.toml, and nothing else.
    pub fn new(lab: &Lab) -> Result<Self> {
        let binary = std::env::var_os("HACLUSTER_LAB_BINARY");
        let binary = binary.map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_hacluster")), PathBuf::from);
        let dir = tempfile::Builder::new()
            .prefix("hacluster-drill-")
            .disable_cleanup(kept())
            .tempdir()
            .map_err(|e| e.to_string())?;
        let folder = Self { dir, binary };
        folder.write_inventory(lab)?;
        fs::create_dir(folder.path("home")).map_err(|e| e.to_string())?;
        Ok(folder)
    }

    /// Of a run that was told to leave its lab, with the snapshot it made.
    pub fn take_secrets_of_a_kept_lab(&self) -> Result<bool> {
        let Some(other) = std::env::var_os("HACLUSTER_LAB_FROM") else { return Ok(false) };
        let from = Path::new(&other).join("secrets.toml");
        fs::copy(&from, self.path("secrets.toml")).map_err(|e| format!("{}: {e}", from.display()))?;
        Ok(true)
    }

    /// cluster.toml as it stands before a drill edits it.
    pub fn write_inventory(&self, lab: &Lab) -> Result {
        let text = read(&root().join(INVENTORY))?;
        let cache = lab.cache.to_string_lossy();
        self.write("cluster.toml", &text.replace("~/.cache/hacluster-lab", &cache)).map(drop)
    }

    /// Another operator's: the same cluster.toml and secrets.toml, no state.
    pub fn fresh_clone(&self, lab: &Lab) -> Result<Self> {
        let other = Self::new(lab)?;
        for name in ["cluster.toml", "secrets.toml"] {
            fs::copy(self.path(name), other.path(name)).map_err(|e| format!("{name}: {e}"))?;
        }
        Ok(other)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A file of ours, readable by us alone.
    pub fn write(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.path(name);
        let done = fs::write(&path, text)
            .and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(0o600)));
        done.map_err(|e| format!("{}: {e}", path.display())).map(|()| path)
    }

    /// Replaces the one place where `from` stands in cluster.toml.
    pub fn edit(&self, from: &str, to: &str) -> Result {
        let text = read(&self.path("cluster.toml"))?;
        if text.matches(from).count() != 1 {
            return Err(format!("{INVENTORY} has not exactly one '{from}'"));
        }
        self.write("cluster.toml", &text.replace(from, to)).map(drop)
    }

    pub fn secrets(&self) -> Result<Secrets> {
        let text = read(&self.path("secrets.toml"))?;
        let table: toml::Table = text.parse().map_err(|_| "secrets.toml is no TOML".to_owned())?;
        let text_of = |table: &toml::Table, name: &str| {
            table.get(name).and_then(toml::Value::as_str).map(str::to_owned)
        };
        let own = |name: &str| text_of(&table, name).unwrap_or_default();
        // The one that is to come, or that was: clients trust both meanwhile.
        let other = table.get("succession").and_then(toml::Value::as_table);
        let other = |name: &str| other.and_then(|other| text_of(other, name)).unwrap_or_default();
        let authority = own("authority_certificate") + &other("certificate");
        let key = (own("authority_key") + &other("key"))
            .lines()
            .filter(|l| !l.starts_with("---") && l.len() > 15)
            .map(str::to_owned)
            .collect();
        let before = table.get("previous").and_then(toml::Value::as_table).into_iter().flatten();
        let before = before
            .flat_map(|(name, list)| list.as_array().into_iter().flatten().map(move |value| (name, value)))
            .filter_map(|(name, value)| Some((format!("{name}, before"), value.as_str()?.to_owned())))
            .collect();
        let values = table.get("values").and_then(toml::Value::as_table).into_iter().flatten();
        let values =
            values.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect();
        Ok(Secrets { values, before, authority, key })
    }

    /// The product inside the lab's network, started in this folder.
    pub fn hacluster(&self, lab: &Lab, limit: Duration, words: &[&str]) -> Call {
        let binary = self.binary.to_string_lossy();
        lab.inside(limit, &[&[binary.as_ref()], words].concat())
            .dir(self.dir.path())
            .env("HOME", self.path("home"))
            .env("XDG_STATE_HOME", self.path("state"))
    }

    /// The product's process that was started here with this command.
    pub fn process(&self, command: &str) -> Result<u32> {
        let folder = fs::canonicalize(self.dir.path()).map_err(|e| e.to_string())?;
        let own = |pid: u32| {
            let proc = Path::new("/proc").join(pid.to_string());
            let line = fs::read(proc.join("cmdline")).ok()?;
            let mut words = line.split(|byte| *byte == 0).map(String::from_utf8_lossy);
            let product = words.next()? == self.binary.to_string_lossy() && words.next()? == command;
            (product && fs::read_link(proc.join("cwd")).ok()? == folder).then_some(pid)
        };
        let all = fs::read_dir("/proc").map_err(|e| e.to_string())?.flatten();
        let mut pids = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.find_map(own).ok_or_else(|| format!("no hacluster {command} runs in {}", folder.display()))
    }

    pub fn binary(&self) -> &Path {
        &self.binary
    }
}

pub fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))
}

/// What a plan would do, from its last line: to add, to change, to remove.
/// `None` where it says that there is nothing to do.
pub fn counts(said: &str) -> Result<Option<[usize; 3]>> {
    if let Some(line) = said.lines().rev().find(|l| l.trim_start().starts_with("Plan: ")) {
        let numbers: Vec<usize> =
            line.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse().ok()).collect();
        return match numbers[..] {
            [add, change, remove, ..] => Ok(Some([add, change, remove])),
            _ => Err(format!("a plan's last line with no three numbers: {line}")),
        };
    }
    if said.contains("No changes") {
        return Ok(None);
    }
    Err(format!("neither 'Plan: ...' nor 'No changes' in:\n{said}"))
}
