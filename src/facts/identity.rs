//! Owns what a host says of itself: always asked, and what templates may read
//! as `host.facts.*`. Must not know what anything is used for.

use serde::Serialize;

use super::holder::{Holder, Running};

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own that templates read by name")]
pub struct Identity {
    pub hostname: String,
    /// `debian`, `ubuntu`.
    pub os: String,
    /// `13`, `12`, `24.04`.
    pub os_version: String,
    /// `trixie`, `noble`: what package repositories call the release.
    pub codename: String,
    pub arch: String,
    pub cpus: u32,
    pub memory_mib: u64,
    pub machine_id: String,
    pub boot_id: String,
    /// Seconds since 1970, by the host's clock.
    pub time: u64,
    /// The kernel is shared: only `net.*` sysctls can be set, the clock cannot.
    pub container: bool,
    pub can_set_clock: bool,
    pub systemd: bool,
    pub watchdog: bool,
    pub interfaces: Vec<Interface>,
    /// Who holds the lock there: a run is under way.
    #[serde(skip)]
    pub holder: Option<Holder>,
    /// A batch that runs there, with or without its holder.
    #[serde(skip)]
    pub running: Option<Running>,
    /// The counter that every holder of the lock raises.
    #[serde(skip)]
    pub fence: u64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Interface {
    pub name: String,
    pub addresses: Vec<String>,
}

impl Identity {
    /// The operating system as one word, as playbooks name it: `debian12`, `ubuntu2404`.
    pub fn system(&self) -> String {
        format!("{}{}", self.os, self.os_version.replace('.', ""))
    }

    /// The same for people: `Debian 12`.
    pub fn system_name(&self) -> String {
        let mut letters = self.os.chars();
        let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
        format!("{first}{} {}", letters.as_str(), self.os_version).trim_end().to_owned()
    }

    /// The interface that carries `address`.
    pub fn interface_of(&self, address: &str) -> Option<&str> {
        self.interfaces.iter().find(|i| i.addresses.iter().any(|a| a == address)).map(|i| i.name.as_str())
    }

    pub fn holds(&self, address: &str) -> bool {
        self.interface_of(address).is_some()
    }
}

impl Identity {
    /// Takes `NAME ADDRESS/PREFIX`, as `ip -o addr` prints it.
    pub(super) fn add_address(&mut self, row: &str) {
        let Some((name, address)) = row.split_once(' ') else { return };
        let address = address.split('/').next().unwrap_or(address).to_owned();
        let name = name.split('@').next().unwrap_or(name);
        match self.interfaces.iter_mut().find(|i| i.name == name) {
            Some(interface) => interface.addresses.push(address),
            None => self.interfaces.push(Interface { name: name.to_owned(), addresses: vec![address] }),
        }
    }
}
