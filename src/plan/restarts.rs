//! Owns what settings of PostgreSQL make its servers owe, known before the
//! configuration is written, and the sentences about it. Must not know in which
//! order members restart: their group says it.

use super::{Assessment, Plan, updates};
use crate::expand::Resource;
use crate::facts::view::View;
use crate::group::{Handover, Move, Waiting, course, expect, waiting};
use crate::resource::{Change, Kind, PatroniConfig, needs_restart};

fn configuration(plan: &Plan) -> Option<&Assessment> {
    plan.changes().find(|a| matches!(a.kind, Kind::PatroniConfig(_)))
}

/// Settings that this plan changes and that take effect at a start only.
fn settings(plan: &Plan) -> Vec<Waiting> {
    let change = configuration(plan).map(|a| &a.change);
    let parameters = change.into_iter().flat_map(PatroniConfig::parameters);
    let at_start = parameters.filter(|(name, ..)| needs_restart(name) == Some(true));
    let waiting = |(setting, from, to): (&str, &str, &str)| Waiting {
        setting: setting.to_owned(),
        from: from.to_owned(),
        to: to.to_owned(),
    };
    at_start.map(waiting).collect()
}

fn expected(plan: &Plan, view: &View) -> View {
    let mut view = view.clone();
    expect(&mut view, &settings(plan));
    view
}

/// What the server on the assessment's host will owe once the plan's
/// configuration is written.
pub(super) fn owe(assessment: &mut Assessment, plan: &Plan, view: &View) {
    let Some(configuration) = configuration(plan) else { return };
    if updates::update(assessment).is_some() {
        // It restarts anyway.
        return;
    }
    let owes = expected(plan, view)
        .patroni
        .own
        .get(&assessment.host)
        .is_some_and(|own| own["pending_restart"] == true);
    let unknown =
        || PatroniConfig::parameters(&configuration.change).any(|(name, ..)| needs_restart(name).is_none());
    if owes {
        assessment.owe("restart", &configuration.id);
    } else if unknown() {
        assessment.change = Change::Late(format!("known after {}", configuration.id));
    } else if !matches!(assessment.change, Change::Unreadable(_)) {
        assessment.change = Change::None;
    }
}

/// Restarts, switchovers, where the address goes, and who is left meanwhile.
pub(super) fn sentences(plan: &Plan, resources: &[Resource], view: &View) -> Vec<String> {
    let restart =
        |a: &&Assessment| matches!(a.kind, Kind::PatroniRestart(_)) && !matches!(a.change, Change::Late(_));
    let restarting: Vec<&Assessment> = plan.changes().filter(restart).collect();
    let hosts = hosts(&restarting);
    let view = expected(plan, view);
    let mut what: Vec<String> =
        hosts.iter().flat_map(|host| waiting(host, &view.patroni)).map(|w| says(&w)).collect();
    what.sort();
    what.dedup();
    let what = if what.is_empty() { String::new() } else { format!(" for {}", what.join(", ")) };
    let why = match (what.is_empty(), updates::cause(restarting.into_iter())) {
        (false, why) if !why.is_empty() => format!("{what} and{why}"),
        (_, why) => what + &why,
    };
    tell(&format!("PostgreSQL restarts{why}"), &course(hosts, &view, false), resources, &view)
}

/// Patroni's own restarts.
pub(super) fn patroni(restarting: &[&Assessment], resources: &[Resource], view: &View) -> Vec<String> {
    let why = updates::cause(restarting.iter().copied());
    let what = format!("Patroni restarts{why}, and PostgreSQL with it");
    tell(&what, &course(hosts(restarting), view, true), resources, view)
}

fn hosts(assessed: &[&Assessment]) -> Vec<String> {
    assessed.iter().map(|a| a.host.clone()).collect()
}

fn tell(what: &str, moves: &[Move], resources: &[Resource], view: &View) -> Vec<String> {
    if moves.is_empty() {
        return Vec::new();
    }
    let next = moves.iter().skip(1).map(Some).chain([None]);
    let order: Vec<String> = moves.iter().zip(next).map(|(one, next)| step(one, next, view)).collect();
    let order = order.join(", then ");
    let mut said = vec![format!("{what}, one member at a time behind Patroni's health: {order}")];
    let address = resources.iter().find_map(|r| r.setting("vip", "database"));
    said.extend(moves.iter().filter_map(|one| gap(one, address.as_deref())));
    let streaming = view.patroni.own.keys().filter(|host| view.patroni.well(host)).count().saturating_sub(1);
    if view.patroni.members.len() > 1 {
        said.push(format!(
            "standbys that stream: {streaming} before, {} during",
            streaming.saturating_sub(1)
        ));
    }
    said
}

fn says(waiting: &Waiting) -> String {
    let value = |text: &str| if text.is_empty() { "its default".to_owned() } else { text.to_owned() };
    format!("{} {} -> {}", waiting.setting, value(&waiting.from), value(&waiting.to))
}

fn step(one: &Move, next: Option<&Move>, view: &View) -> String {
    match one {
        Move::Restart(host) => host.clone(),
        Move::InPlace(host) if view.patroni.members.len() < 2 => format!("{host}, in place"),
        Move::InPlace(host) => {
            format!("{host}, which leads, in place (only so is a setting lowered that binds its standbys)")
        }
        Move::Handover(Handover { word, from, to, .. }) => {
            let itself = matches!(next, Some(Move::Restart(host)) if view.patroni.name(host) == from);
            let with = if itself { String::new() } else { format!(", with which {from} restarts") };
            format!("a {word} from {from} to {to}{with}")
        }
        Move::Stop(why) => format!("no further, because {why}"),
    }
}

/// Figures: the drill `restart-parameter`, on the lab's hosts.
fn gap(one: &Move, address: Option<&str>) -> Option<String> {
    match one {
        Move::Handover(Handover { word, from, to, .. }) => {
            let moves = address.map(|a| format!("{a} moves from {from} to {to}; ")).unwrap_or_default();
            Some(format!("{moves}nobody can write during the {word}, for about 3 s"))
        }
        Move::InPlace(host) => {
            let stays = address.map(|a| format!(", and {a} is away for that time")).unwrap_or_default();
            Some(format!("nobody can write while {host} restarts, for about 3 s{stays}"))
        }
        Move::Restart(_) | Move::Stop(_) => None,
    }
}
