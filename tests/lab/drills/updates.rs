//! Owns: packages are updated under load, their servers restart one member at a
//! time, the leader last; an update made by hand is seen and paid for.

use super::rolling::{
    ETCD, GAP, POSTGRES, apply_under_load, began, ensure_order, restarts, sorted, standbys, watched,
};
use crate::command::{Result, ensure};
use crate::inserter::{Inserter, clock};
use crate::lab::{HOSTS, seconds};
use crate::runner::{Drill, Tier};
use crate::stage::{Ground, Stage};

pub const DRILLS: &[Drill] = &[Drill {
    name: "rolling-packages",
    cases: &[],
    tier: Tier::Full,
    ground: Ground::Applied,
    disturbs: true,
    expected: "<= 5 s, none lost, one member down, in order",
    run: |stage| stage.as_another(rolling_packages),
}];

const PACKAGES: [&str; 4] = ["postgresql-17", "patroni", "etcd-server", "keepalived"];

/// Newer ones out of those that the hosts install from, the same but for their number.
const NEWER: &str = r#"set -e
newer() {
    dpkg-deb -R "$(ls /srv/repo/"$1"_*.deb | grep -v hac | head -n 1)" /tmp/newer
    sed -i "s/^Version: .*/&+$2/" /tmp/newer/DEBIAN/control
    dpkg-deb -Znone -b /tmp/newer "/srv/repo/$1_$2.deb" >/dev/null
    printf '\n%s\nFilename: ./%s\nSize: %s\nSHA256: %s\n' "$(cat /tmp/newer/DEBIAN/control)" "$1_$2.deb" \
        "$(stat -c %s "/srv/repo/$1_$2.deb")" "$(sha256sum "/srv/repo/$1_$2.deb" | cut -d' ' -f1)" >>/srv/repo/Packages
    rm -rf /tmp/newer
}
for name in postgresql-17 patroni etcd-server keepalived; do newer "$name" hac1; done
newer postgresql-17 hac2"#;

/// What an administrator does who restarts servers himself, later.
const BY_HAND: &str = r"set -e
printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
chmod +x /usr/sbin/policy-rc.d
trap 'rm /usr/sbin/policy-rc.d' EXIT
export DEBIAN_FRONTEND=noninteractive
apt-get -q update
apt-get -q -y install";

/// Starts of what packages' own scripts would restart.
const STARTS: &str = "for unit in patroni keepalived chrony; do journalctl -q -o cat -u $unit | grep -c \"^Started $unit\" || true; done";

fn rolling_packages(stage: &mut Stage) -> Result<String> {
    let leader = stage.cluster()?.wait_healthy(&HOSTS, seconds(90))?;
    let voter = stage.cluster()?.move_etcd_leader(|voter| voter.host() == "node2")?;
    stage.lab.on_all(&HOSTS, NEWER)?;
    let old = versions(stage)?;
    let header = "[packages.versions]";
    let pins: String = old.iter().map(|(name, old)| format!("\n{name} = \"{old}+hac1\"")).collect();
    stage.folder.edit(header, &format!("{header}{pins}\n#"))?;
    let said = stage.expect(2, &["plan", "--detailed-exitcode"])?.stdout;
    for sentence in told(&leader, &voter, &old) {
        ensure!(said.contains(&sentence), "the plan does not say '{sentence}':\n{said}");
    }
    let before = starts(stage)?;
    let ((gap, steps), looks) = watched(stage, &[ETCD, POSTGRES], apply_under_load)?;
    ensure_order(&steps, &voter)?;
    ensure_members(&steps, &leader)?;
    let new = versions(stage)?;
    ensure!(
        new.iter().zip(&old).all(|((_, new), (_, old))| *new == format!("{old}+hac1")),
        "installed: {new:?}"
    );
    // Patroni and keepalived once each, by us; chrony was not updated.
    for (before, after) in before.iter().zip(starts(stage)?) {
        let right = [before[0] + 1, before[1] + 1, before[2]];
        ensure!(after == right, "starts of patroni, keepalived, chrony: {before:?}, then {after:?}");
    }
    stage.folder.edit(&format!("{header}{pins}\n#"), header)?;
    let other = by_hand(stage, &old)?;
    Ok(format!("gap {gap:.1} s, 0 lost, at most 1 member down in {looks} looks; by hand: gap {other:.1} s"))
}

fn versions(stage: &Stage) -> Result<Vec<(&'static str, String)>> {
    let each =
        format!("for name in {}; do dpkg-query -W -f='${{Version}}\\n' $name; done", PACKAGES.join(" "));
    let all = stage.lab.on_all(&HOSTS, &each)?;
    ensure!(all.iter().all(|said| *said == all[0]), "versions on {HOSTS:?}: {all:?}");
    Ok(PACKAGES.into_iter().zip(all[0].lines().map(str::to_owned)).collect())
}

