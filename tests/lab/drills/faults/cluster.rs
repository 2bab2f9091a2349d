//! Owns: members that are frozen, cut off or unfit to take over.

use std::thread::sleep;
use std::time::{Duration, Instant};

use super::barrier::Barrier;
use super::{APPLY, fault, postmasters, says, settled, spoil, spoiled};
use crate::command::{Result, ensure, wait_for};
use crate::lab::{HOSTS, address, seconds};
use crate::runner::Drill;
use crate::stage::Stage;

pub const DRILLS: &[Drill] = &[
    fault("nas-away", &["F73"], "exit 4, the rest converges, gap <= 2 s", |s| settled(s, nas_away)),
    fault("primary-frozen", &["F76"], "another leads in 30 s; the old one follows, 0 lost", |s| {
        settled(s, frozen)
    }),
    fault("nobody-to-take-over", &["F67"], "exit 1, lag shown, leader untouched", |s| settled(s, nobody)),
    fault("etcd-out-of-space", &["F77"], "refused with the way out, 0 effects", |s| settled(s, alarm)),
];

fn nas_away(stage: &mut Stage) -> Result<String> {
    spoil(stage, &["node1", "nas"])?;
    stage.lab.power(&["link", "nas", "down"])?;
    let applied = stage.expect(4, &APPLY);
    let mended = stage.lab.sh("node1", &format!("grep -c drill {} || :", super::FILE));
    stage.lab.power(&["link", "nas", "up"])?;
    let applied = applied?;
    says(&applied, &["nas", "deferred"])?;
    ensure!(mended?.trim() == "0", "node1 answers and was not mended");
    stage.cluster()?.wait_healthy(&HOSTS, seconds(90))?;
    ensure!(spoiled(stage)? == ["nas"], "the NAS was mended while it was away");
    stage.limit_gap(2.0);
    Ok(format!("exit 4 after {:.1} s, node1 mended, nas deferred", applied.took.as_secs_f64()))
}

/// Seconds the frozen one stays so after somebody else leads.
const STAYS: u64 = 5;

fn frozen(stage: &mut Stage) -> Result<String> {
    let cluster = stage.cluster()?;
    let leader = cluster.wait_healthy(&HOSTS, seconds(90))?;
    let host = HOSTS.into_iter().find(|host| *host == leader).ok_or("an unknown leader")?;
    let asked = HOSTS.into_iter().find(|other| *other != leader).ok_or("nobody to ask")?;
    let all = "systemctl kill --kill-whom=all --signal";
    stage.excuse(host);
    stage.lab.sh(host, &format!("{all}=STOP patroni"))?;
    let start = Instant::now();
    let another = wait_for("another leader", seconds(45), Duration::from_millis(300), || {
        let now = cluster.leader(asked)?;
        if now == leader { Err(format!("still {now}")) } else { Ok(now) }
    });
    let took = start.elapsed().as_secs_f64();
    sleep(seconds(STAYS));
    stage.lab.sh(host, &format!("{all}=CONT patroni"))?;
    let another = another?;
    ensure!(took <= 30.0, "{another} led only after {took:.1} s");
    let back = Instant::now();
    cluster.wait_healthy(&HOSTS, seconds(120))?;
    let follows = back.elapsed().as_secs_f64();
    ensure!(cluster.leader(asked)? == another, "{another} leads no more");
    Ok(format!("{another} led after {took:.1} s, {leader} followed {follows:.1} s after it went on"))
}

