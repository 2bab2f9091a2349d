//! Owns: what moved on a host is found, named, shown and mended, and nothing
//! else is touched; what only moved in the configuration is told apart.

use std::collections::BTreeSet;

use super::idempotent::starts;
use crate::command::{Result, ensure};
use crate::lab::HOSTS;
use crate::product::counts;
use crate::runner::{Drill, Tier};
use crate::stage::{Ground, Stage};

const fn drill(name: &'static str, expected: &'static str, run: fn(&mut Stage) -> Result<String>) -> Drill {
    Drill { name, cases: &[], tier: Tier::Quick, ground: Ground::Applied, disturbs: false, expected, run }
}

pub const DRILLS: &[Drill] = &[
    drill("drift-file", "exit 2, diff shown, mended", |s| drift(s, &FILE)),
    drill("drift-unit", "exit 2, named, mended", |s| drift(s, &UNIT)),
    drill("drift-package", "exit 2, named, mended", |s| drift(s, &PACKAGE)),
    drill("drift-sysctl", "exit 2, diff shown, mended", |s| drift(s, &SYSCTL)),
    drill("pending-configuration", "exit 3, 2 with drift", pending),
];

/// One way in which a host moves.
struct Case {
    host: &'static str,
    breaks: &'static str,
    /// All of it must be in what `drift-check` says.
    shown: &'static [&'static str],
    /// Changes a plan may have: the thing itself, and a unit it notifies.
    changes: usize,
    mended: &'static str,
    /// The unit whose start is part of mending.
    unit: Option<&'static str>,
    /// Starts of paths that mending may write.
    writes: &'static [&'static str],
}

const FILE: Case = Case {
    host: "node2",
    breaks: "echo 'server 203.0.113.7 # drill-was-here' >>/etc/chrony/conf.d/hacluster.conf",
    shown: &["node2", "/etc/chrony/conf.d/hacluster.conf", "-server 203.0.113.7 # drill-was-here"],
    changes: 2,
    mended: "! grep -q drill-was-here /etc/chrony/conf.d/hacluster.conf && systemctl is-active chrony",
    unit: Some("chrony.service"),
    writes: &["/etc/chrony/conf.d"],
};

const UNIT: Case = Case {
    host: "node3",
    breaks: "systemctl stop chrony",
    shown: &["node3", "chrony.service"],
    changes: 1,
    mended: "systemctl is-active chrony",
    unit: Some("chrony.service"),
    writes: &[],
};

const PACKAGE: Case = Case {
    host: "nas",
    breaks: "dpkg --remove etcd-client >/dev/null",
    shown: &["nas", "etcd-client"],
    changes: 1,
    mended: "dpkg-query -W -f '${db:Status-Status}' etcd-client | grep -qx installed",
    unit: None,
    writes: &["/usr/bin", "/usr/share", "/etc/ld.so.cache"],
};

const SYSCTL: Case = Case {
    host: "node1",
    breaks: "sysctl -qw net.ipv4.tcp_keepalive_time=7100",
    shown: &["node1", "net.ipv4.tcp_keepalive_time", "7100"],
    changes: 1,
    mended: "test $(sysctl -n net.ipv4.tcp_keepalive_time) = 60",
    unit: None,
    writes: &[],
};

fn drift(stage: &mut Stage, case: &Case) -> Result<String> {
    let units = starts(stage)?;
    stage.lab.sh(case.host, case.breaks)?;
    let paths = listing(stage)?;
    let checked = stage.expect(2, &["drift-check"])?;
    for shown in case.shown {
        ensure!(
            checked.stdout.contains(shown),
            "drift-check does not show '{shown}': {}",
            checked.describe()
        );
    }
    let planned = counts(&stage.expect(2, &["plan", "--detailed-exitcode"])?.stdout)?;
    let changes: usize = planned.into_iter().flatten().sum();
    ensure!((1..=case.changes).contains(&changes), "{changes} changes planned instead of {}", case.changes);
    let applied = stage.expect(0, &["apply", "--auto-approve"])?;
    stage.lab.sh(case.host, case.mended).map_err(|why| format!("not mended: {why}"))?;
    untouched(stage, case, &paths, &units)?;
    stage.expect_converged()?;
    stage.expect(0, &["drift-check"])?;
    Ok(format!("named, {changes} change, mended in {:.1} s", applied.took.as_secs_f64()))
}

/// What a configuration and its programs are, on every host.
fn listing(stage: &Stage) -> Result<BTreeSet<String>> {
    let said = stage.lab.on_all(&HOSTS, "find /etc /usr /srv /root /opt -xdev -printf '%C@ %p\\n'")?;
    let lines = HOSTS.iter().zip(&said).flat_map(|(h, text)| text.lines().map(move |l| format!("{h} {l}")));
    Ok(lines.collect())
}

fn untouched(stage: &Stage, case: &Case, paths: &BTreeSet<String>, units: &[String]) -> Result {
    let now = listing(stage)?;
    let allowed = |line: &&String| {
        let mut words = line.splitn(3, ' ');
        let (host, path) = (words.next(), words.nth(1).unwrap_or_default());
        host == Some(case.host) && case.writes.iter().any(|w| path.starts_with(w))
    };
    let others: Vec<&String> = paths.symmetric_difference(&now).filter(|l| !allowed(l)).collect();
    ensure!(others.is_empty(), "mending also wrote {others:?}");
    let now = starts(stage)?;
    for (host, (before, after)) in HOSTS.iter().zip(units.iter().zip(&now)) {
        for (one, two) in before.split("\n\n").zip(after.split("\n\n")) {
            let ours = *host == case.host && case.unit.is_some_and(|u| one.contains(u));
            ensure!(one == two || ours, "mending also started a unit of {host}:\n{one}\n{two}");
        }
    }
    Ok(())
}

/// Edited, not applied: 3. With a drift beside it: 2, and both are listed.
fn pending(stage: &mut Stage) -> Result<String> {
    let edited = stage.folder.fresh_clone(&stage.lab)?;
    edited.edit("preset  = \"fast\"", "preset  = \"fast\"\nmax_connections = 120")?;
    let mine = std::mem::replace(&mut stage.folder, edited);
    let result = pending_seen(stage);
    stage.folder = mine;
    let mended = stage.lab.sh("node1", "sysctl -qw net.ipv4.tcp_keepalive_time=60");
    let seen = result?;
    mended?;
    stage.expect_converged()?;
    Ok(seen)
}

fn pending_seen(stage: &mut Stage) -> Result<String> {
    let checked = stage.expect(3, &["drift-check"])?;
    ensure!(
        checked.stdout.contains("max_connections"),
        "drift-check does not say what: {}",
        checked.describe()
    );
    stage.expect(2, &["plan", "--detailed-exitcode"])?;
    stage.expect(0, &["plan"])?;
    stage.lab.sh("node1", SYSCTL.breaks)?;
    let both = stage.expect(2, &["drift-check"])?;
    let lists = ["max_connections", "net.ipv4.tcp_keepalive_time"];
    ensure!(lists.iter().all(|l| both.stdout.contains(l)), "not both lists: {}", both.describe());
    Ok("exit 3; with a drift beside it exit 2, both listed".to_owned())
}
