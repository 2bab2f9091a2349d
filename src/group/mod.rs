//! Owns the quorum groups: a closed list, each a set of pure functions over the
//! view. Must not know how a gate is run.

mod course;
mod etcd;
mod patroni;

use serde::{Deserialize, Serialize};

pub use course::{Move, course, expect};
pub use patroni::{Waiting, waiting};

use crate::facts::view::View;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupName {
    Etcd,
    Patroni,
}

/// How members start while none holds data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Formation {
    /// All at once: a lone one never becomes healthy.
    Together,
    /// The preferred one first, then the others at once.
    Seeded,
}

/// Leadership that goes from one member to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handover {
    /// What the group's manual calls it.
    pub word: &'static str,
    /// Names of members.
    pub from: String,
    pub to: String,
    /// What `to` is called where the leader is asked for it.
    pub to_id: String,
}

impl GroupName {
    pub fn word(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::Patroni => "patroni",
        }
    }

    /// Some member holds data: from now on one at a time.
    pub fn formed(self, view: &View) -> bool {
        match self {
            Self::Etcd => view.etcd.formed,
            Self::Patroni => view.patroni.formed,
        }
    }

    pub fn formation(self) -> Formation {
        match self {
            Self::Etcd => Formation::Together,
            Self::Patroni => Formation::Seeded,
        }
    }

    /// The group as a whole does its work: quorum, not every member.
    pub fn healthy(self, view: &View) -> bool {
        match self {
            Self::Etcd => etcd::healthy(view),
            Self::Patroni => patroni::healthy(view),
        }
    }

    /// The member on `host` does its part.
    /// A host of etcd may carry several: `member` names one of them.
    pub fn member_healthy(self, host: &str, member: Option<&str>, view: &View) -> bool {
        match self {
            Self::Etcd => etcd::member_healthy(host, member, view),
            Self::Patroni => view.patroni.well(host),
        }
    }

    /// Votes that may be lost before the group stops; `None` where no votes count.
    pub fn margin(self, view: &View) -> Option<isize> {
        match self {
            Self::Etcd => Some(view.etcd.margin()),
            Self::Patroni => None,
        }
    }

    /// Name of the member that leads.
    pub fn leader(self, view: &View) -> Option<String> {
        match self {
            Self::Etcd => view.etcd.leader.clone(),
            Self::Patroni => view.patroni.leader().map(str::to_owned),
        }
    }

    /// The host of the member that leads.
    pub fn leader_host(self, view: &View) -> Option<String> {
        match self {
            Self::Etcd => etcd::leader_host(view),
            Self::Patroni => view.patroni.leader_host().map(str::to_owned),
        }
    }

    /// Hosts in the order they are disturbed: the leader last, but for those who
    /// can only follow it.
    pub fn order(self, mut hosts: Vec<String>, view: &View) -> Vec<String> {
        let leader = self.leader_host(view);
        hosts.sort_by_key(|host| (self.waits_for_leader(host, view), Some(host) == leader.as_ref()));
        hosts
    }

    /// Disturbing the member on `host` is of no use before the leader was.
    pub fn waits_for_leader(self, host: &str, view: &View) -> bool {
        match self {
            Self::Etcd => false,
            Self::Patroni => patroni::waits_for_leader(host, view),
        }
    }

    /// Who leads instead before the member on `host` is disturbed; `None` where
    /// that is not needed, an error where nobody can.
    pub fn hands_over(
        self,
        host: &str,
        member: Option<&str>,
        view: &View,
    ) -> Result<Option<Handover>, String> {
        match self {
            Self::Etcd => etcd::hands_over(host, member, view),
            Self::Patroni => patroni::hands_over(host, view),
        }
    }

    /// Why disturbing the members on `host` now would do harm; `None` where it would not.
    pub fn refuses(self, host: &str, member: Option<&str>, view: &View) -> Option<String> {
        match self {
            Self::Etcd => etcd::refuses(host, member, view),
            Self::Patroni => patroni::refuses(host, view),
        }
    }

    /// Seconds a member may take to become healthy after a start.
    pub fn patience(self) -> u64 {
        match self {
            // An election takes 2 s, a snapshot from the leader a few more.
            Self::Etcd => 60,
            // A base backup comes first; measured 10 s for an empty database.
            Self::Patroni => 600,
        }
    }
}
