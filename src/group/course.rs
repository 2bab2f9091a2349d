//! Owns what will happen to Patroni's members, move by move, while they restart
//! for their settings: the order the executor asks for, played on a copy of the
//! view. Must not know how a restart is done.

use serde_json::{Value, json};

use super::patroni::{Waiting, waiting};
use super::{GroupName, Handover};
use crate::facts::view::View;
use crate::resource::binding_default;

/// One thing that happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Move {
    /// A standby restarts.
    Restart(String),
    /// A standby takes over; PostgreSQL on the old leader starts again as a standby.
    Handover(Handover),
    /// The leader restarts and leads on.
    InPlace(String),
    /// Nothing more would happen, and why.
    Stop(String),
}

/// What members will wait to restart for once `settings` are in the
/// configuration. A name without a value has PostgreSQL's own.
pub fn expect(view: &mut View, settings: &[Waiting]) {
    for own in view.patroni.own.values_mut() {
        // Before Patroni 3.3 it says that it waits, and not for what.
        let unexplained = own["pending_restart"] == true && !own["pending_restart_reason"].is_object();
        for Waiting { setting, from, to } in settings {
            let value = |text: &str| {
                if text.is_empty() { binding_default(setting).unwrap_or_default() } else { text }.to_owned()
            };
            let reasons = &mut own["pending_restart_reason"];
            // It runs with what it had before an earlier change.
            let runs = reasons[setting]["old_value"].as_str().map_or_else(|| value(from), str::to_owned);
            if !reasons.is_object() {
                *reasons = json!({});
            }
            if let Some(map) = reasons.as_object_mut() {
                map.remove(setting);
                if runs != value(to) {
                    map.insert(setting.clone(), json!({ "old_value": runs, "new_value": value(to) }));
                }
            }
        }
        let explained = own["pending_restart_reason"].as_object().is_some_and(|map| !map.is_empty());
        own["pending_restart"] = json!(unexplained || explained);
    }
}

/// Every move until the members on `hosts` were restarted. Where it is Patroni
/// itself that restarts, a switchover alone is not enough.
pub fn course(mut hosts: Vec<String>, view: &View, patroni: bool) -> Vec<Move> {
    let (group, mut view, mut moves) = (GroupName::Patroni, view.clone(), Vec::new());
    while let Some(host) = group.order(hosts.clone(), &view).into_iter().next() {
        if group.waits_for_leader(&host, &view) {
            moves.push(Move::Stop(format!("{host} keeps its settings until the leader restarted")));
            break;
        }
        let refused = group.refuses(&host, None, &view);
        match refused.map_or_else(|| group.hands_over(&host, None, &view), Err) {
            Err(why) => {
                moves.push(Move::Stop(why));
                break;
            }
            Ok(Some(handover)) => {
                lead(&mut view, &host, &handover.to);
                moves.push(Move::Handover(handover));
                moves.extend(patroni.then(|| Move::Restart(host.clone())));
            }
            Ok(None) if view.patroni.leader_host() == Some(&host) => moves.push(Move::InPlace(host.clone())),
            Ok(None) => moves.push(Move::Restart(host.clone())),
        }
        if restarted(&mut view, &host) {
            hosts.retain(|other| *other != host);
        }
    }
    moves
}

/// Takes over what a restart of the member on `host` brings: all of it, or all
/// but what the leader has to lower first.
fn restarted(view: &mut View, host: &str) -> bool {
    let leader = view.patroni.leader_host().unwrap_or_default().to_owned();
    let first: Vec<Waiting> = if leader == host { Vec::new() } else { waiting(&leader, &view.patroni) };
    let kept = |w: &Waiting| w.lowers() && first.iter().any(|f| f.setting == w.setting && f.lowers());
    let left: serde_json::Map<String, Value> = waiting(host, &view.patroni)
        .into_iter()
        .filter(kept)
        .map(|w| (w.setting, json!({ "old_value": w.from, "new_value": w.to })))
        .collect();
    let done = left.is_empty();
    if let Some(own) = view.patroni.own.get_mut(host) {
        own["pending_restart"] = json!(!done);
        own["pending_restart_reason"] = Value::Object(left);
    }
    done
}

/// The member named `to` leads, and the one on `host` streams from it.
fn lead(view: &mut View, host: &str, to: &str) {
    let patroni = &mut view.patroni;
    let to_host = patroni.own.keys().find(|other| patroni.name(other) == to).cloned().unwrap_or_default();
    let from = patroni.name(host).to_owned();
    for row in &mut patroni.members {
        if row.name == to {
            (row.role, row.state) = ("leader".to_owned(), "running".to_owned());
        } else if row.name == from {
            (row.role, row.state, row.lag) = ("replica".to_owned(), "streaming".to_owned(), Some(0));
        }
    }
    for (host, role) in [(host, "replica"), (&to_host, "primary")] {
        if let Some(own) = patroni.own.get_mut(host) {
            own["role"] = json!(role);
            own["replication_state"] = json!("streaming");
        }
    }
}
