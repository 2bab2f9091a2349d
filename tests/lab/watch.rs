//! Owns the look at all hosts five times a second, from inside each of them: never
//! two primaries, never two holders of the address, never two members of a group
//! down because of us. Must not know what is done meanwhile.

use std::collections::BTreeMap;

use crate::command::{Call, Result, Running, ensure, signal};
use crate::lab::{HOSTS, VIP, root, seconds};
use crate::stage::Stage;

/// Longer apart, two looks say nothing of the time between them.
const APART: f64 = 0.9;
/// Seconds in which a primary that was frozen has to notice that another leads.
const WAKES: f64 = 5.0;
/// Seconds a drill takes at most, also on a machine that is busy.
const LIMIT: u64 = 700;

/// Looks at work.
#[derive(Debug)]
pub struct Watch {
    hosts: Vec<(&'static str, Running)>,
}

/// What one host was at one moment.
#[derive(Debug, Clone, Copy)]
struct Look {
    at: f64,
    pg: char,
    address: bool,
    /// Members of etcd that listen.
    voters: usize,
}

type Looks = BTreeMap<&'static str, Vec<Look>>;

/// Ports of the members of etcd on a host.
fn ports(host: &str) -> &'static [&'static str] {
    if host == "nas" { &["2479", "2489"] } else { &["2479"] }
}

impl Watch {
    /// Where a host has no power it looks again until it has.
    pub fn start(stage: &Stage) -> Result<Self> {
        let (lab, program) = (root().join("tests/lab/lab"), root().join("tests/lab/watch.py"));
        let start = |host: &'static str| {
            let look = format!(
                "while :; do '{}' enter {host} runuser -u postgres -- python3 - {VIP} {} <'{}' 2>/dev/null; sleep 0.2; done",
                lab.display(),
                ports(host).join(" "),
                program.display()
            );
            let call = Call::new(seconds(LIMIT), ["bash", "-c", &look]);
            Ok((host, stage.lab.named(call).start()?))
        };
        Ok(Self { hosts: HOSTS.into_iter().map(start).collect::<Result<_>>()? })
    }

    /// Judges what was seen; hosts that are `excused` may be down, as that was the
    /// drill's own doing.
    pub fn finish(self, excused: &[&str]) -> Result<usize> {
        let mut looks = Looks::new();
        for (_, running) in &self.hosts {
            signal("TERM", running.id())?;
        }
        for (host, running) in self.hosts {
            looks.insert(host, running.wait()?.stdout.lines().filter_map(parse).collect());
        }
        prove()?;
        judge(&looks, excused)
    }
}

fn parse(line: &str) -> Option<Look> {
    let words: Vec<&str> = line.split(' ').collect();
    let [at, pg, address, voters] = words[..] else { return None };
    Some(Look {
        at: at.parse().ok()?,
        pg: pg.chars().next()?,
        address: address == "1",
        voters: voters.parse().ok()?,
    })
}

/// Whether something held on a host at that moment: in the looks before and after.
fn held(looks: &[Look], at: f64, holds: impl Fn(&Look) -> bool) -> bool {
    let next = looks.partition_point(|look| look.at <= at);
    let (Some(before), Some(after)) = (next.checked_sub(1).and_then(|i| looks.get(i)), looks.get(next))
    else {
        return false;
    };
    after.at - before.at < APART && holds(before) && holds(after)
}

/// How many looks there were; an error says what was wrong, and when.
fn judge(looks: &Looks, excused: &[&str]) -> Result<usize> {
    let count: usize = looks.values().map(Vec::len).sum();
    for host in HOSTS.iter().filter(|host| !excused.contains(host)) {
        let rows = looks.get(host).map_or(0, Vec::len);
        ensure!(rows > 5, "only {rows} looks at {host}");
    }
    let mut all: Vec<f64> = looks.values().flatten().map(|look| look.at).collect();
    all.sort_by(f64::total_cmp);
    let mut waking: Option<f64> = None;
    for at in all {
        let who = |holds: fn(&Look) -> bool| -> Vec<&str> {
            looks.iter().filter(|(_, rows)| held(rows, at, holds)).map(|(host, _)| *host).collect()
        };
        let primaries = who(|look| look.pg == 'P');
        if primaries.len() > 1 {
            // One that wakes up learns within a moment that another leads; until then
            // nobody confirms its writes, as no standby follows it.
            let woken = primaries.iter().any(|host| excused.contains(host));
            ensure!(
                woken && waking.is_none_or(|since| at - since < WAKES),
                "two primaries at {at:.1}: {primaries:?}"
            );
            waking = waking.or(Some(at));
        }
        let holders = who(|look| look.address);
        ensure!(holders.len() < 2, "two holders of {VIP} at {at:.1}: {holders:?}");
        let ours = |hosts: Vec<&'static str>| -> Vec<&str> {
            hosts.into_iter().filter(|host| !excused.contains(host)).collect()
        };
        let stopped = ours(who_of(looks, at, |_, look| look.pg == '-'));
        ensure!(stopped.len() < 2, "two members of Patroni down at {at:.1}: {stopped:?}");
        let voters = ours(who_of(looks, at, |host, look| look.voters < ports(host).len()));
        let both =
            voters.contains(&"nas") && looks.get("nas").is_some_and(|rows| held(rows, at, |l| l.voters == 0));
        ensure!(voters.len() < 2 && !both, "two members of etcd down at {at:.1}: {voters:?}");
    }
    Ok(count)
}

fn who_of(looks: &Looks, at: f64, holds: fn(&str, &Look) -> bool) -> Vec<&'static str> {
    let held = |(host, rows): &(&&'static str, &Vec<Look>)| held(rows, at, |look| holds(host, look));
    looks.iter().filter(held).map(|(host, _)| *host).collect()
}

/// What is planted is found.
fn prove() -> Result {
    let row = |pg, address, voters| {
        let look = move |tick: u8| Look { at: f64::from(tick) * 0.2, pg, address, voters };
        (0..20).map(look).collect::<Vec<_>>()
    };
    let well = |host: &'static str| (host, row('S', false, ports(host).len()));
    let others = || HOSTS[1..].iter().map(|host| well(host)).collect::<Looks>();
    let with = |one: Vec<Look>, two: Vec<Look>| {
        let mut looks = others();
        looks.extend([("node1", one), ("node2", two)]);
        judge(&looks, &[]).err().unwrap_or_default()
    };
    ensure!(with(row('P', true, 1), row('S', false, 0)).is_empty(), "a healthy cluster is refused");
    for (said, one, two) in [
        ("two primaries", row('P', false, 1), row('P', false, 1)),
        ("two holders", row('P', true, 1), row('S', true, 1)),
        ("two members of Patroni", row('-', false, 1), row('-', false, 1)),
        ("two members of etcd", row('P', false, 0), row('S', false, 0)),
    ] {
        ensure!(with(one, two).starts_with(said), "planted, and not seen: {said}");
    }
    Ok(())
}
