//! Owns what Patroni's members mean to each other. Must not know etcd.

use crate::facts::view::View;

/// A leader runs, and where there are others at least one streams from it.
pub(super) fn healthy(view: &View) -> bool {
    let Some(leader) = view.patroni.leader_host() else { return false };
    let streaming = view.patroni.own.keys().filter(|host| view.patroni.well(host)).count();
    view.patroni.well(leader) && (streaming > 1 || view.patroni.members.len() < 2)
}

/// The leader is disturbed only when somebody can take over.
pub(super) fn refuses(host: &str, view: &View) -> Option<String> {
    let leader = view.patroni.leader_host();
    let others = view.patroni.own.keys().filter(|other| *other != host && view.patroni.well(other)).count();
    (leader == Some(host) && view.patroni.members.len() > 1 && others == 0)
        .then(|| "no replica streams, so nobody could take over from this leader".to_owned())
}