/// What the plan says of all of it.
fn told(leader: &str, voter: &str, old: &[(&str, String)]) -> Vec<String> {
    let moves = old.iter().map(|(_, old)| format!("version: {old} -> {old}+hac1"));
    let more = [
        "because packages.versions.patroni changed (cluster.toml:".to_owned(),
        format!(
            "an update of etcd-server, one at a time behind its health, {voter} last, after a move-leader to "
        ),
        "Patroni restarts for an update of patroni, and PostgreSQL with it, one member at a time".to_owned(),
        format!("then a switchover from {leader} to "),
        "votes that may be lost: 2 before, 1 during".to_owned(),
        "standbys that stream: 3 before, 2 during".to_owned(),
        "keepalived.service restarts for an update of keepalived, one host at a time".to_owned(),
    ];
    moves.chain(more).collect()
}

fn starts(stage: &Stage) -> Result<Vec<[usize; 3]>> {
    let said = stage.lab.on_all(&HOSTS, STARTS)?;
    let numbers = |said: &String| {
        let mut lines = said.lines().map(|line| line.parse().unwrap_or(0));
        [0; 3].map(|_: usize| lines.next().unwrap_or(0))
    };
    Ok(said.iter().map(numbers).collect())
}

/// Patroni: standbys, the switchover, the old leader; then keepalived, with whom
/// leads by then last. PostgreSQL restarted with Patroni.
fn ensure_members(steps: &[String], leader: &str) -> Result {
    let of = |unit: &str| -> Vec<String> {
        let word = |step: &String| {
            let moved = step.strip_prefix("cluster/switchover:").map(|moved| moved.replace(" to ", ">"));
            step.strip_suffix(unit).map(str::to_owned).or(moved)
        };
        steps.iter().filter_map(word).collect()
    };
    let patroni = of("/unit:patroni.service");
    let right = patroni.len() == 5 && sorted(&patroni[..3]) == standbys(leader) && patroni[4] == leader;
    let new = patroni.get(3).and_then(|moved| moved.strip_prefix(&format!("{leader}>"))).unwrap_or_default();
    ensure!(right && !new.is_empty(), "Patroni restarted in this order: {patroni:?}");
    let keepalived: Vec<String> =
        of("/unit:keepalived.service").into_iter().filter(|step| !step.contains('>')).collect();
    let last = keepalived.last().map(String::as_str);
    ensure!(keepalived.len() == 4 && last == Some(new), "keepalived restarted in this order: {keepalived:?}");
    ensure!(restarts(steps).len() == 1, "PostgreSQL restarted once more: {:?}", restarts(steps));
    Ok(())
}

/// PostgreSQL is updated on the leader by hand, and not restarted.
fn by_hand(stage: &mut Stage, old: &[(&str, String)]) -> Result<f64> {
    stage.expect_converged()?;
    let leader = stage.cluster()?.leader("node1")?;
    let version = format!("{}+hac2", old[0].1);
    stage.lab.sh(&leader, &format!("{BY_HAND} postgresql-17={version}"))?;
    let debt = format!("postgresql-17 was updated to {version} after it started");
    let said = stage.expect(0, &["status"])?.stdout;
    ensure!(said.contains(&format!("{leader}: PostgreSQL owes a restart: {debt}")), "status:\n{said}");
    let said = stage.expect(3, &["drift-check"])?.stdout;
    ensure!(said.contains(&format!("on {leader}: owes a restart ({debt})")), "drift-check:\n{said}");
    let said = stage.expect(2, &["plan", "--detailed-exitcode"])?.stdout;
    ensure!(said.contains(&format!("will restart, on {leader} ({debt})")), "plan:\n{said}");
    let inserter = Inserter::start(stage)?;
    let at = clock();
    stage.expect(0, &["apply", "--auto-approve"])?;
    inserter.wait_acks(clock(), 10, seconds(20))?;
    let log = inserter.finish()?;
    ensure!(log.lost(clock()).0 == 0, "acknowledged rows are lost");
    let order = restarts(&began(stage)?);
    let paid = order.len() == 1 && order[0].starts_with(&format!("{leader}>"));
    ensure!(paid, "paid for by {order:?}");
    stage.expect_converged()?;
    let gap = log.gap(at)?;
    ensure!(gap <= GAP, "nobody could write for {gap:.1} s, more than {GAP} s");
    Ok(gap)
}
