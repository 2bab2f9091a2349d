//! Owns what must be true of hosts before anything is changed on them: room and
//! leave to write, clocks that agree, identities of their own. Must not ask them.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::{Failure, Reason};
use crate::facts::{Disk, Identity};
use crate::plan::{Assessment, Observed};
use crate::resource::{Change, Kind};

/// Files are written beside the old ones, and those are kept for some runs.
const ROOM_MIB: u64 = 64;
/// The whole database stack of Debian 13 is 166 MiB of archives and 600 MiB unpacked
/// (`knowledge/database-recipe.md`).
const PACKAGES_MIB: u64 = 1024;
/// A directory and some hundred small files.
const ROOM_INODES: u64 = 1000;
/// Certificates are valid from an hour before they were made; etcd and logs want
/// seconds, which chrony sees to once it runs.
const CLOCK_SECONDS: u64 = 300;

/// Hosts with something to do, and whether packages come to them.
type Touched<'a> = BTreeMap<&'a str, bool>;

/// Changes nothing where anything stands against it.
pub(super) fn refuse(refusals: &[String]) -> Result<(), Failure> {
    if refusals.is_empty() {
        return Ok(());
    }
    Err(Failure::new(Reason::Unsafe, format!("nothing was changed: {}", refusals.join("; "))))
}

/// For a plan: the same, before anybody tries.
pub(super) fn foretell(refusals: &[String]) -> impl Iterator<Item = String> {
    refusals.iter().map(|sentence| format!("nothing yet, apply refuses: {sentence}"))
}

fn touched<'a>(chosen: impl Iterator<Item = &'a Assessment>) -> Touched<'a> {
    let mut touched = Touched::new();
    for assessment in chosen {
        let installs =
            matches!((&assessment.kind, &assessment.change), (Kind::Package(_), Change::Create(_)));
        *touched.entry(assessment.host.as_str()).or_default() |= installs;
    }
    touched
}

/// What stands against these changes on the hosts themselves, a sentence each.
pub(super) fn unfit<'a>(observed: &Observed, chosen: impl Iterator<Item = &'a Assessment>) -> Vec<String> {
    against(observed, &touched(chosen))
}

fn against(observed: &Observed, touched: &Touched<'_>) -> Vec<String> {
    let mut unfit = twins(observed);
    unfit.extend(observed.view.etcd.alarm().filter(|_| !touched.is_empty()));
    for (host, installs) in touched {
        let Some(identity) = observed.facts.get(*host).map(|facts| &facts.identity) else { continue };
        let room = if *installs { PACKAGES_MIB } else { ROOM_MIB };
        unfit.extend(identity.disks.iter().filter_map(|disk| cramped(host, disk, room)));
        unfit.extend(clock(host, identity, observed.view.now));
    }
    unfit.extend(spread(observed, touched));
    unfit
}

fn cramped(host: &str, disk: &Disk, room: u64) -> Option<String> {
    let Disk { path, mount, free_mib, free_inodes, read_only } = disk;
    if *read_only {
        return Some(format!(
            "{host}: {path} cannot be written, {mount} is mounted read-only (`dmesg` on the host says why)"
        ));
    }
    if *free_mib < room {
        return Some(format!(
            "{host}: {path} has {free_mib} MiB free, and {room} are needed (`df -h {path}`)"
        ));
    }
    free_inodes.filter(|free| *free < ROOM_INODES).map(|free| {
        format!(
            "{host}: {path} has room for {free} more files, and {ROOM_INODES} are needed (`df -i {path}`)"
        )
    })
}

fn clock(host: &str, identity: &Identity, now: u64) -> Option<String> {
    let apart = identity.time.abs_diff(now);
    let way = if identity.time < now { "behind" } else { "ahead of" };
    (identity.time > 0 && apart > CLOCK_SECONDS).then(|| {
        format!(
            "{host}: its clock is {apart} s {way} this machine's, so certificates would not be valid; \
             set the one that is wrong (`date -s @SECONDS`), chrony keeps it later"
        )
    })
}

/// Each may be near enough to this machine, and two still too far from each other.
fn spread(observed: &Observed, touched: &Touched<'_>) -> Option<String> {
    let time =
        |host: &&'_ str| observed.facts.get(*host).map(|facts| facts.identity.time).unwrap_or_default();
    let near = |time: u64| time > 0 && time.abs_diff(observed.view.now) <= CLOCK_SECONDS;
    let hosts = || touched.keys().filter(|host| near(time(host)));
    let (first, last) = (hosts().min_by_key(|host| time(host))?, hosts().max_by_key(|host| time(host))?);
    let apart = time(last) - time(first);
    (apart > CLOCK_SECONDS).then(|| {
        format!(
            "{last}: its clock is {apart} s ahead of that of {first}; \
             set the one that is wrong (`date -s @SECONDS`), chrony keeps it later"
        )
    })
}

