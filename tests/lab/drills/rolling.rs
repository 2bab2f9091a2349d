//! Owns: settings that need restarts change under load, one member at a time,
//! the leader last and not before somebody else leads. Told beforehand.

use crate::cluster::{Cluster, VOTERS, json};
use crate::command::{Result, ensure, wait_for};
use crate::inserter::{Inserter, clock};
use crate::lab::{HOSTS, VIP, seconds};
use crate::product::read;
use crate::runner::{Drill, Tier};
use crate::stage::{Ground, Stage};

pub const DRILLS: &[Drill] = &[
    Drill {
        name: "restart-parameter",
        cases: &["F65"],
        tier: Tier::Full,
        ground: Ground::Synchronous,
        disturbs: true,
        expected: "2 x <= 5 s, none lost, in order",
        run: |stage| stage.as_another(restart_parameter),
    },
    Drill {
        name: "rolling-etcd",
        cases: &[],
        tier: Tier::Full,
        ground: Ground::Applied,
        disturbs: true,
        expected: "<= 5 s, one voter down, leader last",
        run: |stage| stage.as_another(rolling_etcd),
    },
];

/// Seconds nobody may write at most.
pub(super) const GAP: f64 = 5.0;

/// Applies under load: the longest gap, and the steps of the run in the order in
/// which they began.
pub(super) fn apply_under_load(stage: &mut Stage) -> Result<(f64, Vec<String>)> {
    let inserter = Inserter::start(stage)?;
    let at = clock();
    let steps = applied(stage)?;
    inserter.wait_acks(clock(), 10, seconds(20))?;
    let log = inserter.finish()?;
    let (lost, _) = log.lost(clock());
    ensure!(lost == 0, "{lost} acknowledged rows are lost");
    let gap = log.gap(at)?;
    ensure!(gap <= GAP, "nobody could write for {gap:.1} s, more than {GAP} s");
    Ok((gap, steps))
}

/// Applies until all is well: the steps of the run in the order in which they began.
fn applied(stage: &mut Stage) -> Result<Vec<String>> {
    stage.apply()?;
    let steps = began(stage)?;
    stage.expect_converged()?;
    Ok(steps)
}

/// What the newest run wrote down.
pub(super) fn newest_journal(stage: &Stage) -> Result<String> {
    let runs = stage.folder.path("state/hacluster/cold/runs");
    let files = std::fs::read_dir(&runs).map_err(|e| format!("{}: {e}", runs.display()))?;
    read(&files.flatten().map(|file| file.path()).max().ok_or("no journal")?)
}

/// Steps of the newest run, from its journal.
pub(super) fn began(stage: &Stage) -> Result<Vec<String>> {
    let mut steps = Vec::new();
    for line in newest_journal(stage)?.lines() {
        let record = json(line)?;
        let names = record["steps"].as_array().into_iter().flatten().filter_map(|s| s.as_str());
        steps.extend(names.map(str::to_owned));
    }
    Ok(steps)
}

/// Hosts of restarts of PostgreSQL, and where leadership went.
pub(super) fn restarts(steps: &[String]) -> Vec<String> {
    let word = |step: &String| match step.split_once("/patroni_restart:") {
        Some((host, _)) => Some(host.to_owned()),
        None => step.strip_prefix("cluster/switchover:").map(|moved| moved.replace(" to ", ">")),
    };
    steps.iter().filter_map(word).collect()
}

/// What PostgreSQL on every host runs with: connections, and memory for its buffers.
fn ensure_runs_with(stage: &Stage, values: &str) -> Result {
    let show = "runuser -u postgres -- psql -Atqc 'show max_connections' -c 'show shared_buffers'";
    let said = stage.lab.on_all(&HOSTS, show)?;
    ensure!(said.iter().all(|s| s.trim() == values), "on {HOSTS:?}: {said:?} instead of {values}");
    Ok(())
}

pub(super) fn standbys(leader: &str) -> Vec<&'static str> {
    let mut standbys: Vec<&str> = HOSTS.into_iter().filter(|host| *host != leader).collect();
    standbys.sort_unstable();
    standbys
}

