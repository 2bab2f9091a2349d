//! Owns `status`: the fold of all hosts' facts into members, votes, troubles.
//! Holds probers only.

use std::collections::BTreeMap;

use super::reading::reached_all;
use super::unlock::Vault;
use super::world::World;
use super::{block_on, reach};
use crate::cli::Globals;
use crate::error::{Exit, Failure};
use crate::expand::{Resource, needs};
use crate::facts::view::{EtcdView, PatroniRow, View};
use crate::facts::{EtcdRow, Facts, Needs};
use crate::inventory::Host;
use crate::plan::Observed;
use crate::report::Reporter;
use crate::report::status::{Member, Status, Votes, bytes};
use crate::report::ui::Ui;
use crate::resource::{Have, Kind, Unit, owed, owed_for};

pub(super) fn run(ui: &Ui, globals: &Globals) -> Result<Exit, Failure> {
    let world = World::load(globals, Vault::Shut)?;
    let needs = group_needs(&world);
    let reporter = Reporter::reading(ui);
    let observed = block_on(async {
        let names: Vec<&str> = needs.keys().map(String::as_str).collect();
        let reached = reach::probers(&world, &names, &reporter).await?;
        reach::observe(&reached, &needs, &reporter).await
    });
    reporter.finish();
    let observed = observed??;
    let status = status(&world, &observed);
    ui.json(&status.json())?;
    ui.say(&status.text(ui.paint()))?;
    let health = if status.troubles.is_empty() { Exit::Clean } else { Exit::Differs };
    Ok(health.max(reached_all(&observed)))
}

/// What groups and debts are judged by; identity and ledger always come along.
pub(super) fn group_needs(world: &World) -> BTreeMap<String, Needs> {
    let group = |(host, all): (String, Needs)| {
        let mut needs = Needs { etcd: all.etcd, patroni: all.patroni, ..Needs::default() };
        servers(world, &host).for_each(|server| server.kind.manage().needs(&mut needs));
        (host, needs)
    };
    needs(&world.resources).into_iter().map(group).collect()
}

/// What on `host` owes a restart when its package is updated.
fn servers<'a>(world: &'a World, host: &'a str) -> impl Iterator<Item = &'a Resource> {
    let here = world.resources.iter().filter(move |resource| resource.host() == Some(host));
    here.filter(|resource| !resource.kind.packages().is_empty())
}

/// Host, server, and the restart it owes to an update.
fn overdue(world: &World, observed: &Observed) -> Vec<(String, String, String)> {
    let of_host = |(host, facts): (&String, &Facts)| {
        let debt = |server: &Resource| {
            let Have::Fields(have) = server.kind.manage().have(facts, &observed.view) else { return None };
            let debt = have.get(Unit::CONFIGURATION)?;
            let name = match &server.kind {
                Kind::Unit(unit) => unit.full_name(),
                _ => "PostgreSQL".to_owned(),
            };
            Some((host.clone(), name, format!("{}: {}", owed(debt)?, owed_for(debt)?)))
        };
        servers(world, host).filter_map(debt).collect::<Vec<_>>()
    };
    observed.facts.iter().flat_map(of_host).collect()
}

pub(super) fn status(world: &World, observed: &Observed) -> Status {
    let view = &observed.view;
    let vip = world.inventory.vip.database.filter(|_| world.hosts.iter().any(|h| h.has("keepalived")));
    let vip = vip.map(|address| {
        let address = address.to_string();
        let holders = view.addresses.get(&address).cloned().unwrap_or_default();
        (address, holders)
    });
    let holders: Vec<String> = vip.iter().flat_map(|(_, holders)| holders.clone()).collect();
    let debts = observed.facts.iter().flat_map(|(host, facts)| {
        facts.debts.iter().map(|(unit, word)| (host.clone(), unit.clone(), word.clone()))
    });
    let asked = |host: &&Host| {
        observed.facts.contains_key(&host.name) || observed.unreachable.contains_key(&host.name)
    };
    let away = &observed.unreachable;
    let mut status = Status {
        cluster: world.name().to_owned(),
        members: world.hosts.iter().filter(asked).map(|host| member(host, observed, &holders)).collect(),
        etcd_leader: view.etcd.leader.clone(),
        votes: world.hosts.iter().any(|host| host.has("etcd")).then(|| votes(world, &view.etcd)),
        patroni_leader: view.patroni.leader().map(str::to_owned),
        vip,
        debts: debts.chain(overdue(world, observed)).collect(),
        pending_restart: waits(view),
        troubles: Vec::new(),
        unreachable: away.iter().map(|(host, away)| (host.clone(), away.why.clone())).collect(),
        absence: away.iter().map(|(host, away)| (host.clone(), away.kind)).collect(),
    };
    status.troubles = troubles(world, &status, view);
    status
}

fn member(host: &Host, observed: &Observed, holders: &[String]) -> Member {
    let view = &observed.view;
    let row = view.patroni.members.iter().find(|row| row.name == host.name);
    let of_row = |get: &dyn Fn(&PatroniRow) -> String| row.map(get).unwrap_or_default();
    let names = host.etcd_members.iter().filter(|_| host.has("etcd")).map(|member| {
        let word = etcd_word(&view.etcd, &member.name);
        if host.etcd_members.len() > 1 { format!("{} {word}", member.name) } else { word.to_owned() }
    });
    Member {
        host: host.name.clone(),
        answers: observed.facts.contains_key(&host.name),
        etcd: names.collect::<Vec<_>>().join("; "),
        role: of_row(&|row| row.role.clone()),
        state: of_row(&|row| row.state.clone()),
        timeline: of_row(&|row| row.timeline.map(|number| number.to_string()).unwrap_or_default()),
        lag: of_row(&|row| match row.lag {
            _ if row.role.contains("leader") => String::new(),
            Some(lag) => bytes(lag),
            None => "unknown".to_owned(),
        }),
        holds_vip: holders.contains(&host.name),
    }
}

