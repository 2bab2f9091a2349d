//! Owns a worker that only pretends: it drives a schedule to its end in a
//! chosen order and checks the rules at every start. Must not know a host.

use std::collections::{BTreeMap, BTreeSet};

use super::World;
use crate::exec::event::Outcome;
use crate::exec::schedule::Schedule;
use crate::exec::task::{State, Task, Work};
use crate::facts::view::View;
use crate::facts::{EtcdRow, view};
use crate::group::GroupName;

/// The same throws for the same seed.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    /// A number below `sides` (xorshift64*, Vigna 2014).
    pub(super) fn below(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let thrown = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(thrown).unwrap() % sides
    }
}

pub(super) struct Sim<'a> {
    world: &'a World,
    pub(super) schedule: Schedule<'a>,
    pub(super) view: View,
    pub(super) dice: Dice,
    /// Work in the order of its start.
    pub(super) log: Vec<Work>,
    /// How each resource ended, once.
    pub(super) ended: BTreeMap<usize, Outcome>,
    /// Resources whose script fails, and gates that never open.
    pub(super) fails: BTreeSet<usize>,
    pub(super) shut: Option<GroupName>,
    running: Vec<Work>,
}

/// Every resource has something to do.
pub(super) fn all(world: &World) -> BTreeMap<usize, Task> {
    let task = |(index, resource): (usize, &crate::expand::Resource)| {
        (
            index,
            Task {
                host: resource.hosts[0].clone(),
                changes: true,
                unknown: false,
                serial: false,
                disturbs: false,
                disrupts: false,
            },
        )
    };
    world.resources.iter().enumerate().map(task).collect()
}

impl<'a> Sim<'a> {
    pub(super) fn new(
        world: &'a World,
        tasks: BTreeMap<usize, Task>,
        deferred: &BTreeMap<usize, String>,
        seed: u64,
    ) -> Self {
        Self {
            world,
            schedule: Schedule::new(&world.graph, &world.resources, tasks, deferred),
            view: View::default(),
            dice: Dice(seed | 1),
            log: Vec::new(),
            ended: BTreeMap::new(),
            fails: BTreeSet::new(),
            shut: None,
            running: Vec::new(),
        }
    }

    /// Until nothing runs any more.
    pub(super) fn drive(mut self) -> Self {
        loop {
            for (index, outcome) in self.schedule.settle() {
                self.note(index, outcome);
            }
            while let Some(work) = self.schedule.next(&self.view) {
                self.check(&work);
                self.log.push(work.clone());
                self.running.push(work);
            }
            if self.running.is_empty() {
                break;
            }
            let next = self.dice.below(self.running.len());
            let work = self.running.swap_remove(next);
            let outcomes = self.perform(&work);
            for (index, outcome) in outcomes.iter().filter(|_| !matches!(work, Work::Gate { .. })) {
                self.note(*index, outcome.clone());
            }
            self.schedule.end(&work, &outcomes);
        }
        let open = |state: &&State| !state.ended();
        assert_eq!(self.schedule.states.iter().filter(open).count(), 0, "something never ended");
        self
    }

    fn note(&mut self, index: usize, outcome: Outcome) {
        let twice = self.ended.insert(index, outcome);
        assert_eq!(twice, None, "{} ended twice", self.world.id(index));
    }

    fn perform(&mut self, work: &Work) -> Vec<(usize, Outcome)> {
        let mut outcomes: Vec<(usize, Outcome)> = Vec::new();
        let failed = || Outcome::Failed { why: "as told".to_owned() };
        let steps = match work {
            Work::Gate { group, .. } => {
                let outcome = if self.shut == Some(*group) { failed() } else { Outcome::Unchanged };
                return vec![(0, outcome)];
            }
            Work::Batch { steps, .. } => steps.clone(),
            _ => steps_of(work).into_iter().map(|step| (step, Vec::new())).collect(),
        };
        for (index, requires) in steps {
            let broken = |required: &&usize| {
                outcomes.iter().any(|(other, outcome)| other == *required && *outcome != Outcome::Changed)
            };
            let outcome = match requires.iter().find(broken) {
                Some(broken) => Outcome::Skipped { because: self.world.id(*broken).to_owned() },
                None if self.fails.contains(&index) => failed(),
                None => Outcome::Changed,
            };
            outcomes.push((index, outcome));
        }
        if let Work::Form { group, .. } = work
            && outcomes.iter().any(|(_, outcome)| *outcome == Outcome::Changed)
        {
            form(&mut self.view, self.world, *group, "node1");
        }
        outcomes
    }

