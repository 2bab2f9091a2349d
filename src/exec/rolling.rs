//! Owns work that depends on a group: late judgements, first members, gates.
//! Must not know which member does what, nor how a formed group is disturbed.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::event::{Event, Outcome};
use super::gather::{millis, probe_all};
use super::summary::now;
use super::work::{Worker, lock};
use crate::group::{Formation, GroupName};
use crate::resource::{Change, Kind};

/// Between two looks at a group.
pub(super) const LOOK: Duration = Duration::from_millis(400);
/// A gate passes after this many healthy looks in a row.
const LOOKS: u32 = 2;

impl Worker<'_> {
    /// Judged only now, because what they look at was made just before.
    pub(super) async fn late(&self, host: &str, indices: &[usize]) -> Vec<(usize, Outcome)> {
        if let Err(why) = self.reread(host, indices).await {
            return indices.iter().map(|index| (*index, Outcome::Failed { why: why.clone() })).collect();
        }
        let mut outcomes = Vec::new();
        // None of them waits for another one: what there is to do is one script a host.
        let mut open: BTreeMap<String, Vec<(usize, Vec<usize>)>> = BTreeMap::new();
        for index in indices {
            match self.late_one(host, *index).await {
                Ok(host) => open.entry(host).or_default().push((*index, Vec::new())),
                Err(outcome) => outcomes.push((*index, outcome)),
            }
        }
        for (host, steps) in open {
            outcomes.extend(self.batch(&host, &steps).await);
        }
        outcomes
    }

    /// The host where it has something to do; else how it ended.
    async fn late_one(&self, host: &str, index: usize) -> Result<String, Outcome> {
        let resource = &self.planner.resources[index];
        // What runs once goes where the leader is now.
        let chosen = resource.once.and_then(|_| self.planner.host_of(resource, &lock(&self.observed)));
        let chosen = chosen.unwrap_or_else(|| host.to_owned());
        if let Some(because) = self.selection.refuses(resource, &chosen) {
            return Err(Outcome::Deferred { because });
        }
        if chosen != host {
            self.reread(&chosen, &[index]).await.map_err(|why| Outcome::Failed { why })?;
        }
        let assessment = self.judge(index, &chosen).map_err(|why| Outcome::Failed { why })?;
        match assessment.change {
            Change::None => Err(Outcome::Unchanged),
            Change::Refused(why) => Err(Outcome::Failed { why }),
            Change::Late(why) | Change::Unreadable(why) => {
                let why = format!("it still cannot be known after its predecessors are done: {why}");
                Err(Outcome::Failed { why })
            }
            _ => Ok(chosen),
        }
    }

    /// The first members of a group.
    pub(super) async fn form(&self, group: GroupName, indices: &[usize]) -> Vec<(usize, Outcome)> {
        if let Some(because) = self.too_few(group, indices.len()) {
            return indices
                .iter()
                .map(|index| (*index, Outcome::Skipped { because: because.clone() }))
                .collect();
        }
        let mut by_host: Vec<(String, Vec<usize>)> = Vec::new();
        for index in indices {
            let Some(host) = self.assessment(*index).map(|a| a.host) else { continue };
            match by_host.iter_mut().find(|(h, _)| *h == host) {
                Some((_, found)) => found.push(*index),
                None => by_host.push((host, vec![*index])),
            }
        }
        // In the inventory's order: the first node seeds, the NAS comes last.
        by_host.sort_by_key(|(_, indices)| indices.iter().min().copied());
        let mut outcomes = Vec::new();
        if group.formation() == Formation::Seeded && !by_host.is_empty() {
            let (host, first) = by_host.remove(0);
            let seeded = self.start(group, &host, &first).await;
            let failed = seeded.iter().any(|(_, outcome)| *outcome != Outcome::Changed);
            outcomes.extend(seeded);
            if failed {
                let because = self.planner.resources[first[0]].id.clone();
                let skipped = |index: &usize| (*index, Outcome::Skipped { because: because.clone() });
                outcomes.extend(by_host.iter().flat_map(|(_, rest)| rest.iter().map(skipped)));
                return outcomes;
            }
        }
        let rest = join_all(by_host.iter().map(|(host, indices)| self.start(group, host, indices)));
        outcomes.extend(rest.await.into_iter().flatten());
        outcomes
    }

    /// Members that start with data but never reach a majority could neither
    /// work nor be joined later.
    fn too_few(&self, group: GroupName, ready: usize) -> Option<String> {
        let member = |r: &&crate::expand::Resource| {
            r.group == Some(group) && r.rolling && r.makes_member() && matches!(r.kind, Kind::Unit(_))
        };
        let planned = self.planner.resources.iter().filter(member).count();
        let few = group.formation() == Formation::Together && ready * 2 <= planned;
        few.then(|| {
            format!(
                "{ready} of {planned} members of {} are ready to start, and a first start needs a majority",
                group.word()
            )
        })
    }

    /// Starts members on one host and waits until they do their part.
    pub(super) async fn start(
        &self,
        group: GroupName,
        host: &str,
        indices: &[usize],
    ) -> Vec<(usize, Outcome)> {
        let steps: Vec<(usize, Vec<usize>)> = indices.iter().map(|index| (*index, Vec::new())).collect();
        let mut outcomes = self.batch(host, &steps).await;
        for (index, outcome) in &mut outcomes {
            let resource = &self.planner.resources[*index];
            let left = matches!(resource.kind, Kind::Gone(_));
            if *outcome == Outcome::Changed
                && let Err(why) = self.await_member(group, host, resource.item.as_deref(), left).await
            {
                *outcome = Outcome::Failed { why };
            }
        }
        outcomes
    }

    /// The group's health: quorum, not every member.
    pub(super) async fn gate(&self, group: GroupName) -> Vec<(usize, Outcome)> {
        let what = format!("{} (the group)", group.word());
        match self.look_until(&what, group, |worker| group.healthy(&worker.view())).await {
            Ok(()) => vec![(0, Outcome::Unchanged)],
            Err(why) => {
                self.sink.event(Event::Note { text: why.clone() });
                vec![(0, Outcome::Failed { why })]
            }
        }
    }

    /// Where one `left`, the others must do without it.
    async fn await_member(
        &self,
        group: GroupName,
        host: &str,
        member: Option<&str>,
        left: bool,
    ) -> Result<(), String> {
        if left {
            let what = format!("{} without {}", group.word(), member.unwrap_or(host));
            return self.look_until(&what, group, |worker| group.healthy(&worker.view())).await;
        }
        let what = format!("{} on {host}", member.unwrap_or(group.word()));
        self.look_until(&what, group, |worker| group.member_healthy(host, member, &worker.view())).await
    }

    /// Reads every member of every group again.
    pub(super) async fn look(&self) {
        let gathered = probe_all(&self.links.probers(), &self.group_needs, &()).await;
        lock(&self.observed).renew(gathered.ok, &gathered.failed, now());
    }

    pub(super) async fn look_until(
        &self,
        what: &str,
        group: GroupName,
        healthy: impl Fn(&Self) -> bool + Send,
    ) -> Result<(), String> {
        let started = Instant::now();
        let patience = Duration::from_secs(group.patience());
        let mut passed = 0;
        loop {
            self.look().await;
            passed = if healthy(self) { passed + 1 } else { 0 };
            if passed >= LOOKS {
                self.sink.event(Event::Healthy { what: what.to_owned(), millis: millis(started.elapsed()) });
                return Ok(());
            }
            let seen = self.seen(group);
            if started.elapsed() > patience {
                return Err(format!("{what} was not healthy after {} s: {seen}", patience.as_secs()));
            }
            self.sink.event(Event::Waiting { what: what.to_owned(), seen });
            tokio::time::sleep(LOOK).await;
        }
    }

    fn seen(&self, group: GroupName) -> String {
        let view = self.view();
        match group {
            GroupName::Etcd => {
                let leader = view.etcd.leader.as_deref().unwrap_or("none");
                let (healthy, members) = (view.etcd.healthy.len(), view.etcd.members.len());
                format!("{healthy} of {members} members healthy, leader {leader}")
            }
            GroupName::Patroni => {
                let rows = view.patroni.members.iter().map(|m| format!("{} {} {}", m.name, m.role, m.state));
                let rows = rows.collect::<Vec<_>>().join(", ");
                if rows.is_empty() { "no member answers yet".to_owned() } else { rows }
            }
        }
    }
}