/// Only the leader still has to restart, and no standby gets its rows.
fn nobody(stage: &mut Stage) -> Result<String> {
    let cluster = stage.cluster()?;
    let leader = cluster.wait_healthy(&HOSTS, seconds(90))?;
    let preset = "preset  = \"fast\"";
    stage.folder.edit(preset, &format!("{preset}\nmax_connections = 150"))?;
    stage.expect(0, &["apply", "--auto-approve", "--target", "patroni/settings of the whole cluster"])?;
    stage.expect(0, &["apply", "--auto-approve", "--exclude", "patroni_restart:*"])?;
    let pending = |stage: &Stage, host: &str| -> Result<bool> {
        let rows = stage.cluster()?.patronictl("node1")?;
        let row = rows.as_array().into_iter().flatten().find(|row| row["Member"] == host);
        Ok(row.is_some_and(|row| row.get("Pending restart").is_some()))
    };
    for host in HOSTS.into_iter().filter(|host| *host != leader) {
        wait_for("a pending restart", seconds(30), seconds(1), || {
            ensure!(pending(stage, host)?, "none on {host}");
            Ok(())
        })?;
        stage
            .lab
            .sh("node1", &format!("patronictl -c /etc/patroni/config.yml restart cold {host} --force"))?;
        cluster.wait_healthy(&HOSTS, seconds(60))?;
    }
    let before = postmasters(stage)?;
    let block = format!("ip saddr {} tcp sport 5432 ip daddr != 192.168.15.1 drop", address(&leader));
    let barrier = Barrier::theirs(&stage.lab, &block)?;
    let rows =
        "set synchronous_commit = local; create table drill_lag as select generate_series(1, 400000) as id";
    stage.lab.sh(&leader, &format!("runuser -u postgres -- psql -qXc \"{rows}\""))?;
    let refused = stage.expect(1, &APPLY);
    drop(barrier);
    let refused = refused?;
    says(&refused, &["nobody is fit to take over", "lags "])?;
    ensure!(postmasters(stage)? == before, "somebody was restarted: {}", refused.describe());
    cluster.wait_healthy(&HOSTS, seconds(90))?;
    ensure!(cluster.leader("node1")? == leader, "{leader} leads no more");
    stage.lab.sh(&leader, "runuser -u postgres -- psql -qXc 'drop table drill_lag'")?;
    stage.expect(0, &APPLY)?;
    Ok(format!("refused after {:.0} s, no restart; done once they followed", refused.took.as_secs_f64()))
}

/// One member of etcd has no room left: all of them take no more writes.
fn alarm(stage: &mut Stage) -> Result<String> {
    let cluster = stage.cluster()?;
    cluster.move_etcd_leader(|voter| voter.host() != "node3")?;
    spoil(stage, &["node1"])?;
    let small = "set -e; d=/run/systemd/system/etcd-patroni@node3.service.d; mkdir -p $d; echo ETCD_QUOTA_BACKEND_BYTES=16384 >/run/drill.env; printf '[Service]\\nEnvironmentFile=/run/drill.env\\n' >$d/drill.conf; systemctl daemon-reload; systemctl restart etcd-patroni@node3";
    stage.excuse("node3");
    stage.lab.sh("node3", small)?;
    // Refused, and told to all.
    let _ = cluster.etcdctl("node3", "put /drill/large x 2>&1")?;
    wait_for("the alarm", seconds(20), Duration::from_millis(200), || {
        let said = cluster.etcdctl("node1", "alarm list")?;
        if said.contains("NOSPACE") { Ok(()) } else { Err(said) }
    })?;
    let refused = stage.hacluster(&APPLY);
    let large = "rm -r /run/systemd/system/etcd-patroni@node3.service.d /run/drill.env; systemctl daemon-reload; systemctl restart etcd-patroni@node3";
    stage.lab.sh("node3", large)?;
    cluster.etcdctl("node1", "alarm disarm")?;
    let refused = refused?;
    ensure!(refused.status == 1, "{}", refused.describe());
    says(&refused, &["NOSPACE", "alarm disarm"])?;
    cluster.wait_healthy(&HOSTS, seconds(60))?;
    ensure!(spoiled(stage)? == ["node1"], "something was changed: {}", refused.describe());
    Ok("exit 1, alarm named with compact, defrag and disarm, nothing changed".to_owned())
}