fn etcd_word(etcd: &EtcdView, name: &str) -> &'static str {
    let row = etcd.members.iter().find(|row| row.name == name);
    if !etcd.healthy.iter().any(|healthy| healthy == name) {
        return if etcd.hosts.contains_key(name) { "DOWN" } else { "not asked" };
    }
    match row {
        None => "not a member",
        Some(row) if row.learner => "healthy, learner",
        Some(_) if etcd.leader.as_deref() == Some(name) => "healthy, leader",
        Some(_) => "healthy",
    }
}

/// Votes as they are; as planned while there is no cluster to ask.
fn votes(world: &World, etcd: &EtcdView) -> Votes {
    if etcd.members.is_empty() {
        let total = usize::try_from(world.inventory.votes().total()).unwrap_or(usize::MAX);
        return Votes { alive: 0, total, formed: etcd.formed, margin: -1 };
    }
    let alive = etcd.members.iter().filter(|row| !row.learner && etcd.healthy.contains(&row.name)).count();
    Votes { alive, total: etcd.voters(), formed: true, margin: etcd.margin() }
}

/// Servers whose PostgreSQL waits for a restart.
fn waits(view: &View) -> Vec<String> {
    let own = view.patroni.own.iter().filter(|(_, own)| own["pending_restart"] == true).map(|(host, _)| host);
    let told = view.patroni.members.iter().filter(|row| row.pending_restart).map(|row| &row.name);
    let mut hosts: Vec<String> = own.chain(told).cloned().collect();
    hosts.sort();
    hosts.dedup();
    hosts
}

fn troubles(world: &World, status: &Status, view: &View) -> Vec<String> {
    let mut troubles = view.divided();
    if status.votes.is_some() {
        troubles.extend(etcd_troubles(world, view));
    }
    if world.hosts.iter().any(|host| host.has("patroni")) {
        troubles.extend(patroni_troubles(world, view));
    }
    if let Some((address, holders)) = &status.vip {
        match (holders.as_slice(), view.patroni.leader()) {
            ([], _) => troubles.push(format!("nobody carries the VIP {address}")),
            ([one], Some(leader)) if one != leader => {
                troubles.push(format!("the VIP {address} is on {one}, and the leader is {leader}"));
            }
            ([_], _) => {}
            (many, _) => troubles.push(format!("the VIP {address} is on {} at once", many.join(" and "))),
        }
    }
    troubles
}

fn etcd_troubles(world: &World, view: &View) -> Vec<String> {
    let etcd = &view.etcd;
    let mut troubles = Vec::new();
    if !etcd.formed {
        return vec!["etcd is not formed".to_owned()];
    }
    troubles.extend(etcd.alarm());
    if etcd.leader.is_none() {
        troubles.push("etcd has no leader".to_owned());
    }
    let planned = world.hosts.iter().filter(|host| host.has("etcd")).flat_map(|host| &host.etcd_members);
    let known = |row: &&EtcdRow| {
        planned.clone().any(|member| row.name == member.name || row.peer_urls.contains(&member.peer_url))
    };
    for row in etcd.members.iter().filter(|row| !known(row)) {
        let name = if row.name.is_empty() { &row.id } else { &row.name };
        troubles.push(format!("etcd member {name} is not in the file: `hacluster apply` takes it out"));
    }
    for name in planned.map(|member| &member.name) {
        if !etcd.members.is_empty() && !etcd.members.iter().any(|row| &row.name == name) {
            troubles.push(format!("etcd member {name} has not joined"));
        } else if !etcd.healthy.contains(name) {
            troubles.push(format!("etcd member {name} is not healthy"));
        }
    }
    troubles
}

fn patroni_troubles(world: &World, view: &View) -> Vec<String> {
    let patroni = &view.patroni;
    if !patroni.formed {
        return vec!["PostgreSQL is not formed".to_owned()];
    }
    let mut troubles = Vec::new();
    if patroni.leader().is_none() {
        troubles.push("Patroni has no leader".to_owned());
    }
    if patroni.config.as_ref().is_some_and(|config| config["pause"] == true) {
        troubles.push("Patroni is paused: nobody would take over from the leader".to_owned());
    }
    for row in patroni.members.iter().filter(|row| !world.hosts.iter().any(|host| host.name == row.name)) {
        troubles.push(format!("{} ({}) is in Patroni's cluster and not in the file", row.name, row.host));
    }
    let leads = patroni.members.iter().find(|row| Some(row.name.as_str()) == patroni.leader());
    let timeline = leads.and_then(|row| row.timeline);
    for host in world.hosts.iter().filter(|host| host.has("patroni")) {
        match patroni.members.iter().find(|row| row.name == host.name) {
            None => troubles.push(format!("{} is no member of Patroni's cluster", host.name)),
            Some(row) if !matches!(row.state.as_str(), "running" | "streaming") => {
                troubles.push(format!("PostgreSQL on {} is {:?}", row.name, row.state));
            }
            Some(row) if timeline.is_some() && row.timeline != timeline => {
                troubles.push(format!("{} is not on the leader's timeline", row.name));
            }
            Some(_) => {}
        }
    }
    troubles
}
