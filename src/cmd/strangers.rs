//! Owns the look around before the address that moves is taken: whether somebody
//! else has it or its VRRP id. Asks hosts read-only. Must not know how they look.

use std::collections::{BTreeMap, BTreeSet};

use super::world::World;
use crate::exec::{Event, Gathered, Sink, probe_all};
use crate::facts::{Fact, Facts, LanFact, LanNeeds, Needs};
use crate::inventory::Host;
use crate::plan::{Assessment, Observed};
use crate::transport::Prober;

/// Whoever has this role takes the address.
const ROLE: &str = "keepalived";

/// What was found, sentences.
#[derive(Debug, Default)]
pub(super) struct Strangers {
    /// What stands against any change.
    pub(super) refusals: Vec<String>,
    /// What could not be looked at.
    pub(super) remarks: Vec<String>,
}

/// Looks for seconds, and only where an address is to be taken that none of ours
/// has yet.
pub(super) async fn look<'a>(
    world: &World,
    observed: &Observed,
    chosen: impl Iterator<Item = &'a Assessment>,
    reached: &Gathered<Prober>,
    sink: &dyn Sink,
) -> Strangers {
    let Some(address) = taken(world, observed, chosen) else { return Strangers::default() };
    let needs = needs(world, observed, &address);
    sink.event(Event::Waiting { what: "the network".to_owned(), seen: format!("who has {address}?") });
    let probed = probe_all(&reached.ok, &needs, &()).await;
    judge(world, &address, &probed.ok)
}

/// The address that would come to a host of ours and is on none.
fn taken<'a>(
    world: &World,
    observed: &Observed,
    mut chosen: impl Iterator<Item = &'a Assessment>,
) -> Option<String> {
    let address = world.inventory.vip.database?.to_string();
    let ours = observed.view.addresses.contains_key(&address);
    (!ours && chosen.any(|a| world.resources[a.index].playbook == ROLE)).then_some(address)
}

fn members(world: &World) -> impl Iterator<Item = &Host> {
    world.hosts.iter().filter(|host| host.has(ROLE))
}

/// A member may have it all the same: one that does not answer us, or one that took
/// it over since it was read. Then its own address has the same MAC.
fn needs(world: &World, observed: &Observed, address: &str) -> BTreeMap<String, Needs> {
    let ours = members(world).map(|host| host.address.to_string());
    let addresses: Vec<String> = std::iter::once(address.to_owned()).chain(ours).collect();
    let ask = |host: &Host| {
        let identity = &observed.facts.get(&host.name)?.identity;
        let own = || identity.interface_of(&host.address.to_string()).map(str::to_owned);
        let interface = host.interface.clone().or_else(own)?;
        let lan = Some(LanNeeds { interface, addresses: addresses.clone() });
        Some((host.name.clone(), Needs { lan, ..Needs::default() }))
    };
    members(world).filter_map(ask).collect()
}

fn judge(world: &World, address: &str, facts: &BTreeMap<String, Facts>) -> Strangers {
    let mut found = Strangers::default();
    let (mut heard, mut deaf) = (BTreeMap::new(), BTreeMap::new());
    for (host, facts) in facts {
        match &facts.lan {
            Some(Fact::Present(lan)) => drop(heard.insert(host.as_str(), lan)),
            Some(Fact::Unreadable(why)) => drop(deaf.insert(host.as_str(), why.as_str())),
            _ => {}
        }
    }
    if heard.is_empty() {
        let why: Vec<String> = deaf.iter().map(|(host, why)| format!("{host}: {why}")).collect();
        let why = if why.is_empty() { "no host says which card it is on".to_owned() } else { why.join("; ") };
        found.remarks.push(format!("whether somebody else has {address} is not known ({why})"));
    }
    found.refusals.extend(owner(world, address, &heard));
    found.refusals.extend(router(world, &heard));
    found
}

/// Somebody else answers for the address.
fn owner(world: &World, address: &str, heard: &BTreeMap<&str, &LanFact>) -> Option<String> {
    let ours: BTreeSet<String> = members(world).map(|host| host.address.to_string()).collect();
    let all = || heard.iter().flat_map(|(host, lan)| lan.owners.iter().map(move |row| (*host, row)));
    let known: BTreeSet<&str> =
        all().filter(|(_, (has, _))| ours.contains(has)).map(|(_, (_, mac))| mac.as_str()).collect();
    let strange = || all().filter(|(_, (has, mac))| has == address && !known.contains(mac.as_str()));
    let (_, (_, mac)) = strange().next()?;
    let from = listed(strange().map(|(host, _)| host));
    let place = place(world, "vip.database");
    Some(format!(
        "{address} is in use by the machine with the MAC {mac} (seen from {from}): take it from that \
         machine (`ip neigh`, or the switch, says which it is), or write another free one as database in [vip]{place}"
    ))
}

/// Somebody else sends adverts with our id.
fn router(world: &World, heard: &BTreeMap<&str, &LanFact>) -> Option<String> {
    let id = world.inventory.vip.router_id?;
    let own: BTreeSet<String> = world.hosts.iter().map(|host| host.address.to_string()).collect();
    let all = || heard.iter().flat_map(|(host, lan)| lan.routers.iter().map(move |row| (*host, row)));
    let strange = || all().filter(|(_, router)| router.id == id && !own.contains(&router.address));
    let (_, router) = strange().next()?;
    let (address, mac) = (&router.address, &router.mac);
    let from = listed(strange().map(|(host, _)| host));
    let place = place(world, "vip.router_id");
    Some(format!(
        "the VRRP id {id} is in use by {address}, MAC {mac} (seen from {from}): of two groups with one id \
         each takes the other's adverts for its own; write another router_id (1 to 255) in [vip]{place}"
    ))
}

