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
    /// File systems hacluster writes to.
    #[serde(skip)]
    pub disks: Vec<Disk>,
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

/// The file system a folder is on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Disk {
    pub path: String,
    /// Where it is mounted.
    pub mount: String,
    pub free_mib: u64,
    /// `None` where files are not counted (btrfs).
    pub free_inodes: Option<u64>,
    pub read_only: bool,
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
    /// Takes `PATH FREE_BLOCKS BLOCK_SIZE INODES FREE_INODES`, as `stat -f` prints it.
    pub(super) fn add_disk(&mut self, row: &str) {
        let mut words = row.split(' ');
        let path = words.next().unwrap_or_default().to_owned();
        let numbers: Vec<u64> = words.filter_map(|word| word.parse().ok()).collect();
        let [blocks, size, inodes, free] = numbers[..] else { return };
        let free_mib = blocks.saturating_mul(size) >> 20;
        let free_inodes = (inodes > 0).then_some(free);
        self.disks.push(Disk { path, free_mib, free_inodes, ..Disk::default() });
    }

    /// Takes `POINT OPTIONS` of /proc/mounts; one further down, or later, counts.
    pub(super) fn add_mount(&mut self, row: &str) {
        let Some((point, options)) = row.split_once(' ') else { return };
        let read_only = options.split(',').any(|option| option == "ro");
        let below = |path: &str| {
            point == "/"
                || path.strip_prefix(point).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        for disk in self.disks.iter_mut().filter(|disk| below(&disk.path) && disk.mount.len() <= point.len())
        {
            point.clone_into(&mut disk.mount);
            disk.read_only = read_only;
        }
    }

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
