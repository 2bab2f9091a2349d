//! Owns disturbing one member of a formed group: the group is fit, leadership is
//! elsewhere, the change is made, the member is healthy again. Each time by what
//! was read right before. Must not know what a member's change is.

use std::time::{Duration, Instant};

use super::batch::Step;
use super::event::{Event, Outcome};
use super::journal::{self, Record};
use super::rolling::LOOK;
use super::second::differs;
use super::summary::now;
use super::work::{Worker, lock, tail};
use crate::group::{GroupName, Handover};
use crate::plan::Assessment;
use crate::resource::Script;

/// Seconds a group may take to be fit for disturbing one of its members.
pub(super) const FIT_SECONDS: u64 = 60;

impl Worker<'_> {
    /// One member of a formed group. No outcome where it goes back in line.
    pub(super) async fn roll(&self, group: GroupName, index: usize) -> Vec<(usize, Outcome)> {
        let Some(host) = self.assessment(index).map(|a| a.host) else { return Vec::new() };
        match self.disturb(group, index, &host).await {
            Ok(outcomes) => outcomes,
            Err(why) => vec![(index, Outcome::Failed { why })],
        }
    }

    async fn disturb(
        &self,
        group: GroupName,
        index: usize,
        host: &str,
    ) -> Result<Vec<(usize, Outcome)>, String> {
        if self.fit(group, index, host).await?.change.is_none() {
            return Ok(vec![(index, Outcome::Unchanged)]);
        }
        if group.waits_for_leader(host, &self.view()) {
            let because = "only the leader's restart makes room for it, and that was not done".to_owned();
            return Ok(vec![(index, Outcome::Deferred { because })]);
        }
        let handed = self.clear(group, index, host).await?;
        // Its own start as a follower may have been all that it needed.
        if handed && self.fit(group, index, host).await?.change.is_none() {
            return Ok(vec![(index, Outcome::Changed)]);
        }
        let outcomes = self.start(group, host, &[index]).await;
        self.broke(host, &outcomes);
        // It did what it could: the rest follows the leader.
        let again = group.waits_for_leader(host, &self.view());
        Ok(if again { Vec::new() } else { outcomes })
    }

    /// Reads until nothing speaks against disturbing the member; then, what it
    /// has to do.
    async fn fit(&self, group: GroupName, index: usize, host: &str) -> Result<Assessment, String> {
        let member = self.planner.resources[index].item.as_deref();
        let deadline = Instant::now() + Duration::from_secs(FIT_SECONDS);
        loop {
            self.reread(host, &[index]).await?;
            let assessment = self.judge(index, host)?;
            let (view, disturbs) = (self.view(), self.takes_lead(index, &assessment));
            let nobody_leads = || group.hands_over(host, member, &view).err().filter(|_| disturbs);
            let fell = || self.fell(group, host, &view);
            let why = match group.refuses(host, member, &view).or_else(fell).or_else(nobody_leads) {
                _ if assessment.change.is_none() => return Ok(assessment),
                Some(why) => why,
                None if assessment.change.held().is_some() => {
                    return Err(differs(&assessment));
                }
                None => return Ok(assessment),
            };
            if Instant::now() > deadline {
                return Err(why);
            }
            self.sink.event(Event::Waiting { what: format!("{host} {}", group.word()), seen: why });
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Whoever leads cannot while this is done.
    fn takes_lead(&self, index: usize, assessment: &Assessment) -> bool {
        !self.planner.resources[index].guest && assessment.kind.disturbs(&assessment.change)
    }

    /// Sees to it that somebody else leads; whether that had to be changed.
    async fn clear(&self, group: GroupName, index: usize, host: &str) -> Result<bool, String> {
        let member = self.planner.resources[index].item.as_deref();
        let disturbs = self.assessment(index).is_some_and(|a| self.takes_lead(index, &a));
        let Some(handover) = group.hands_over(host, member, &self.view())?.filter(|_| disturbs) else {
            return Ok(false);
        };
        let script = self.hand_over_script(index, host, &handover)?;
        let Handover { word, from, to, .. } = &handover;
        let id = format!("cluster/{word}:{from} to {to}");
        self.sink.event(Event::Note { text: format!("{word}: {from} hands over to {to}") });
        let step = Step { ids: vec![id.clone()], script, requires: Vec::new(), owes: Vec::new() };
        let receipts = self.send(host, &[step]).await?;
        let status = receipts.first().and_then(|receipt| receipt.status);
        let outcome = match (status, receipts.first()) {
            (Some(0), _) => Outcome::Changed,
            (status, receipt) => Outcome::Failed { why: tail(receipt, status) },
        };
        self.record(&Record::StepEnded { id, outcome: journal::word(&outcome).to_owned(), time: now() });
        if let Outcome::Failed { why } = outcome {
            return Err(format!("the {word} from {from} to {to} failed: {why}"));
        }
        let what = format!("{to}, which leads {} now,", group.word());
        let leads = |view: &crate::facts::view::View| group.leader(view).as_ref() == Some(to);
        self.look_until(&what, group, |worker| {
            let view = worker.view();
            leads(&view) && group.healthy(&view) && group.member_healthy(host, member, &view)
        })
        .await?;
        Ok(true)
    }

    /// Some resource of the same member knows how its leadership is handed over.
    fn hand_over_script(&self, index: usize, host: &str, handover: &Handover) -> Result<Script, String> {
        let disturbed = &self.planner.resources[index];
        let same = |r: &crate::expand::Resource| {
            r.group == disturbed.group && r.item == disturbed.item && r.host() == Some(host)
        };
        let of = |other: usize| {
            let assessment = self.planner.assess(other, host, &lock(&self.observed)).ok()?;
            assessment.kind.manage().hand_over(&handover.from, &handover.to_id)
        };
        let mut others = self.planner.resources.iter().enumerate().filter(|(_, r)| same(r));
        let script = others.find_map(|(other, _)| of(other));
        script.ok_or_else(|| format!("no step of {host} knows how to do the {}", handover.word))
    }
}