fn listed<'h>(hosts: impl Iterator<Item = &'h str>) -> String {
    hosts.collect::<BTreeSet<&str>>().into_iter().collect::<Vec<_>>().join(", ")
}

/// ` (cluster.toml:31)`, where it is written.
fn place(world: &World, path: &str) -> String {
    let place = world.inventory.place_of(path);
    place.map(|place| format!(" ({})", crate::report::problems::line_of(&place))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cmd::tests::load;
    use crate::facts::{Interface, VrrpRouter};

    fn world(dir: &tempfile::TempDir) -> World {
        let file = dir.path().join("cluster.toml");
        std::fs::write(&file, include_str!("../../inventories/lab.toml")).unwrap();
        load(file)
    }

    fn host(world: &World, name: &str, lan: Option<Fact<LanFact>>) -> (String, Facts) {
        let mut facts = Facts { lan, ..Facts::default() };
        let address = world.hosts.iter().find(|host| host.name == name).unwrap().address.to_string();
        facts.identity.interfaces = vec![Interface { name: "eth7".into(), addresses: vec![address] }];
        (name.to_owned(), facts)
    }

    fn lan(owners: &[(&str, &str)], routers: &[(u32, &str)]) -> Fact<LanFact> {
        let owned = |(has, mac): &(&str, &str)| ((*has).to_owned(), (*mac).to_owned());
        let router =
            |(id, address): &(u32, &str)| VrrpRouter { id: *id, address: (*address).into(), mac: "b".into() };
        let (owners, routers) = (owners.iter().map(owned).collect(), routers.iter().map(router).collect());
        Fact::Present(LanFact { owners, routers })
    }

    const VIP: &str = "192.168.15.200";

    /// node3 does not answer.
    fn judged(dir: &tempfile::TempDir, seen: [Option<Fact<LanFact>>; 3]) -> Strangers {
        let world = world(dir);
        let names = ["node1", "node2", "nas"].into_iter();
        let facts: BTreeMap<String, Facts> =
            names.zip(seen).map(|(name, lan)| host(&world, name, lan)).collect();
        judge(&world, VIP, &facts)
    }

    #[test]
    fn a_stranger_is_named_with_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let other = [(VIP, "52:54:00:12:34:56")];
        let found = judged(
            &dir,
            [Some(lan(&other, &[(200, "192.168.15.7")])), Some(lan(&other, &[])), Some(lan(&[], &[]))],
        );
        let said = found.refusals.join("\n").replace(&format!("{}/", dir.path().display()), "");
        insta::assert_snapshot!(said, @r"
        192.168.15.200 is in use by the machine with the MAC 52:54:00:12:34:56 (seen from node1, node2): take it from that machine (`ip neigh`, or the switch, says which it is), or write another free one as database in [vip] (cluster.toml:37)
        the VRRP id 200 is in use by 192.168.15.7, MAC b (seen from node1): of two groups with one id each takes the other's adverts for its own; write another router_id (1 to 255) in [vip] (cluster.toml:37)
        ");
        assert!(found.remarks.is_empty());
    }

    #[test]
    fn whose_it_is_by_right_is_no_stranger() {
        let dir = tempfile::tempdir().unwrap();
        // One that is away, and one that took it over a moment ago.
        let ours = [(VIP, "aa"), ("192.168.15.103", "aa"), (VIP, "bb"), ("192.168.15.101", "bb")];
        let found =
            judged(&dir, [Some(lan(&ours, &[(200, "192.168.15.103"), (7, "192.168.15.7")])), None, None]);
        assert_eq!((found.refusals.len(), found.remarks.len()), (0, 0), "{found:?}");
    }

    #[test]
    fn who_cannot_look_says_so_and_stops_nobody() {
        let dir = tempfile::tempdir().unwrap();
        let deaf = || Some(Fact::Unreadable("there is no perl".to_owned()));
        let found = judged(&dir, [deaf(), deaf(), None]);
        assert_eq!(found.refusals.len(), 0);
        assert_eq!(
            found.remarks,
            [
                "whether somebody else has 192.168.15.200 is not known (node1: there is no perl; node2: there is no perl)"
            ]
        );
        let one = judged(&dir, [deaf(), Some(lan(&[], &[])), None]);
        assert!(one.remarks.is_empty(), "one that can look is enough");
    }

    #[test]
    fn it_is_looked_for_from_the_card_that_would_get_it() {
        let dir = tempfile::tempdir().unwrap();
        let world = world(&dir);
        let facts = BTreeMap::from([host(&world, "node1", None), host(&world, "nas", None)]);
        let observed = Observed::new(facts, BTreeMap::new(), 1);
        let asked = needs(&world, &observed, VIP);
        let lan = asked["node1"].lan.as_ref().unwrap();
        assert_eq!((asked.len(), lan.interface.as_str()), (2, "eth7"));
        assert_eq!(
            lan.addresses,
            [VIP, "192.168.15.101", "192.168.15.102", "192.168.15.103", "192.168.15.50"]
        );
    }
}
