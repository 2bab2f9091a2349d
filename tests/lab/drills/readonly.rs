//! Owns: what only reads writes nothing on a host.

use std::collections::BTreeSet;
use std::thread::sleep;

use crate::command::{Result, ensure};
use crate::lab::{HOSTS, seconds};
use crate::runner::{Drill, Tier};
use crate::stage::{Ground, Stage};

pub const DRILLS: &[Drill] = &[Drill {
    name: "plan-writes-nothing",
    cases: &[],
    tier: Tier::Quick,
    ground: Ground::Applied,
    disturbs: false,
    expected: "no path changed on any host",
    run: writes_nothing,
}];

/// Every path with its inode change time. Left out: what is no disk, private
/// folders of services, and the data of services that run. Of /run only names
/// of our own count.
const LISTING: &str = "find / \\( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path '/tmp/systemd-private-*' \
-o -path /var/lib/postgresql -o -path /var/lib/etcd-patroni -o -path /var/lib/chrony -o -path /var/lib/systemd \\) -prune \
-o -printf '%C@ %p\\n'
find /run -maxdepth 1 -name '*hac*' -printf '%C@ %p\\n'
find /run/hacluster -printf '%C@ %p\\n' 2>/dev/null || :";

type Listings = Vec<BTreeSet<String>>;

fn listings(stage: &Stage) -> Result<Listings> {
    let said = stage.lab.on_all(&HOSTS, LISTING)?;
    Ok(said.iter().map(|text| text.lines().map(str::to_owned).collect()).collect())
}

/// Paths that are new, gone, or have another change time, by host.
fn changed(before: &Listings, after: &Listings) -> BTreeSet<String> {
    let path = |line: &String| line.split_once(' ').map_or(String::new(), |(_, p)| p.to_owned());
    let pairs = HOSTS.iter().zip(before.iter().zip(after));
    pairs
        .flat_map(|(host, (a, b))| {
            a.symmetric_difference(b).map(move |line| format!("{host} {}", path(line)))
        })
        .collect()
}

fn writes_nothing(stage: &mut Stage) -> Result<String> {
    // The control window: the same wait, the same logins, nothing of ours.
    let first = listings(stage)?;
    sleep(seconds(8));
    stage.lab.on_all(&HOSTS, "true")?;
    let second = listings(stage)?;
    let control = changed(&first, &second);
    stage.expect(0, &["plan"])?;
    stage.expect(0, &["drift-check"])?;
    stage.expect(0, &["status"])?;
    sleep(seconds(2));
    let third = listings(stage)?;
    let ours: Vec<String> = changed(&second, &third).difference(&control).cloned().collect();
    ensure!(ours.is_empty(), "{} paths changed:\n{}", ours.len(), ours.join("\n"));
    proves(stage, &third)?;
    let paths: usize = third.iter().map(BTreeSet::len).sum();
    Ok(format!("0 of {paths} paths ({} by the hosts alone)", control.len()))
}

/// The method sees a write and a change of mode.
fn proves(stage: &Stage, before: &Listings) -> Result {
    stage.lab.sh("node1", "touch /etc/drill && rm /etc/drill && chmod 0644 /etc/hostname")?;
    let seen = changed(before, &listings(stage)?);
    let expected = ["node1 /etc", "node1 /etc/hostname"];
    ensure!(expected.iter().all(|e| seen.contains(*e)), "the listing missed a planted change: {seen:?}");
    Ok(())
}
