//! Owns: somebody else on the network has the address that moves, or its VRRP id.
//! He is named with his MAC, and nothing is changed on any host.

use std::thread;

use crate::command::{Call, Result, ensure};
use crate::lab::{HOSTS, Lab, VIP, seconds};
use crate::runner::{Drill, Tier};
use crate::stage::{Ground, Stage};

pub const DRILLS: &[Drill] = &[Drill {
    name: "vip-occupied",
    cases: &["F71"],
    tier: Tier::Full,
    ground: Ground::Fresh,
    disturbs: false,
    expected: "refused with the MAC, 0 changes; so is a foreign VRRP id",
    run: occupied,
}];

/// Whose the lab's side of the bridge is.
const CLIENT: &str = "192.168.15.1";

/// Sends VRRP adverts (version 3, this id) from CLIENT for some seconds.
const ADVERTS: &str = r"use Socket; my ($from, $id) = @ARGV;
socket my $s, AF_INET, SOCK_RAW, 112 or die $!;
setsockopt $s, 0, 32, inet_aton($from) or die $!;
for (1 .. 60) {
    send $s, pack('C8 a4', 0x31, $id, 100, 1, 0, 100, 0, 0, inet_aton('192.168.15.99')), 0,
        sockaddr_in(0, inet_aton('224.0.0.18')) or die $!;
    select undef, undef, undef, .5;
}";

fn inside(lab: &Lab, words: &[&str]) -> Result<String> {
    Ok(lab.inside(seconds(10), words).run()?.ok()?.stdout)
}

/// Takes the address away again, also after a failure.
struct Taken<'a>(&'a Lab, String);

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        let _ = inside(self.0, &["ip", "addr", "del", &format!("{VIP}/32"), "dev", &self.1]);
    }
}

fn occupied(stage: &mut Stage) -> Result<String> {
    let lab = stage.lab.clone();
    let said = inside(&lab, &["ip", "-o", "-4", "addr", "show", "to", CLIENT])?;
    let card = said.split_whitespace().nth(1).ok_or("no card has the client's address")?.to_owned();
    let mac = inside(&lab, &["cat", &format!("/sys/class/net/{card}/address")]);
    let link = inside(&lab, &["ip", "-o", "link", "show", &card])?;
    let told = link.split_once("link/ether ").map(|(_, rest)| rest.split(' ').next().unwrap_or_default());
    let mac = told.map(str::to_owned).or_else(|| mac.ok()).ok_or("no MAC")?;
    let none = stage.expect(2, &["plan", "--detailed-exitcode"])?;
    ensure!(!none.stdout.contains("apply refuses"), "{}", none.describe());
    let looked = none.took.as_secs_f64();

    inside(&lab, &["ip", "addr", "add", &format!("{VIP}/32"), "dev", &card])?;
    let taken = Taken(&lab, card.clone());
    refused(
        stage,
        &[&format!("{VIP} is in use by the machine with the MAC {mac}"), "in [vip] (cluster.toml:"],
    )?;
    drop(taken);

    let id = VIP.rsplit('.').next().unwrap_or_default();
    let adverts: Call = lab.inside(seconds(60), &["perl", "-e", ADVERTS, CLIENT, id]);
    let router = adverts.start()?;
    thread::sleep(seconds(1));
    let said = refused(stage, &[&format!("the VRRP id {id} is in use by {CLIENT}, MAC {mac}"), "router_id"]);
    router.end()?;
    said?;
    Ok(format!("named {mac} for the address and for the id; 0 changes; a first plan took {looked:.1} s"))
}

/// Nothing was done on any host, and the words say why.
fn refused(stage: &mut Stage, words: &[&str]) -> Result {
    let planned = stage.expect(0, &["plan"])?;
    let applied = stage.expect(1, &["apply", "--auto-approve"])?;
    for word in words {
        ensure!(planned.stdout.contains(word), "the plan does not say '{word}': {}", planned.describe());
        ensure!(applied.both().contains(word), "'{word}' is not said: {}", applied.describe());
    }
    ensure!(applied.both().contains("nothing was changed"), "{}", applied.describe());
    let touched =
        "ls -d /var/lib/hacluster /etc/keepalived /run/hacluster 2>/dev/null; pgrep -x keepalived || :";
    let touched = stage.lab.on_all(&HOSTS, touched)?;
    ensure!(touched.iter().all(String::is_empty), "hosts were changed: {touched:?}");
    Ok(())
}
