//! Owns what etcd's members mean to each other. Must not know Patroni.

use super::Handover;
use crate::facts::view::View;

/// A majority of the voters is healthy and a leader is known.
pub(super) fn healthy(view: &View) -> bool {
    view.etcd.leader.is_some() && view.etcd.margin() >= 0
}

/// Names of the members on `host`; only `member` where it is named.
fn names<'a>(host: &'a str, member: Option<&'a str>, view: &'a View) -> impl Iterator<Item = &'a String> {
    let named = move |name: &str| member.is_none_or(|member| member == name);
    let here = view.etcd.hosts.iter().filter(move |(name, h)| h.as_str() == host && named(name));
    here.map(|(name, _)| name)
}

/// Every such member is healthy and votes.
pub(super) fn member_healthy(host: &str, member: Option<&str>, view: &View) -> bool {
    let votes = |name: &String| view.etcd.members.iter().any(|m| &m.name == name && !m.learner);
    let mut found = names(host, member, view).peekable();
    found.peek().is_some() && found.all(|name| view.etcd.healthy.contains(name) && votes(name))
}

pub(super) fn leader_host(view: &View) -> Option<String> {
    view.etcd.leader.as_ref().and_then(|name| view.etcd.hosts.get(name)).cloned()
}

/// One healthy voter less must still leave a majority: members of one host are
/// disturbed one after the other.
pub(super) fn refuses(host: &str, member: Option<&str>, view: &View) -> Option<String> {
    short(host, member, view, 1)
}

/// All voters of the host less must still leave a majority.
pub(super) fn misses(host: &str, view: &View) -> Option<String> {
    short(host, None, view, isize::MAX)
}

/// Members by host that were healthy `before`, are members still, and are not now.
pub(super) fn fell(before: &View, now: &View) -> Vec<(String, String)> {
    let stays = |name: &&String| now.etcd.members.iter().any(|m| m.name == **name);
    let well = before.etcd.healthy.iter().filter(|name| !now.etcd.healthy.contains(name)).filter(stays);
    well.filter_map(|name| Some((before.etcd.hosts.get(name)?.clone(), name.clone()))).collect()
}

/// Why the cluster cannot lose these members, `most` of them at once.
fn short(host: &str, member: Option<&str>, view: &View, most: isize) -> Option<String> {
    if view.etcd.split() {
        return Some("two disjoint etcd clusters answer: stop one of them by hand first".to_owned());
    }
    let etcd = &view.etcd;
    if !names(host, member, view).any(|name| etcd.healthy.contains(name)) {
        // What is down already costs no vote: it may be mended without a majority.
        return None;
    }
    if etcd.members.is_empty() {
        return Some("no etcd member tells who the members are, so votes cannot be counted".to_owned());
    }
    let has_vote = |name: &String| etcd.members.iter().any(|m| &m.name == name && !m.learner);
    let counts = |name: &&String| etcd.healthy.contains(name) && has_vote(name);
    let lost = names(host, member, view).filter(counts).count().cast_signed().min(most);
    (etcd.margin() - lost < 0).then(|| {
        let healthy = etcd.healthy.iter().filter(|name| has_vote(name)).count();
        let voters = etcd.voters();
        format!(
            "etcd would lose its majority: {healthy} of {voters} members are healthy, {} must stay up",
            healthy.cast_signed() - etcd.margin()
        )
    })
}

/// Leadership goes to another host's voter, best to one whose host does not lead
/// PostgreSQL: a host that dies as the leader of both costs an election more.
pub(super) fn hands_over(host: &str, member: Option<&str>, view: &View) -> Result<Option<Handover>, String> {
    let etcd = &view.etcd;
    let leads = |name: &&String| etcd.leader.as_ref() == Some(*name);
    let Some(from) = names(host, member, view).find(leads).filter(|_| etcd.voters() > 1) else {
        return Ok(None);
    };
    let busy = view.patroni.leader_host();
    let fit = etcd.members.iter().filter(|m| !m.learner && etcd.healthy.contains(&m.name));
    let fit = fit.filter_map(|m| Some((m, etcd.hosts.get(&m.name).filter(|h| h.as_str() != host)?)));
    let best = fit.min_by_key(|(m, host)| {
        (busy == Some(host.as_str()), u64::MAX - view.patroni.priority(host), &m.name)
    });
    let Some((to, _)) = best else {
        return Err(format!("no other healthy voter could lead instead of {from}"));
    };
    let (to, to_id) = (to.name.clone(), to.id.clone());
    Ok(Some(Handover { word: "move-leader", from: from.clone(), to, to_id }))
}
