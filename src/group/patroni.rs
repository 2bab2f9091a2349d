//! Owns what Patroni's members mean to each other: health, who may take over,
//! and whose restart must come first. Must not know etcd.

use std::cmp::Ordering;

use serde_json::Value;

use super::Handover;
use crate::facts::view::{PatroniView, View};
use crate::resource::binding_default;

/// Bytes a member may lag and still take over at once: more would be waited for
/// while nobody writes.
const LAG: u64 = 1 << 20;

/// A setting that a member waits to restart for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    pub setting: String,
    pub from: String,
    pub to: String,
}

impl Waiting {
    /// How a setting that binds standbys moves; `None` of all others.
    fn moves(&self) -> Option<Ordering> {
        let number = |text: &str| text.parse::<i64>().ok();
        binding_default(&self.setting)?;
        Some(number(&self.to)?.cmp(&number(&self.from)?))
    }

    /// Only a primary may lower it, and standbys follow.
    pub(super) fn lowers(&self) -> bool {
        self.moves() == Some(Ordering::Less)
    }

    /// Standbys need it before their primary has it.
    fn raises(&self) -> bool {
        self.moves() == Some(Ordering::Greater)
    }
}

/// A leader runs, and where there are others at least one streams from it.
pub(super) fn healthy(view: &View) -> bool {
    let Some(leader) = view.patroni.leader_host() else { return false };
    let streaming = view.patroni.own.keys().filter(|host| view.patroni.well(host)).count();
    view.patroni.well(leader) && (streaming > 1 || view.patroni.members.len() < 2)
}

/// Whoever paused Patroni is at work there himself.
fn paused(patroni: &PatroniView) -> Option<String> {
    let paused = patroni.config.as_ref().is_some_and(|config| config["pause"] == true);
    paused.then(|| "Patroni is paused: end that first with `patronictl resume`".to_owned())
}

/// Hosts and members that were well `before` and are not now.
pub(super) fn fell(before: &View, now: &View) -> Vec<(String, String)> {
    let hosts = before.patroni.own.keys();
    let fell = hosts.filter(|host| before.patroni.well(host) && !now.patroni.well(host));
    fell.map(|host| (host.clone(), before.patroni.name(host).to_owned())).collect()
}

/// The leader is disturbed only when somebody can take over.
pub(super) fn refuses(host: &str, view: &View) -> Option<String> {
    if let Some(why) = paused(&view.patroni) {
        return Some(why);
    }
    let leader = view.patroni.leader_host();
    let others = view.patroni.own.keys().filter(|other| *other != host && view.patroni.well(other)).count();
    (leader == Some(host) && view.patroni.members.len() > 1 && others == 0)
        .then(|| "no replica streams, so nobody could take over from this leader".to_owned())
}

/// What the member on `host` waits to restart for, as far as Patroni says
/// (from 3.3 on).
pub fn waiting(host: &str, patroni: &PatroniView) -> Vec<Waiting> {
    let reasons = patroni.own.get(host).and_then(|own| own["pending_restart_reason"].as_object());
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let waiting = |(setting, values): (&String, &Value)| Waiting {
        setting: setting.clone(),
        from: text(&values["old_value"]),
        to: text(&values["new_value"]),
    };
    reasons.into_iter().flatten().map(waiting).collect()
}

/// A restart would be in vain: a standby keeps what its primary runs with, as
/// Patroni reads it from `pg_control`.
pub(super) fn waits_for_leader(host: &str, view: &View) -> bool {
    let patroni = &view.patroni;
    let Some(leader) = patroni.leader_host().filter(|leader| *leader != host) else { return false };
    let (own, first) = (waiting(host, patroni), waiting(leader, patroni));
    let kept = |w: &Waiting| w.lowers() && first.iter().any(|f| f.setting == w.setting && f.lowers());
    own.iter().any(kept) && !own.iter().any(Waiting::raises)
}

/// Whether its primary's restart reached a standby, which then has less too.
fn deaf(host: &str, view: &View) -> bool {
    !view.patroni.well(host) && waiting(host, &view.patroni).iter().any(Waiting::lowers)
}

/// Leadership goes to the best standby before the leader is disturbed, except
/// where only a primary's own restart lowers a setting.
pub(super) fn hands_over(host: &str, view: &View) -> Result<Option<Handover>, String> {
    let patroni = &view.patroni;
    let lowers = || waiting(host, patroni).iter().any(Waiting::lowers);
    if patroni.leader().is_none() {
        return Err("nobody leads now".to_owned());
    }
    if deaf(host, view) {
        return Err(format!("{host} does not stream yet, so it cannot know what its leader runs with"));
    }
    if patroni.leader_host() != Some(host) || patroni.members.len() < 2 || lowers() {
        return Ok(None);
    }
    if let Some(why) = paused(patroni) {
        return Err(why);
    }
    let mut fit: Vec<(u64, u64, &str)> = Vec::new();
    let mut unfit = Vec::new();
    // A NAS leads only where no node could: one that lags now is waited for.
    let last = |other: &String| patroni.own[other]["tags"]["noloadbalance"] == true;
    let others = || patroni.own.keys().filter(|other| *other != host);
    let nodes = others().any(|other| !last(other) && patroni.well(other));
    for other in others().filter(|other| !(nodes && last(other))) {
        match fitness(other, view) {
            Ok((priority, lag)) => fit.push((u64::MAX - priority, lag, other)),
            Err(why) => unfit.push(format!("{other} {why}")),
        }
    }
    let Some((_, _, to)) = fit.into_iter().min() else {
        let unfit = if unfit.is_empty() { "no other member answers".to_owned() } else { unfit.join(", ") };
        return Err(format!("nobody is fit to take over from {host}: {unfit}"));
    };
    let (from, to) = (patroni.name(host).to_owned(), patroni.name(to).to_owned());
    Ok(Some(Handover { word: "switchover", from, to_id: to.clone(), to }))
}

/// Priority and lag of a standby that may take over now, or why it may not.
fn fitness(host: &str, view: &View) -> Result<(u64, u64), String> {
    let patroni = &view.patroni;
    let tags = patroni.own.get(host).map(|own| &own["tags"]);
    let tag = |name: &str| tags.map_or(&Value::Null, |tags| &tags[name]);
    let priority = patroni.priority(host);
    let row = patroni.members.iter().find(|row| row.name == patroni.name(host));
    let synchronous = patroni.config.as_ref().is_some_and(|config| config["synchronous_mode"] == true);
    if !patroni.well(host) {
        return Err("does not stream".to_owned());
    }
    if tag("nofailover") == true || priority == 0 {
        return Err("must never lead".to_owned());
    }
    match row.and_then(|row| row.lag) {
        None => Err("has a lag nobody knows".to_owned()),
        Some(lag) if lag > LAG => Err(format!("lags {lag} bytes")),
        Some(_) if synchronous && row.is_none_or(|row| row.role != "sync_standby") => {
            Err("is not the synchronous standby".to_owned())
        }
        Some(lag) => Ok((priority, lag)),
    }
}
