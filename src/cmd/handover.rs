//! Owns what a machine that leaves runs and leads, and who takes that over. Must
//! not know how it is stopped.

use std::time::Duration;

use petgraph::graph::NodeIndex;

use super::apply;
use super::node_remove::Leaving;
use super::world::World;
use crate::error::{Failure, Reason};
use crate::exec::{Retirement, now, probe_all};
use crate::expand::{Resource, needs};
use crate::facts::{Facts, Needs};
use crate::graph::Node;
use crate::group::{GroupName, Handover};
use crate::resource::{Kind, Script};

/// PostgreSQL first: etcd then finds a leader that does not lead both.
pub(super) const GROUPS: [GroupName; 2] = [GroupName::Patroni, GroupName::Etcd];

/// Between two looks, and how many there are: a switchover takes about 3 s.
const LOOK: Duration = Duration::from_millis(500);
const LOOKS: u32 = 120;

/// What runs its members, the last one started first. Of a machine that is no longer in the file: what another
/// one has, under its name and address.
pub(super) fn members(world: &World, name: &str, address: Option<&str>) -> Vec<Resource> {
    let known = world.hosts.iter().find(|host| host.name == name);
    let Some(like) = known.or_else(|| world.hosts.iter().find(|host| !host.is_nas)) else {
        return Vec::new();
    };
    let here = |resource: &&Resource| resource.group.is_some() && resource.host() == Some(&like.name);
    let own = |resource: &Resource| {
        let mut own = resource.clone();
        if known.is_none() {
            own.kind = renamed(&own.kind, &[(&like.name, name), (&like.address.to_string(), address?)])?;
            own.hosts = vec![name.to_owned()];
        }
        Some(own)
    };
    let resource = |node: &NodeIndex| match world.graph.dag[*node] {
        Node::Resource(index) => Some(&world.resources[index]),
        _ => None,
    };
    let of_host = world.graph.order.iter().rev().filter_map(resource).filter(here);
    of_host.filter(|r| !matches!(&r.kind, Kind::Unit(unit) if unit.masked)).filter_map(own).collect()
}

/// The same with other names in it.
fn renamed(kind: &Kind, names: &[(&String, &str)]) -> Option<Kind> {
    let text = serde_json::to_string(kind).ok()?;
    let text = names.iter().fold(text, |text, (from, to)| text.replace(from.as_str(), to));
    serde_json::from_str(&text).ok()
}

/// What its members are asked.
pub(super) fn member_needs(members: &[Resource]) -> Needs {
    let all = needs(members).into_values().next().unwrap_or_default();
    Needs { etcd: all.etcd, patroni: all.patroni, ..Needs::default() }
}

impl Leaving<'_> {
    /// Who takes over what it leads in `group`; an error where nobody can.
    pub(super) fn handover(&self, group: GroupName) -> Result<Option<Handover>, String> {
        group.hands_over(self.name, None, &self.observed.view)
    }

    /// Another one leads in both groups when this ends.
    pub(super) async fn hand_over(&mut self, world: &World, retirement: &Retirement) -> Result<(), Failure> {
        for group in GROUPS {
            let refused = |why: String| self.refusal(&why);
            let Some(handover) = self.handover(group).map_err(refused)? else { continue };
            let script = self.script(world, group, &handover)?;
            retirement.hand_over(&script).await.map_err(apply::failure)?;
            self.await_leader(group, &handover).await?;
        }
        Ok(())
    }

    /// Some step of the group knows how its leadership is handed over.
    fn script(&self, world: &World, group: GroupName, handover: &Handover) -> Result<Script, Failure> {
        let nothing = Facts::default();
        let facts = self.observed.facts.get(self.name).unwrap_or(&nothing);
        let of = |resource: &Resource| {
            let kind = resource.resolve(&world.renderer, world.secrets.as_deref(), facts, now()).ok()?;
            let leads = !matches!(&kind, Kind::EtcdMember(member) if member.name != handover.from);
            kind.manage().hand_over(&handover.from, &handover.to_id).filter(|_| leads)
        };
        let found = self.members.iter().filter(|resource| resource.group == Some(group)).find_map(of);
        found.ok_or_else(|| {
            let message = format!("no {} without the cluster's secrets", handover.word);
            Failure::new(Reason::Secrets, message)
                .hint("copy the secrets file from where the cluster was made")
        })
    }

    async fn await_leader(&mut self, group: GroupName, handover: &Handover) -> Result<(), Failure> {
        for _ in 0..LOOKS {
            self.look_again().await;
            let view = &self.observed.view;
            if group.leader(view).as_ref() == Some(&handover.to) && group.healthy(view) {
                return Ok(());
            }
            tokio::time::sleep(LOOK).await;
        }
        Err(self.refusal(&format!(
            "{} does not lead {} after the {}",
            handover.to,
            group.word(),
            handover.word
        )))
    }

    async fn look_again(&mut self) {
        let probed = probe_all(&super::reach::handles(&self.reached).ok, &self.needs, &()).await;
        self.observed.renew(probed.ok, &probed.failed, now());
    }

    pub(super) fn refusal(&self, why: &str) -> Failure {
        Failure::new(Reason::Unsafe, format!("{} cannot be stopped now: {why}", self.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cmd::tests::load;

    /// What is stopped, and where its etcd is asked.
    fn told(name: &str, address: Option<&str>) -> (Vec<String>, Vec<String>) {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/inventories/lab.toml");
        let members = members(&load(file.into()), name, address);
        let unit = |resource: &Resource| match &resource.kind {
            Kind::Unit(unit) => Some(unit.full_name()),
            _ => None,
        };
        let urls =
            member_needs(&members).etcd.into_iter().map(|(name, at)| format!("{name} {}", at.client_url));
        (members.iter().filter_map(unit).collect(), urls.collect())
    }

    #[test]
    fn a_machine_that_is_no_longer_in_the_file_is_like_another_under_its_own_name() {
        let both = |units: [&str; 3], url: &str| (units.map(str::to_owned).to_vec(), vec![url.to_owned()]);
        let known = both(
            ["keepalived.service", "patroni.service", "etcd-patroni@node2.service"],
            "node2 https://192.168.15.102:2479",
        );
        assert_eq!(told("node2", None), known);
        let stranger = both(
            ["keepalived.service", "patroni.service", "etcd-patroni@node9.service"],
            "node9 https://192.168.15.109:2479",
        );
        assert_eq!(told("node9", Some("192.168.15.109")), stranger);
    }
}
