//! Owns: what a rolling change does when the group is not as it was: a member dies
//! in the middle of it, or somebody paused Patroni.

use std::collections::BTreeMap;
use std::time::Duration;

use super::rolling::{began, newest_journal, restarts};
use crate::cluster::json;
use crate::command::{Result, ensure, wait_for};
use crate::lab::{HOSTS, seconds};
use crate::runner::{Drill, Tier};
use crate::stage::{APPLY_LIMIT, Ground, Stage};

pub const DRILLS: &[Drill] = &[
    Drill {
        name: "member-dies-mid-roll",
        cases: &["F64"],
        tier: Tier::Full,
        ground: Ground::Synchronous,
        disturbs: true,
        expected: "the others not touched, exit 1; then done",
        run: |stage| stage.as_another(dies),
    },
    Drill {
        name: "patroni-paused",
        cases: &["F68"],
        tier: Tier::Full,
        ground: Ground::Synchronous,
        disturbs: true,
        expected: "nothing restarts before it is resumed; the way is told",
        run: |stage| stage.as_another(paused),
    },
];

const APPLY: [&str; 2] = ["apply", "--auto-approve"];

/// Each member of etcd and when it started.
fn starts(stage: &Stage, hosts: &[&str]) -> Result<BTreeMap<String, String>> {
    let show = "for u in $(systemctl list-units --no-legend --plain 'etcd-patroni@*' | cut -d' ' -f1); do \
                echo $u $(systemctl show -p ExecMainStartTimestampMonotonic --value $u); done";
    let said = stage.lab.on_all(hosts, show)?;
    let rows = said.iter().flat_map(|lines| lines.lines()).filter_map(|line| line.split_once(' '));
    Ok(rows.map(|(unit, at)| (unit.to_owned(), at.to_owned())).collect())
}

/// The unit of a member of etcd in a step's id, and its host.
fn member(step: &str) -> Option<(&str, &str)> {
    let (host, unit) = step.split_once("/unit:")?;
    unit.starts_with("etcd-patroni@").then_some((host, unit))
}

/// The first step of a member that has ended, by the newest journal.
fn first_done(stage: &Stage) -> Result<String> {
    let ended = |line: &&str| line.contains("\"step_ended\"") && line.contains("/unit:etcd-patroni@");
    let text = newest_journal(stage)?;
    let line = text.lines().find(ended).ok_or("none yet")?;
    Ok(json(line)?["id"].as_str().unwrap_or_default().to_owned())
}

/// One that was restarted dies while the next is at it, and stays away. One that
/// dies before its turn would be mended by it.
fn dies(stage: &mut Stage) -> Result<String> {
    let cluster = stage.cluster()?;
    cluster.wait_healthy(&HOSTS, seconds(90))?;
    let before = starts(stage, &HOSTS)?;
    stage.folder.edit("client_port = 2479", "client_port = 2479\nelection_timeout = 1500")?;
    let run = stage.folder.hacluster(&stage.lab, APPLY_LIMIT, &APPLY).start()?;
    let first = wait_for("the first member", seconds(90), Duration::from_millis(50), || first_done(stage))?;
    let (host, victim) = member(&first).ok_or_else(|| format!("{first} is no member"))?;
    stage.excuse(host);
    stage
        .lab
        .sh(host, &format!("systemctl kill -s KILL --kill-whom=all {victim}; systemctl stop {victim}"))?;
    let begun = began(stage)?;
    let begun: Vec<&str> = begun.iter().filter_map(|step| member(step)).map(|(_, unit)| unit).collect();
    let ended = run.wait()?;
    ensure!(ended.status == 1, "{}", ended.describe());
    let name = victim.trim_start_matches("etcd-patroni@").trim_end_matches(".service");
    let why = format!("{name} of etcd did its part when this run began and does not now");
    ensure!(ended.both().contains(&why), "'{why}' is not said: {}", ended.describe());
    let after = starts(stage, &HOSTS)?;
    let touched: Vec<&str> = after
        .iter()
        .filter(|(unit, at)| before.get(*unit) != Some(*at))
        .map(|(unit, _)| unit.as_str())
        .collect();
    // Whoever was at it at that time comes to its end.
    ensure!(
        touched.len() <= 2 && touched.iter().all(|unit| begun.contains(unit)),
        "restarted: {touched:?}, begun when {victim} died: {begun:?}"
    );
    stage.lab.sh(host, &format!("systemctl start {victim}"))?;
    cluster.wait_healthy(&HOSTS, seconds(60))?;
    stage.expect(0, &APPLY)?;
    stage.expect_converged()?;
    let after = starts(stage, &HOSTS)?;
    ensure!(before.iter().all(|(unit, at)| after.get(unit) != Some(at)), "not all restarted: {after:?}");
    Ok(format!("{name} died after its restart, begun: {begun:?}, restarted: {touched:?}, exit 1; then all"))
}

fn paused(stage: &mut Stage) -> Result<String> {
    let cluster = stage.cluster()?;
    cluster.wait_healthy(&HOSTS, seconds(90))?;
    let control = |word: &str| format!("patronictl -c /etc/patroni/config.yml {word} --wait");
    stage.lab.sh("node1", &control("pause"))?;
    stage.folder.edit("preset  = \"fast\"", "preset  = \"fast\"\nmax_connections = 150")?;
    let hint = "Patroni is paused: end that first with `patronictl resume`";
    let planned = stage.expect(2, &["plan", "--detailed-exitcode"])?;
    ensure!(planned.stdout.contains(hint), "the plan does not say '{hint}': {}", planned.describe());
    let run = stage.folder.hacluster(&stage.lab, APPLY_LIMIT, &APPLY).start()?;
    std::thread::sleep(seconds(20));
    let early = restarts(&began(stage)?);
    stage.lab.sh("node1", &control("resume"))?;
    let ended = run.wait()?;
    ensure!(early.is_empty(), "restarted while Patroni was paused: {early:?}");
    ensure!(ended.status == 0 && ended.both().contains(hint), "{}", ended.describe());
    let order = restarts(&began(stage)?);
    ensure!(order.len() == 4, "restarted: {order:?}");
    cluster.wait_healthy(&HOSTS, seconds(60))?;
    stage.expect_converged()?;
    Ok(format!("0 restarts in 20 s while paused, then {}", order.join(", ")))
}
