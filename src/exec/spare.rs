//! Owns whether a host may be missed for a moment: by every group that has members
//! there, as they are right before. Must not know what is done to the host.

use std::time::{Duration, Instant};

use super::disturb::FIT_SECONDS;
use super::event::{Event, Outcome};
use super::rolling::LOOK;
use super::serial::disrupts;
use super::work::Worker;
use crate::facts::view::View;
use crate::group::GroupName;
use crate::resource::Kind;

impl Worker<'_> {
    /// Of these steps those that may take the host's members down, where some group
    /// cannot do without them. What a group itself orders is judged by that group.
    /// What is confirmed or taken back may go on where a group has no member to spare:
    /// open connections outlive it, and a host that is to help has to be let in.
    pub(super) async fn unspared(&self, host: &str, steps: &[(usize, Vec<usize>)]) -> Vec<(usize, Outcome)> {
        let risky = |index: &usize| {
            let resource = &self.planner.resources[*index];
            !resource.rolling && self.assessment(*index).is_some_and(|a| disrupts(resource, &a))
        };
        let risky: Vec<usize> = steps.iter().map(|(index, _)| *index).filter(risky).collect();
        if risky.is_empty() {
            return Vec::new();
        }
        let confirmed = risky.iter().all(|index| self.planner.resources[*index].confirm);
        match self.spare(host, confirmed).await {
            Ok(()) => Vec::new(),
            Err(why) => {
                risky.into_iter().map(|index| (index, Outcome::Failed { why: why.clone() })).collect()
            }
        }
    }

    /// Reads until every group can do without the host, or at least has nobody else
    /// who fell since the run began.
    async fn spare(&self, host: &str, confirmed: bool) -> Result<(), String> {
        let formed = |group: &GroupName| group.formed(&self.view());
        if !GroupName::ALL.iter().any(formed) {
            return Ok(());
        }
        let deadline = Instant::now() + Duration::from_secs(FIT_SECONDS);
        loop {
            self.look().await;
            let view = self.view();
            let needed = |group: &GroupName| {
                let misses = group.misses(host, &view).filter(|_| !confirmed);
                misses.or_else(|| self.fell(*group, host, &view)).map(|why| (*group, why))
            };
            let Some((group, why)) = GroupName::ALL.iter().filter(|g| formed(g)).find_map(needed) else {
                return Ok(());
            };
            if Instant::now() > deadline {
                return Err(why);
            }
            self.sink.event(Event::Waiting { what: format!("{host} {}", group.word()), seen: why });
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Members elsewhere that were well when the run began, and are not now. Those
    /// that were away before may stay away.
    pub(super) fn fell(&self, group: GroupName, host: &str, view: &View) -> Option<String> {
        let leaves = |other: &str| {
            let gone = |r: &&crate::expand::Resource| {
                r.group == Some(group) && matches!(r.kind, Kind::Gone(_)) && r.host() == Some(other)
            };
            self.planner.resources.iter().any(|r| gone(&r))
        };
        let fell = group.fell(&self.began, view).into_iter();
        let names: Vec<String> =
            fell.filter(|(other, _)| other != host && !leaves(other)).map(|(_, member)| member).collect();
        (!names.is_empty()).then(|| {
            format!(
                "{} of {} did its part when this run began and does not now",
                names.join(", "),
                group.word()
            )
        })
    }
}
