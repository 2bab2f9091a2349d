//! Owns the plan: every difference between resources and facts, in order, with
//! its reason. Pure. Must not know how anything is carried out.

mod assess;
mod away;
mod cause;
mod effects;
mod foreign;
mod lint;
mod leaving;
mod outdated;
mod restarts;
mod saved;
mod selection;
mod split;
mod systems;
mod updates;
mod verdict;
mod walk;

use std::collections::BTreeMap;

pub use assess::{Assessment, Observed, Planner};
pub use away::{Absence, Away};
pub use cause::{Cause, cause, moved, reason};
pub use effects::effects;
pub use foreign::Foreign;
pub use outdated::Outdated;
pub use saved::{Allowed, Basis, Parts, Saved, SavedChange, Stale};
pub use selection::{Selection, Unknown, Wish};
pub use split::LeftOut;
pub use systems::Systems;
pub use verdict::{Verdict, verdict};

use crate::facts::Needs;
use crate::resource::Change;

/// What a run would do.
#[derive(Debug, Default)]
pub struct Plan {
    /// One per resource that could be judged, in the graph's order; converged
    /// ones too, because the ledger records them.
    pub assessments: Vec<Assessment>,
    /// Resources on hosts that do not answer, with the reason.
    pub deferred: BTreeMap<String, String>,
    /// What it does to the cluster, a sentence each.
    pub effects: Vec<String>,
}

impl Plan {
    /// The assessments that are no `Change::None`.
    pub fn changes(&self) -> impl Iterator<Item = &Assessment> {
        self.assessments.iter().filter(|a| !a.change.is_none())
    }

    /// What lies in the way and is not hacluster's.
    pub fn in_the_way(&self) -> impl Iterator<Item = &Assessment> {
        self.assessments.iter().filter(|a| a.foreign == Foreign::InTheWay)
    }

    /// What must be asked about what lies in the way: a package may have brought it.
    pub fn whose(&self) -> BTreeMap<String, Needs> {
        let mut needs: BTreeMap<String, Needs> = BTreeMap::new();
        for assessment in self.assessments.iter().filter(|a| a.foreign != Foreign::No) {
            let path = foreign::target(&assessment.kind).map(|(path, _)| path.to_owned());
            needs.entry(assessment.host.clone()).or_default().shipped.extend(path);
        }
        needs
    }

    /// What nothing asks for and stays all the same: host, kind and name, why.
    pub fn stays(&self) -> impl Iterator<Item = (&str, String, &str)> {
        self.assessments.iter().filter_map(|a| {
            let inside = a.id.starts_with("cluster/");
            let place = if inside { "PostgreSQL" } else { &*a.host };
            Some((place, a.kind.label(), a.stays.as_deref()?))
        })
    }

    pub fn is_empty(&self) -> bool {
        self.changes().next().is_none()
    }

    /// The changes but for those that are left out.
    pub fn chosen<'a>(&'a self, left_out: &'a LeftOut) -> impl Iterator<Item = &'a Assessment> {
        self.changes().filter(|a| !left_out.contains_key(&a.index))
    }

    /// A resource whose change is another one in `newer`. One whose host does not
    /// answer any more is deferred there, and that is all.
    pub fn moved(&self, newer: &Self) -> Option<String> {
        let by_id = |plan: &Self| -> BTreeMap<String, Change> {
            plan.changes().map(|a| (a.id.clone(), a.change.clone())).collect()
        };
        let (old, new) = (by_id(self), by_id(newer));
        let known = |id: &&String| !newer.deferred.contains_key(*id);
        old.keys().chain(new.keys()).filter(known).find(|id| old.get(*id) != new.get(*id)).cloned()
    }

    /// To add, to change, to remove, and known only later.
    pub fn counts(&self) -> [usize; 4] {
        let mut counts = [0; 4];
        for assessment in self.changes() {
            let slot = match assessment.change {
                Change::Forget(_) => continue,
                Change::Create(_) => 0,
                Change::Update(_) | Change::Unreadable(_) | Change::Refused(_) | Change::None => 1,
                Change::Remove => 2,
                Change::Late(_) => 3,
            };
            counts[slot] += 1;
        }
        counts
    }
}