/// Hosts that were cloned with their identity: DHCP, journald and systemd take
/// them for one.
fn twins(observed: &Observed) -> Vec<String> {
    let mut by_id: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (host, facts) in &observed.facts {
        by_id.entry(&facts.identity.machine_id).or_default().insert(host);
    }
    let same = by_id.into_iter().filter(|(id, hosts)| !id.is_empty() && hosts.len() > 1);
    let say = |(id, hosts): (&str, BTreeSet<&str>)| {
        let hosts: Vec<&str> = hosts.into_iter().collect();
        format!(
            "{} have one machine-id ({id}): are they one machine, or clones? On a clone: \
             `rm /etc/machine-id; systemd-machine-id-setup`, then reboot",
            hosts.join(" and ")
        )
    };
    same.map(say).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Facts;

    fn host(name: &str, change: impl FnOnce(&mut Identity)) -> (String, Facts) {
        let mut facts = Facts::default();
        facts.identity.machine_id = format!("id of {name}");
        facts.identity.time = 1_000_000;
        change(&mut facts.identity);
        (name.to_owned(), facts)
    }

    fn disk(free_mib: u64, free_inodes: Option<u64>, read_only: bool) -> Disk {
        Disk { path: "/var/lib".to_owned(), mount: "/var".to_owned(), free_mib, free_inodes, read_only }
    }

    #[test]
    fn what_stands_against_a_change_is_told_with_its_fix() {
        let facts = [
            host("a", |identity| identity.disks = vec![disk(80, None, false)]),
            host("b", |identity| identity.disks = vec![disk(63, Some(10), false)]),
            host("c", |identity| identity.disks = vec![disk(5000, Some(10), false)]),
            host("d", |identity| identity.disks = vec![disk(5000, None, true)]),
            host("e", |identity| identity.time -= 301),
            host("f", |identity| identity.time += 300),
            host("g", |identity| identity.machine_id = "id of a".to_owned()),
            host("idle", |identity| identity.time = 5),
        ];
        let mut observed = Observed::new(facts.into(), BTreeMap::new(), 1_000_000);
        observed.view.etcd.alarms.insert("NOSPACE".to_owned());
        let touched = ["a", "b", "c", "d", "e", "f", "g"].map(|host| (host, host == "a")).into();
        insta::assert_snapshot!(against(&observed, &touched).join("\n"), @r"
        a and g have one machine-id (id of a): are they one machine, or clones? On a clone: `rm /etc/machine-id; systemd-machine-id-setup`, then reboot
        etcd takes no writes, its alarm is NOSPACE: make room with `etcdctl compact REVISION` and `etcdctl defrag --cluster`, then `etcdctl alarm disarm` (CORRUPT: remove that member, and `hacluster apply` joins it anew)
        a: /var/lib has 80 MiB free, and 1024 are needed (`df -h /var/lib`)
        b: /var/lib has 63 MiB free, and 64 are needed (`df -h /var/lib`)
        c: /var/lib has room for 10 more files, and 1000 are needed (`df -i /var/lib`)
        d: /var/lib cannot be written, /var is mounted read-only (`dmesg` on the host says why)
        e: its clock is 301 s behind this machine's, so certificates would not be valid; set the one that is wrong (`date -s @SECONDS`), chrony keeps it later
        ");
    }

    #[test]
    fn two_hosts_may_be_too_far_apart_where_each_is_near_this_machine() {
        let at = |late: u64| {
            let facts = [
                host("a", |identity| identity.time -= 150),
                host("b", |identity| identity.time += late),
                host("c", |_| {}),
                host("off", |identity| identity.time += 290),
            ];
            let observed = Observed::new(facts.into(), BTreeMap::new(), 1_000_000);
            against(&observed, &["a", "b", "c"].map(|host| (host, false)).into())
        };
        assert_eq!(at(150), Vec::<String>::new());
        insta::assert_snapshot!(at(151).join("\n"), @"b: its clock is 301 s ahead of that of a; set the one that is wrong (`date -s @SECONDS`), chrony keeps it later");
        assert_eq!(at(301).len(), 1, "of the one that is told nothing else is");
    }
}
