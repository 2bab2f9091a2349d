//! Owns saved plans as files: written for their owner alone, never over
//! something else, and refused when stale. Must not know how one is carried out.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;

use super::reading::Reading;
use super::world::World;
use crate::error::{Failure, Reason};
use crate::plan::{Allowed, Basis, Parts, Saved, Stale};
use crate::report::problems::line_of;

/// Most resources that are named; more are counted.
const NAMED: usize = 8;

/// Writes what was selected to `path`, whole or not at all.
pub(super) fn write(world: &World, reading: &Reading, allowed: Allowed, path: &Path) -> Result<(), Failure> {
    let parts = parts(world);
    let basis = basis(world, &parts)?;
    let made = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let salt = HEXLOWER.encode(&rand::random::<[u8; 16]>());
    let saved = Saved::new(reading.chosen(), allowed, basis, salt, made);
    if path.symlink_metadata().is_ok() && read(path).is_err() {
        let message = format!("{} is there and is no saved plan: it was not written over", path.display());
        return Err(Failure::new(Reason::Usage, message).hint("name another file with --out"));
    }
    put(path, &saved.text())
        .map_err(|error| Failure::new(Reason::Internal, format!("cannot write {}: {error}", path.display())))
}

fn put(path: &Path, text: &str) -> std::io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}", std::process::id()));
    let beside = PathBuf::from(name);
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    let done = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    done.and_then(|()| fs::rename(&beside, path)).inspect_err(|_| drop(fs::remove_file(&beside)))
}

/// A plan that was saved by `write`.
pub(super) fn read(path: &Path) -> Result<Saved, Failure> {
    let text = fs::read_to_string(path).map_err(|error| error.to_string());
    text.and_then(|text| Saved::read(&text)).map_err(|why| {
        let failure = Failure::new(Reason::Usage, format!("{}: {why}", path.display()));
        failure.hint("make one with `hacluster plan --out FILE`")
    })
}

/// The configuration is the one the plan was made of.
pub(super) fn check(world: &World, saved: &Saved) -> Result<(), Failure> {
    let parts = parts(world);
    saved.check(basis(world, &parts)?).map_err(|stale| {
        let stale = match stale {
            Stale::Configuration(names) => Stale::Configuration(named(world, &names)),
            other => other,
        };
        refused(&stale.to_string())
    })
}

/// The hosts are as they were when the plan was made, where it touches them.
pub(super) fn fresh(world: &World, saved: &Saved, reading: &Reading) -> Result<(), Failure> {
    let Some(secrets) = &world.secrets else { return Err(no_secrets()) };
    let mut moved = saved.moved(&reading.plan, secrets);
    for (index, why) in &reading.left_out {
        let id = &world.resources[*index].id;
        if saved.ids().any(|other| &other == id) && !moved.contains(id) {
            moved.push(format!("{id} ({why})"));
        }
    }
    if moved.is_empty() {
        return Ok(());
    }
    let more = moved.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    moved.truncate(NAMED);
    Err(refused(&format!("what it would change is otherwise by now: {}{more}", moved.join(", "))))
}

fn refused(why: &str) -> Failure {
    let failure = Failure::new(Reason::Stale, format!("the saved plan is stale, nothing was done: {why}"));
    failure.hint("make a new one with `hacluster plan --out FILE` and read it")
}

fn no_secrets() -> Failure {
    Failure::new(Reason::Secrets, "a plan is bound to the cluster's secrets, and there are none here")
        .hint("copy the secrets file from where the plan was made")
}

fn basis<'a>(world: &'a World, parts: &'a Parts) -> Result<Basis<'a>, Failure> {
    let secrets = world.secrets.as_deref().ok_or_else(no_secrets)?;
    Ok(Basis { cluster: world.name(), secrets, parts })
}

/// Everything a plan is made of but the secrets and the hosts.
fn parts(world: &World) -> Parts {
    let playbooks = world.playbooks.iter().map(|p| (format!("playbook {}", p.name), p.source.text.clone()));
    let template =
        |name: &str| (format!("template {name}"), world.renderer.text(name).unwrap_or_default().to_owned());
    world.flat_inventory().into_iter().chain(playbooks).chain(world.renderer.names().map(template)).collect()
}

/// Inventory values with their place, as far as they still have one.
fn named(world: &World, names: &[String]) -> Vec<String> {
    let place = |name: &String| world.inventory.place_of(name).map(|place| line_of(&place));
    let name = |name: &String| match place(name).filter(|_| !name.contains(' ')) {
        Some(place) => format!("{name} ({place})"),
        None => name.clone(),
    };
    let more = names.len().saturating_sub(NAMED);
    let more = (more > 0).then(|| format!("{more} more"));
    names.iter().take(NAMED).map(name).chain(more).collect()
}
