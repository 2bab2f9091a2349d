//! Owns what settings of PostgreSQL make its servers owe, known before the
//! configuration is written, and the sentences about it. Must not know in which
//! order members restart: their group says it.

use super::{Assessment, Plan};
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
    let hosts: Vec<String> = plan.changes().filter(restart).map(|a| a.host.clone()).collect();
    if hosts.is_empty() {
        return Vec::new();
    }
    let view = expected(plan, view);
    let moves = course(hosts.clone(), &view);
    let mut what: Vec<String> =
        hosts.iter().flat_map(|host| waiting(host, &view.patroni)).map(|w| says(&w)).collect();
    what.sort();
    what.dedup();
    let what = if what.is_empty() { String::new() } else { format!(" for {}", what.join(", ")) };
    let order = moves.iter().map(step).collect::<Vec<_>>().join(", then ");
    let mut said =
        vec![format!("PostgreSQL restarts{what}, one member at a time behind Patroni's health: {order}")];
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

fn step(one: &Move) -> String {
    match one {
        Move::Restart(host) => host.clone(),
        Move::InPlace(host) => {
            format!("{host}, which leads, in place (only so is a setting lowered that binds its standbys)")
        }
        Move::Handover(Handover { word, from, to, .. }) => {
            format!("a {word} from {from} to {to}, with which {from} restarts")
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
