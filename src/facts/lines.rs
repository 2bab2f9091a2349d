//! Owns the reading of single lines and blocks that commands print.
//! Must not know sections, nor what it means that a line is missing.

use std::collections::BTreeSet;

use super::holder::{Holder, Running};
use super::identity::Identity;
use super::rows::{PackageFact, PathFact, PathType, UnitFact, UserFact};

/// Which of two rows with one key counts.
pub(super) trait Preferred {
    fn preferred(&self) -> bool {
        false
    }
}

impl Preferred for PathFact {}
impl Preferred for UserFact {}
impl Preferred for String {}
impl Preferred for Vec<String> {}
impl Preferred for bool {}

impl Preferred for PackageFact {
    /// A package of two architectures has two rows.
    fn preferred(&self) -> bool {
        self.installed()
    }
}

/// A complaint of `stat` or `sha256sum` that says more than "not there".
pub(super) fn is_trouble(line: &str) -> bool {
    (line.starts_with("stat: ") || line.starts_with("sha256sum: "))
        && !line.ends_with(": No such file or directory")
        && !line.ends_with(": Not a directory")
}

pub(super) fn pair(line: &str) -> Option<(String, String)> {
    line.split_once('=').map(|(k, v)| (k.to_owned(), v.to_owned()))
}

pub(super) fn identity<'a>(rows: impl Iterator<Item = &'a str>) -> Identity {
    let mut found = Identity::default();
    let (mut by, mut since) = (None, None);
    for (key, value) in rows.filter_map(pair) {
        match key.as_str() {
            "os" => found.os = value,
            "os_version" => found.os_version = value,
            "codename" => found.codename = value,
            "arch" => found.arch = value,
            "hostname" => found.hostname = value,
            "machine_id" => found.machine_id = value,
            "boot_id" => found.boot_id = value,
            "cpus" => found.cpus = value.parse().unwrap_or(0),
            "memory_kib" => found.memory_mib = value.parse::<u64>().unwrap_or(0) / 1024,
            "holder" => by = Some(value),
            "held_since" => since = value.parse().ok(),
            "running" => found.running = Running::parse(&value),
            "fence" => found.fence = value.parse().unwrap_or(0),
            "time" => found.time = value.parse().unwrap_or(0),
            "container" => found.container = true,
            "systemd" => found.systemd = true,
            "watchdog" => found.watchdog = true,
            // CAP_SYS_TIME is bit 25 (linux/capability.h).
            "caps" => found.can_set_clock = u64::from_str_radix(&value, 16).is_ok_and(|c| c >> 25 & 1 == 1),
            "address" => found.add_address(&value),
            "disk" => found.add_disk(&value),
            "mount" => found.add_mount(&value),
            _ => {}
        }
    }
    let seconds = since.map_or(0, |since| found.time.saturating_sub(since));
    found.holder = by.map(|by| Holder { by, seconds, running: found.running.clone() });
    found
}

/// `type|mode|owner|group|name`, and ` -> target` after a link's name. A name
/// may hold ` -> ` itself, so the names asked for decide where it ends.
pub(super) fn path_row(line: &str, asked: &BTreeSet<String>) -> Option<(String, PathFact)> {
    let mut parts = line.splitn(5, '|');
    let (kind, mode, owner, group) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let name = parts.next()?;
    let kind = match kind {
        "regular file" | "regular empty file" => PathType::File,
        "directory" => PathType::Directory,
        "symbolic link" => PathType::Link,
        _ => PathType::Other,
    };
    let target_of = |key: &String| {
        let target = name.strip_prefix(key.as_str())?.strip_prefix(" -> ")?;
        Some((key.clone(), Some(target.to_owned())))
    };
    let longest = || asked.iter().filter_map(target_of).max_by_key(|(key, _)| key.len());
    let found = if kind == PathType::Link { longest() } else { None };
    let (name, target) = found.unwrap_or_else(|| (name.to_owned(), None));
    let fact =
        PathFact { kind, mode: mode.to_owned(), owner: owner.to_owned(), group: group.to_owned(), target };
    Some((name, fact))
}

