//! Owns `node remove`: stopping a machine that still answers, taking it out of
//! the file, and the rest by `apply`. Must not know how etcd lets it go, nor how
//! leadership moves.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::handover::{self, GROUPS, member_needs, members};
use super::unlock::Vault;
use super::world::World;
use super::{apply, block_on, node, reach, reading, status};
use crate::cli::{ApplyArgs, Globals, RemoveArgs};
use crate::error::{Exit, Failure, Reason};
use crate::exec::{Gathered, Retirement, now, probe_all};
use crate::expand::Resource;
use crate::facts::Needs;
use crate::facts::view::View;
use crate::group::{GroupName, Handover};
use crate::plan::Observed;
use crate::report::Reporter;
use crate::report::ui::Ui;
use crate::resource::Kind;
use crate::transport::Connection;

/// A machine, and what is known of it and of the others.
pub(super) struct Leaving<'a> {
    pub(super) name: &'a str,
    /// All of it that belongs to a group.
    pub(super) members: Vec<Resource>,
    units: Vec<String>,
    pub(super) reached: Gathered<Arc<Connection>>,
    /// What all members are asked, its own too.
    pub(super) needs: BTreeMap<String, Needs>,
    pub(super) observed: Observed,
}

pub(super) fn run(ui: &Ui, globals: &Globals, args: &RemoveArgs) -> Result<Exit, Failure> {
    let world = World::load(globals, Vault::Open)?;
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
    let mut leaving = leaving?;
    leaving.allowed()?;
    ui.say(&leaving.text())?;
    confirm(ui, args)?;
    let retirement = Retirement::begin(&leaving.reached.ok, leaving.name).await.map_err(apply::failure)?;
    let Some(retirement) = retirement else { return Ok(()) };
    leaving.hand_over(world, &retirement).await?;
    retirement.stop(&leaving.units).await.map_err(apply::failure)
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
    let mut needs = status::group_needs(world);
    let mut observed = reach::observe(&reach::handles(&reached), &needs, reporter).await?;
    let mut members = members(world, name, None);
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
        members = handover::members(world, name, Some(&address));
        let own = BTreeMap::from([(name.to_owned(), member_needs(&members))]);
        let probed = probe_all(&reach::handles(&found).ok, &own, reporter).await;
        observed.update(probed.ok, now());
        needs.extend(own);
        reached.ok.extend(found.ok);
        reached.failed.extend(found.failed);
        reached.failed.extend(probed.failed);
    }
    Ok(Leaving { name, units: units(&members), members, reached, needs, observed })
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

fn units(members: &[Resource]) -> Vec<String> {
    let unit = |resource: &Resource| match &resource.kind {
        Kind::Unit(unit) => Some(unit.full_name()),
        _ => None,
    };
    members.iter().filter_map(unit).collect()
}

impl Leaving<'_> {
    fn answers(&self) -> bool {
        self.reached.ok.contains_key(self.name)
    }

    /// Stopping it must leave a majority, and somebody who can lead.
    fn allowed(&self) -> Result<(), Failure> {
        reach::one_cluster(&self.observed)?;
        let view = &self.observed.view;
        let refuses =
            |group: GroupName| group.refuses(self.name, None, view).or_else(|| self.handover(group).err());
        match GROUPS.into_iter().find_map(refuses).filter(|_| self.answers()) {
            Some(why) => Err(self.refusal(&why)),
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
        let leads = GROUPS.into_iter().filter_map(|group| {
            let Handover { word, from, to, .. } = self.handover(group).ok()??;
            let cost = match group {
                GroupName::Patroni => ", nobody can write for about 3 s",
                GroupName::Etcd => "",
            };
            Some(format!("  {from} leads {}: {word} to {to}{cost}\n", group.word()))
        });
        let leads: String = leads.collect();
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