    /// The rules that hold at every start.
    fn check(&self, work: &Work) {
        let busy: BTreeSet<String> = self.running.iter().flat_map(|work| self.hosts(work)).collect();
        for host in self.hosts(work) {
            assert!(!busy.contains(&host), "{host} already runs something when {work:?} starts");
        }
        let rolls = |work: &Work| matches!(work, Work::Roll { .. } | Work::Form { .. });
        assert!(
            !rolls(work) || !self.running.iter().any(rolls),
            "two groups are disturbed at once: {work:?}"
        );
        let disrupts = |work: &Work| {
            let alone = |step: usize| self.schedule.tasks.get(&step).is_some_and(|task| task.disrupts);
            matches!(work, Work::Roll { .. }) || steps_of(work).into_iter().any(alone)
        };
        let formed = GroupName::ALL.into_iter().any(|group| group.formed(&self.view));
        assert!(
            !formed || !disrupts(work) || !self.running.iter().any(disrupts),
            "two hosts may lose their members at once: {work:?} beside {:?}",
            self.running
        );
        self.check_limits(work);
        let mut done = Vec::new();
        for step in steps_of(work) {
            for before in self.world.before(step) {
                let succeeded =
                    matches!(self.ended.get(&before), Some(Outcome::Changed | Outcome::Unchanged));
                let inside = matches!(work, Work::Batch { .. }) && done.contains(&before);
                let (step, before) = (self.world.id(step), self.world.id(before));
                assert!(succeeded || inside, "{step} starts before {before} succeeded");
            }
            done.push(step);
        }
    }

    /// Never more at once than was said; a group is formed as a whole.
    fn check_limits(&self, work: &Work) {
        let hosts = |of: &dyn Fn(usize) -> bool| -> BTreeSet<String> {
            let steps = self.running.iter().chain([work]).flat_map(steps_of).filter(|step| of(*step));
            steps.map(|step| self.world.resources[step].hosts[0].clone()).collect()
        };
        let parallelism = &self.schedule.parallelism;
        let forms = self.running.iter().chain([work]).any(|work| matches!(work, Work::Form { .. }));
        assert!(forms || hosts(&|_| true).len() <= parallelism.hosts, "too many hosts at once: {work:?}");
        for (name, most) in &parallelism.named {
            let named = |step: usize| self.world.resources[step].limit.as_ref() == Some(name);
            assert!(hosts(&named).len() <= *most, "more than {most} at {name}: {work:?}");
        }
    }

    pub(super) fn hosts(&self, work: &Work) -> BTreeSet<String> {
        if let Work::Batch { host, .. } | Work::Late { host, .. } = work {
            return [host.clone()].into();
        }
        steps_of(work).iter().map(|step| self.world.resources[*step].hosts[0].clone()).collect()
    }
}

/// The resources of a piece of work, in their order.
pub(super) fn steps_of(work: &Work) -> Vec<usize> {
    match work {
        Work::Batch { steps, .. } => steps.iter().map(|(step, _)| *step).collect(),
        Work::Late { steps, .. } | Work::Form { steps, .. } => steps.clone(),
        Work::Roll { step, .. } => vec![*step],
        Work::Gate { .. } => Vec::new(),
    }
}

/// The view of a group whose members all do their part, led from `leader`.
pub(super) fn form(view: &mut View, world: &World, group: GroupName, leader: &str) {
    let members = world.members();
    match group {
        GroupName::Etcd => {
            let row = |name: &String| EtcdRow {
                id: name.clone(),
                name: name.clone(),
                peer_urls: Vec::new(),
                learner: false,
            };
            view.etcd.formed = true;
            view.etcd.members = members.keys().map(row).collect();
            view.etcd.healthy = members.keys().cloned().collect();
            view.etcd.leader = members.iter().find(|(_, host)| *host == leader).map(|(name, _)| name.clone());
            view.etcd.hosts = members;
        }
        GroupName::Patroni => {
            view.patroni.formed = true;
            view.patroni.members = vec![view::PatroniRow {
                name: leader.to_owned(),
                role: "leader".to_owned(),
                state: "running".to_owned(),
                ..view::PatroniRow::default()
            }];
        }
    }
}