pub(super) fn sorted(hosts: &[String]) -> Vec<&str> {
    let mut hosts: Vec<&str> = hosts.iter().map(String::as_str).collect();
    hosts.sort_unstable();
    hosts
}

fn restart_parameter(stage: &mut Stage) -> Result<String> {
    stage.limit_gap(GAP);
    let (old, new) = raise(stage)?;
    lower(stage, &new)?;
    left_by_a_hand(stage)?;
    Ok(format!("raised ({old} to {new}), lowered, what a hand changed taken back"))
}

/// Standbys, switchover, the old leader with it.
fn raise(stage: &mut Stage) -> Result<(String, String)> {
    let leader = stage.cluster()?.wait_healthy(&HOSTS, seconds(90))?;
    let preset = "preset  = \"fast\"";
    stage.folder.edit(
        preset,
        &format!("{preset}\nmax_connections = 150\nparameters = {{ shared_buffers = \"160MB\" }}"),
    )?;
    let said = stage.expect(2, &["plan", "--detailed-exitcode"])?.stdout;
    let told = [
        "restarts for max_connections 100 -> 150, shared_buffers its default -> 160MB".to_owned(),
        format!("then a switchover from {leader} to "),
        format!("{VIP} moves from {leader} to "),
        "standbys that stream: 3 before, 2 during".to_owned(),
    ];
    for sentence in &told {
        ensure!(said.contains(sentence), "the plan does not say '{sentence}':\n{said}");
    }
    let steps = applied(stage)?;
    let order = restarts(&steps);
    let new = stage.cluster()?.leader("node1")?;
    let right = order.len() == 4 && order[3] == format!("{leader}>{new}");
    ensure!(right && sorted(&order[..3]) == standbys(&leader), "restarted in this order: {order:?}");
    ensure!(new != "nas" && new != leader, "{new} leads");
    ensure_runs_with(stage, "150\n160MB")?;
    Ok((leader, new))
}

/// The leader in place, then standbys; what was taken out of the file goes.
fn lower(stage: &mut Stage, leader: &str) -> Result {
    stage.folder.edit("\nmax_connections = 150\nparameters = { shared_buffers = \"160MB\" }", "")?;
    let said = stage.expect(2, &["plan", "--detailed-exitcode"])?.stdout;
    let told = format!("Patroni's health: {leader}, which leads, in place");
    ensure!(said.contains(&told), "the plan does not say '{told}':\n{said}");
    let steps = applied(stage)?;
    let order = restarts(&steps);
    let right = order.len() == 4 && order[0] == leader;
    ensure!(right && sorted(&order[1..]) == standbys(leader), "restarted in this order: {order:?}");
    ensure!(stage.cluster()?.leader("node1")? == leader, "{leader} leads no more");
    ensure_runs_with(stage, "100\n128MB")
}

/// Somebody changed the cluster's configuration and restarted nobody.
fn left_by_a_hand(stage: &mut Stage) -> Result {
    let edit = "patronictl -c /etc/patroni/config.yml edit-config -q --force -p max_prepared_transactions=5";
    stage.lab.sh("node1", edit)?;
    wait_for("a pending restart", seconds(30), seconds(1), || {
        let said = stage.hacluster(&["drift-check"])?;
        ensure!(said.status == 2, "{}", said.describe());
        for words in [
            "max_prepared_transactions is 5, was never applied",
            "on nas, node1, node2, node3: owes a restart",
        ] {
            ensure!(said.stdout.contains(words), "drift-check does not say '{words}':\n{}", said.stdout);
        }
        Ok(())
    })?;
    let said = stage.expect(2, &["plan", "--detailed-exitcode"])?.stdout;
    ensure!(!said.contains("will restart"), "what still runs as configured would restart:\n{said}");
    stage.expect(0, &["apply", "--auto-approve"])?;
    ensure!(restarts(&began(stage)?).is_empty(), "something was restarted");
    stage.expect_converged()?;
    Ok(())
}

/// Ports of the members of etcd, and of PostgreSQL.
pub(super) const ETCD: &str = "101/2479 102/2479 103/2479 50/2479 50/2489";
pub(super) const POSTGRES: &str = "101/5432 102/5432 103/5432 50/5432";

