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
    pub const ALL: [Self; 2] = [Self::Etcd, Self::Patroni];

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

    /// Why the group cannot do without all of `host` now; `None` where it can.
    pub fn misses(self, host: &str, view: &View) -> Option<String> {
        match self {
            Self::Etcd => etcd::misses(host, view),
            Self::Patroni => patroni::refuses(host, view),
        }
    }

    /// Hosts and names of members that did their part `before` and do not now. One
    /// that is no member any more is none of them.
    pub fn fell(self, before: &View, now: &View) -> Vec<(String, String)> {
        match self {
            Self::Etcd => etcd::fell(before, now),
            Self::Patroni => patroni::fell(before, now),
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::facts::EtcdRow;

    fn view(healthy: &[&str], streaming: &[&str]) -> View {
        let mut view = View::default();
        for host in ["a", "b", "c"] {
            view.etcd.hosts.insert(host.to_owned(), host.to_owned());
            let (id, name) = (host.to_owned(), host.to_owned());
            view.etcd.members.push(EtcdRow { id, name, peer_urls: Vec::new(), learner: false });
            let state = if streaming.contains(&host) { "streaming" } else { "starting" };
            let own =
                json!({ "state": "running", "role": "replica", "timeline": 1, "replication_state": state });
            view.patroni.own.insert(host.to_owned(), own);
        }
        view.etcd.healthy = healthy.iter().map(|name| (*name).to_owned()).collect();
        view
    }

    #[test]
    fn who_fell_did_its_part_before_and_is_still_a_member() {
        let before = view(&["a", "b"], &["a", "c"]);
        let mut now = view(&["a", "c"], &["a"]);
        let one = |host: &str| vec![(host.to_owned(), host.to_owned())];
        assert_eq!(GroupName::Etcd.fell(&before, &now), one("b"));
        assert_eq!(GroupName::Patroni.fell(&before, &now), one("c"));
        now.etcd.members.retain(|row| row.name != "b");
        assert_eq!(GroupName::Etcd.fell(&before, &now), [], "it was taken out");
        assert_eq!(GroupName::Etcd.fell(&now, &now), []);
    }
}
