//! Owns `node remove`: stopping a machine that still answers, taking it out of
//! the file, and handing over to `apply`. Must not know how etcd lets it go.

use std::sync::Arc;

use super::world::{Vault, World};
use super::{apply, block_on, node, reach, reading, status};
use crate::cli::{ApplyArgs, Globals, RemoveArgs};
use crate::error::{Exit, Failure, Reason};
use crate::exec::{Gathered, retire};
use crate::facts::view::View;
use crate::graph::Node;
use crate::group::GroupName;
use crate::plan::Observed;
use crate::report::Reporter;
use crate::report::ui::Ui;
use crate::resource::Kind;
use crate::transport::Connection;

/// A machine, and what is known of it and of the others.
struct Leaving<'a> {
    name: &'a str,
    units: Vec<String>,
    reached: Gathered<Arc<Connection>>,
    observed: Observed,
}

pub(super) fn run(ui: &Ui, globals: &Globals, args: &RemoveArgs) -> Result<Exit, Failure> {
    let world = World::load(globals, Vault::Shut)?;
    let text = edited(&world, &args.name)?;
    block_on(stop(ui, &world, args))??;
    if let Some(text) = text {
        node::write(&globals.file, &text, &format!("without {}", args.name))?;
        ui.say(&format!("{} is no longer in {}.\n\n", args.name, globals.file.display()))?;
    }
    apply::run(ui, globals, &ApplyArgs { auto_approve: args.auto_approve, ..ApplyArgs::default() })
}

/// All in one runtime: a connection does not outlive the one it was made in.
async fn stop(ui: &Ui, world: &World, args: &RemoveArgs) -> Result<(), Failure> {
    let reporter = Reporter::reading(ui);
    let leaving = look(world, &args.name, &reporter).await;
    reporter.finish();
    let leaving = leaving?;
    leaving.allowed()?;
    ui.say(&leaving.text())?;
    confirm(ui, args)?;
    retire(&leaving.reached.ok, leaving.name, &leaving.units).await.map_err(apply::failure)
}

/// The file without the machine; nothing where it is out of it already.
fn edited(world: &World, name: &str) -> Result<Option<String>, Failure> {
    let shown = world.file.display();
    let Some(host) = world.hosts.iter().find(|host| host.name == name) else { return Ok(None) };
    let by_hand = |message: String| {
        Err(Failure::new(Reason::Usage, message)
            .hint("edit the file by hand, then run this again for the machine"))
    };
    if host.is_nas {
        return by_hand(format!("{name} is the table [truenas] of {shown}, and no [[node]]"));
    }
    let Some(text) = world.inventory.without_node(name) else {
        return by_hand(format!("{shown} does not write its nodes as [[node]]"));
    };
    node::check(&world.file, &text, &format!("without {name}")).map_err(|failure| {
        failure.hint(format!("edit all of it in one go, then `hacluster node remove {name}` again, or `hacluster apply` if it is dead"))
    })?;
    Ok(Some(text))
}

async fn look<'a>(world: &World, name: &'a str, reporter: &Reporter) -> Result<Leaving<'a>, Failure> {
    let names = reading::names(world);
    let mut reached = reach::connections(world, &names, reporter).await?;
    let observed = reach::observe(&reach::handles(&reached), &status::group_needs(world), reporter).await?;
    if !names.contains(&name) {
        let address = address_of(&observed.view, name).ok_or_else(|| {
            Failure::new(
                Reason::Usage,
                format!(
                    "nobody knows {name}: it is not in {}, and neither etcd nor Patroni has it",
                    world.file.display()
                ),
            )
        })?;
        let found = reach::stranger(world, name, &address, reporter).await?;
        reached.ok.extend(found.ok);
        reached.failed.extend(found.failed);
    }
    Ok(Leaving { name, units: units(world, name), reached, observed })
}

/// Where a machine is that is no longer in the file: Patroni or etcd knows.
fn address_of(view: &View, name: &str) -> Option<String> {
    let patroni = view.patroni.members.iter().find(|row| row.name == name).map(|row| row.host.clone());
    let etcd = || {
        let row = view.etcd.members.iter().find(|row| row.name == name)?;
        let url = row.peer_urls.first()?.strip_prefix("https://")?;
        url.rsplit_once(':').map(|(address, _)| address.to_owned())
    };
    patroni.or_else(etcd)
}

/// What runs a member, the last one started first. Of a machine that is no longer
/// in the file: what another one has, under its name.
fn units(world: &World, name: &str) -> Vec<String> {
    let known = world.hosts.iter().find(|host| host.name == name);
    let Some(like) = known.or_else(|| world.hosts.iter().find(|host| !host.is_nas)) else {
        return Vec::new();
    };
    let resources = world.graph.order.iter().rev().filter_map(|node| match world.graph.dag[*node] {
        Node::Resource(index) => Some(&world.resources[index]),
        _ => None,
    });
    let unit = |resource: &crate::expand::Resource| match &resource.kind {
        Kind::Unit(unit) if resource.group.is_some() && !unit.masked => Some(unit.full_name()),
        _ => None,
    };
    let units = resources.filter(|resource| resource.host() == Some(like.name.as_str())).filter_map(unit);
    units.map(|unit| unit.replace(&format!("@{}.", like.name), &format!("@{name}."))).collect()
}

impl Leaving<'_> {
    fn answers(&self) -> bool {
        self.reached.ok.contains_key(self.name)
    }

    /// Stopping it must leave a majority, and somebody who can lead.
    fn allowed(&self) -> Result<(), Failure> {
        reach::one_cluster(&self.observed)?;
        let view = &self.observed.view;
        let why = [GroupName::Etcd, GroupName::Patroni]
            .into_iter()
            .find_map(|group| group.refuses(self.name, None, view));
        match why.filter(|_| self.answers()) {
            Some(why) => {
                Err(Failure::new(Reason::Unsafe, format!("{} cannot be stopped now: {why}", self.name)))
            }
            None => Ok(()),
        }
    }

    fn text(&self) -> String {
        let name = self.name;
        if !self.answers() {
            let away = self.reached.failed.get(name).map(|away| (away.kind.words(), away.why.as_str()));
            let (words, why) = away.unwrap_or(("is not asked", ""));
            let why = why.lines().map(|line| format!("  {line}\n")).collect::<String>();
            return format!(
                "{name} {words}: it leaves through the machines that stay.\n{why}  Wipe its disk before it is switched on here again: it would come back as it was.\n"
            );
        }
        let leads = self.observed.view.patroni.leader_host() == Some(name);
        let leads = if leads {
            "  it leads PostgreSQL: another one takes over, some seconds without writes\n"
        } else {
            ""
        };
        format!(
            "{name} answers:\n{leads}  {} stop there and do not start again\n  its data stays on its disk\n",
            self.units.join(", ")
        )
    }
}

fn confirm(ui: &Ui, args: &RemoveArgs) -> Result<(), Failure> {
    if args.auto_approve {
        return Ok(());
    }
    let question = format!("\nTake {} out of service?\n  Only 'yes' will be accepted: ", args.name);
    match ui.ask(&question)?.as_deref() {
        Some("yes") => Ok(()),
        Some(_) => Err(Failure::new(Reason::Declined, "nothing was changed")),
        None => Err(Failure::new(Reason::Declined, "nobody can be asked here: nothing was changed")
            .hint("run it in a terminal, or with --auto-approve")),
    }
}
