//! Owns the rules of keepalived.conf that `keepalived -t` lets pass or knows only on
//! the host. Must not know inventories.

use super::Finding;
use super::blocks::{Block, parse};

/// What must hold for each block of a kind: what is wrong, if something is.
type Rule = (&'static str, fn(&Block, &Block) -> Option<String>, &'static str);

const RULES: [Rule; 13] = [
    (
        "vrrp_instance",
        |i, _| lacks(i, "virtual_router_id").or_else(|| number(i, "virtual_router_id", 1, 255)),
        "give it a number from 1 to 255 that nobody else in this network uses",
    ),
    ("vrrp_instance", |i, _| number(i, "priority", 1, 254), "give it a priority from 1 to 254"),
    (
        "vrrp_instance",
        |i, _| lacks(i, "interface"),
        "name the interface that has the host's address; without one keepalived stays in FAULT",
    ),
    ("vrrp_instance", |i, _| no_address(i), "write the address with its prefix into virtual_ipaddress"),
    ("vrrp_instance", |i, _| own_address(i), "give the address that moves a value of its own"),
    ("vrrp_instance", |i, _| own_peer(i), "leave the host's own address out of unicast_peer"),
    (
        "vrrp_instance",
        |i, _| {
            (i.all("nopreempt").next().is_some() && i.get("state") != Some("BACKUP"))
                .then(|| "nopreempt needs state BACKUP".to_owned())
        },
        "write state BACKUP",
    ),
    (
        "vrrp_instance",
        |i, _| {
            i.get("state").filter(|s| !["MASTER", "BACKUP"].contains(s)).map(|s| format!("state is {s:?}"))
        },
        "write MASTER or BACKUP",
    ),
    ("vrrp_instance", advert, "write seconds above 0; VRRP version 2 takes whole ones only"),
    ("vrrp_instance", scripts, "name a vrrp_script of this file"),
    ("vrrp_instance", same_router, "give each vrrp_instance of one interface a number of its own"),
    (
        "vrrp_instance",
        password,
        "leave authentication out: VRRP 3 has none, and in version 2 only 8 characters count",
    ),
    ("vrrp_script", |s, _| lacks(s, "script"), "say which program is asked"),
];

pub(super) fn check(text: &str) -> Vec<Finding> {
    let whole = match parse(text) {
        Ok(whole) => whole,
        Err(finding) => return vec![finding],
    };
    let mut found = Vec::new();
    if whole.all("vrrp_instance").next().is_none() && whole.all("virtual_server").next().is_none() {
        found.push(Finding::new(
            0,
            "there is no vrrp_instance",
            "the file was cut: keepalived would run and do nothing",
        ));
    }
    for (kind, broken, fix) in RULES {
        for block in whole.all(kind) {
            if let Some(what) = broken(block, &whole) {
                found.push(Finding::new(block.line, format!("{kind} {}: {what}", block.name()), fix));
            }
        }
    }
    found
}

fn lacks(block: &Block, kind: &str) -> Option<String> {
    block.get(kind).is_none_or(str::is_empty).then(|| format!("{kind} is missing"))
}

fn number(block: &Block, kind: &str, least: u16, most: u16) -> Option<String> {
    let value = block.get(kind)?;
    let good = value.parse::<u16>().is_ok_and(|number| (least..=most).contains(&number));
    (!good).then(|| format!("{kind} is {value:?}"))
}

fn addresses<'a>(block: &'a Block, kind: &'a str) -> impl Iterator<Item = &'a str> {
    block.all(kind).flat_map(|b| &b.inside).map(|line| line.kind().split('/').next().unwrap_or_default())
}

fn no_address(instance: &Block) -> Option<String> {
    addresses(instance, "virtual_ipaddress").next().is_none().then(|| "it has no address to move".to_owned())
}

fn own_address(instance: &Block) -> Option<String> {
    let own = instance.get("unicast_src_ip");
    let peers: Vec<&str> = addresses(instance, "unicast_peer").chain(own).collect();
    let same = addresses(instance, "virtual_ipaddress").find(|address| peers.contains(address))?;
    Some(format!("the address that moves, {same}, is a host's own"))
}

fn own_peer(instance: &Block) -> Option<String> {
    let own = instance.get("unicast_src_ip")?;
    addresses(instance, "unicast_peer").any(|peer| peer == own).then(|| format!("{own} is its own peer"))
}

fn version(whole: &Block) -> &str {
    whole.all("global_defs").find_map(|globals| globals.get("vrrp_version")).unwrap_or("2")
}

fn advert(instance: &Block, whole: &Block) -> Option<String> {
    let value = instance.get("advert_int")?;
    let seconds = value.parse::<f64>().ok().filter(|seconds| *seconds > 0.0 && *seconds < 256.0);
    let whole_ones = instance.get("version").unwrap_or_else(|| version(whole)) == "3" || !value.contains('.');
    (seconds.is_none() || !whole_ones).then(|| format!("advert_int is {value:?}"))
}

fn scripts(instance: &Block, whole: &Block) -> Option<String> {
    let known = |name: &str| whole.all("vrrp_script").any(|script| script.name() == name);
    let tracked = instance.all("track_script").flat_map(|b| &b.inside).map(Block::kind);
    tracked
        .into_iter()
        .find(|name| !known(name))
        .map(|name| format!("it tracks {name:?}, which is not defined"))
}

fn same_router(instance: &Block, whole: &Block) -> Option<String> {
    let key =
        |i: &Block| (i.get("interface").map(str::to_owned), i.get("virtual_router_id").map(str::to_owned));
    let other =
        whole.all("vrrp_instance").find(|other| other.line < instance.line && key(other) == key(instance))?;
    Some(format!("it has the router id of {} on the same interface", other.name()))
}

fn password(instance: &Block, whole: &Block) -> Option<String> {
    let authentication = instance.all("authentication").next()?;
    let long = authentication.get("auth_pass").is_some_and(|pass| pass.len() > 8);
    (version(whole) == "3" || long).then(|| "its authentication does not do what it says".to_owned())
}