/// A line that begins with a backslash has its name escaped.
pub(super) fn hash_row(line: &str) -> Option<(String, String)> {
    let (line, escaped) = line.strip_prefix('\\').map_or((line, false), |line| (line, true));
    let (hash, path) = line.split_once("  ")?;
    let path = if escaped { unescape(path) } else { path.to_owned() };
    (hash.len() == 64).then(|| (path, hash.to_owned()))
}

fn unescape(text: &str) -> String {
    let mut plain = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, c == '\\') {
            (_, true) => plain.extend(chars.next().map(|c| if c == 'n' { '\n' } else { c })),
            (c, false) => plain.push(c),
        }
    }
    plain
}

pub(super) fn package_row(line: &str) -> Option<(String, PackageFact)> {
    let mut parts = line.split('|');
    let (name, status, version) = (parts.next()?, parts.next()?, parts.next()?);
    // `un` rows are names dpkg has only heard of.
    if version.is_empty() {
        return None;
    }
    let unpacked = parts.next().and_then(|seconds| seconds.parse().ok());
    let fact = PackageFact { version: version.to_owned(), status: status.trim().to_owned(), unpacked };
    Some((name.to_owned(), fact))
}

pub(super) fn user_row(line: &str) -> Option<(String, UserFact)> {
    let parts: Vec<&str> = line.split(':').collect();
    let [name, _, uid, gid, _, home, shell] = parts.as_slice() else { return None };
    let fact = UserFact {
        uid: uid.parse().ok()?,
        gid: gid.parse().ok()?,
        home: (*home).to_owned(),
        shell: (*shell).to_owned(),
    };
    Some(((*name).to_owned(), fact))
}

pub(super) fn group_row(line: &str) -> Option<(String, Vec<String>)> {
    let parts: Vec<&str> = line.split(':').collect();
    let [name, _, _, members] = parts.as_slice() else { return None };
    Some(((*name).to_owned(), members.split(',').filter(|m| !m.is_empty()).map(str::to_owned).collect()))
}

pub(super) fn sysctl_row(line: &str) -> Option<(String, String)> {
    let (key, value) = pair(line)?;
    Some((key, value.split_whitespace().collect::<Vec<_>>().join(" ")))
}

/// `NAME=ALL THAT GO WITH IT`; one of which apt says nothing has no row.
pub(super) fn removal_row(line: &str) -> Option<(String, Vec<String>)> {
    let (name, takes) = pair(line)?;
    let takes: Vec<String> = takes.split_whitespace().map(str::to_owned).collect();
    (!takes.is_empty()).then_some((name, takes))
}

/// `yes=PATH` or `no=PATH`.
pub(super) fn shipped_row(line: &str) -> Option<(String, bool)> {
    let (answer, path) = pair(line)?;
    Some((path, answer == "yes"))
}

/// `Sat 2026-11-21 15:58:43 UTC`; empty where nothing was started.
fn moment(text: &str) -> Option<u64> {
    let time = jiff::civil::DateTime::strptime("%a %Y-%m-%d %H:%M:%S UTC", text).ok()?;
    let stamp = time.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
    u64::try_from(stamp.as_second()).ok()
}

/// Every name of a unit, and what `systemctl show` says of it.
pub(super) fn unit_block(block: &str) -> (Vec<String>, UnitFact) {
    let (mut unit, mut names) = (UnitFact::default(), Vec::new());
    for (key, value) in block.lines().filter_map(pair) {
        match key.as_str() {
            "Id" => names.push(value),
            // A name with a backslash is quoted here, and plain in `Id`.
            "Names" => names.extend(value.split_whitespace().map(|n| unescape(n.trim_matches('"')))),
            "LoadState" => unit.load = value,
            "ActiveState" => unit.active = value,
            "SubState" => unit.sub = value,
            "UnitFileState" => unit.file_state = value,
            "NeedDaemonReload" => unit.need_reload = value == "yes",
            "ExecMainStartTimestamp" => unit.started = moment(&value),
            _ => {}
        }
    }
    (names, unit)
}