/// Asks every port from a host; prints how many refuse. On a busy machine an answer is late.
const WATCH: &str = "while [ ! -e \"$1\" ]; do shut=0; for at in $2; do \
                     timeout 0.5 bash -c \"</dev/tcp/192.168.15.$at\" 2>/dev/null; [ $? -eq 1 ] && shut=$((shut + 1)); done; \
                     echo $shut; sleep 0.1; done";

/// Members that may not be down at the same time, looked at while work is done.
pub(super) fn watched<T>(
    stage: &mut Stage,
    members: &[&str],
    work: impl FnOnce(&mut Stage) -> Result<T>,
) -> Result<(T, usize)> {
    let stop = "/run/drill-watched";
    let watch = |ports: &&str| {
        let words = ["enter", "node1", "bash", "-c", WATCH, "watch", stop, ports];
        stage.lab.command(seconds(400), &words).start()
    };
    let watches: Vec<_> = members.iter().map(watch).collect::<Result<_>>()?;
    let done = work(stage);
    stage.lab.sh("node1", &format!("touch {stop}"))?;
    let mut looks = 0;
    for (ports, watch) in members.iter().zip(watches) {
        let shut: Vec<usize> = watch.wait()?.stdout.lines().filter_map(|l| l.parse().ok()).collect();
        let most = shut.iter().max().copied().unwrap_or(0);
        ensure!(most == 1, "{most} of {ports} were down at once, in {} looks", shut.len());
        looks += shut.len();
    }
    stage.lab.sh("node1", &format!("rm {stop}"))?;
    Ok((done?, looks))
}

fn rolling_etcd(stage: &mut Stage) -> Result<String> {
    let cluster = stage.cluster()?;
    cluster.wait_healthy(&HOSTS, seconds(90))?;
    let leader = cluster.move_etcd_leader(|voter| voter.host() == "node2")?;
    stage.folder.edit("client_port = 2479", "client_port = 2479\nelection_timeout = 1500")?;
    let said = stage.expect(2, &["plan", "--detailed-exitcode"])?.stdout;
    for sentence in ["votes that may be lost: 2 before, 1 during", "node2 last, after a move-leader to "] {
        ensure!(said.contains(sentence), "the plan does not say '{sentence}':\n{said}");
    }
    let ((gap, steps), looks) = watched(stage, &[ETCD], apply_under_load)?;
    ensure_order(&steps, &leader)?;
    ensure_timeouts(stage, &cluster)?;
    Ok(format!("gap {gap:.1} s, at most 1 of {} voters down in {looks} looks", VOTERS.len()))
}

/// Every member once, the leader last, its leadership moved right before.
pub(super) fn ensure_order(steps: &[String], leader: &str) -> Result {
    let word = |step: &String| match step.split_once("/unit:etcd-patroni@") {
        Some((_, unit)) => unit.strip_suffix(".service").map(str::to_owned),
        None => step.starts_with("cluster/move-leader:").then(|| "move-leader".to_owned()),
    };
    let order: Vec<String> = steps.iter().filter_map(word).collect();
    let right = order.len() == VOTERS.len() + 1 && order[4] == "move-leader" && order[5] == leader;
    let mut members: Vec<&String> = order.iter().filter(|o| *o != "move-leader").collect();
    members.sort();
    ensure!(right && members == VOTERS, "restarted in this order: {order:?}");
    Ok(())
}

fn ensure_timeouts(stage: &Stage, cluster: &Cluster) -> Result {
    let (healthy, _) = cluster.etcd_health("node1")?;
    ensure!(healthy == VOTERS, "healthy: {healthy:?}");
    let count = "for p in $(pgrep -x etcd); do tr '\\0' '\\n' <\"/proc/$p/environ\"; done | grep -c ELECTION_TIMEOUT=1500";
    let said = stage.lab.on_all(&HOSTS, count)?;
    let running: usize = said.iter().filter_map(|s| s.trim().parse::<usize>().ok()).sum();
    ensure!(running == VOTERS.len(), "{running} members run with the new timeout");
    Ok(())
}
