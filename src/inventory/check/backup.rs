//! Owns the rules about backups and the directories data is kept in.
//! Must not know how a backup is made.

use crate::inventory::Inventory;
use crate::problem::Problem;

pub(super) fn retention(inventory: &Inventory) -> Vec<Problem> {
    let days = inventory.backup.retention_days;
    if !inventory.backup.enabled.on() || days > 0 {
        return Vec::new();
    }
    let message = "`backup.retention_days` is 0, so every backup would be removed at once";
    vec![inventory.problem("HAC-E053", "backup.retention_days", message).help("write retention_days = 30")]
}

pub(super) fn archive_timeout(inventory: &Inventory) -> Vec<Problem> {
    let backup = &inventory.backup;
    if !backup.enabled.on() || (backup.archive_timeout.length() <= backup.rpo.length()) {
        return Vec::new();
    }
    let (every, rpo) = (&backup.archive_timeout, &backup.rpo);
    let path =
        if inventory.is_written("backup.archive_timeout") { "backup.archive_timeout" } else { "backup.rpo" };
    let message = format!("WAL is archived every {every}, and at most {rpo} may be lost (rpo)");
    let problem = inventory.problem("HAC-E054", path, message);
    vec![problem.help(format!("write archive_timeout = \"{rpo}\" or less"))]
}

pub(super) fn on_a_member(inventory: &Inventory) -> Vec<Problem> {
    let backup = &inventory.backup;
    let Some(host) = backup.host.as_deref().filter(|_| backup.enabled.on()) else {
        return needs_a_host(inventory);
    };
    let hosts = inventory.hosts();
    let Some(host) = hosts.iter().find(|other| other.name == host && !other.etcd_members.is_empty()) else {
        return Vec::new();
    };
    let message = format!("backups are kept on {}, which is a member of the cluster they are of", host.name);
    let problem = inventory.problem("HAC-W053", "backup.host", message).warning();
    vec![problem.help("a second repository elsewhere survives the loss of this host")]
}

fn needs_a_host(inventory: &Inventory) -> Vec<Problem> {
    let backup = &inventory.backup;
    let local = backup.repository != crate::inventory::Repository::S3;
    if !backup.enabled.on() || !local || inventory.is_written("backup.host") {
        return Vec::new();
    }
    let message = "[backup] has no `host`, and there is no [truenas] to take its place";
    vec![
        inventory
            .problem("HAC-E043", "backup", message)
            .help("add host = \"...\", the host with the repository"),
    ]
}

/// Directories that two services must not share.
pub(super) fn paths(inventory: &Inventory) -> Vec<Problem> {
    let mut paths: Vec<(&str, &str)> = Vec::new();
    if inventory.postgres.enabled.on() {
        paths.push(("etcd.data", &inventory.etcd.data));
        paths.extend(inventory.postgres.data.as_deref().map(|data| ("postgres.data", data)));
    }
    if inventory.backup.enabled.on() {
        paths.push(("backup.path", &inventory.backup.path));
    }
    let mut problems = Vec::new();
    for (at, (key, path)) in paths.iter().enumerate() {
        for (other_key, other) in &paths[..at] {
            let inside = |one: &str, two: &str| one == two || one.starts_with(&format!("{two}/"));
            let (one, two) = (path.trim_end_matches('/'), other.trim_end_matches('/'));
            if inside(one, two) || inside(two, one) {
                let message = format!("`{key}` {path} and `{other_key}` {other} are not apart");
                let problem =
                    inventory.problem("HAC-E035", key, message).also(inventory.span(other_key), "the other");
                problems.push(problem.help("give each a directory of its own"));
            }
        }
    }
    problems
}
