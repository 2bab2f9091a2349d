//! Owns: the database tier on Debian 12 with Debian's own, older packages. The only
//! drill of its ground, so it shows everything in one go.

use super::power::cut;
use super::scanners::{DEBIAN_12, passes};
use crate::command::{Result, ensure};
use crate::lab::{HOSTS, seconds};
use crate::product::counts;
use crate::runner::{Drill, Tier};
use crate::stage::{Ground, Stage};

pub const DRILLS: &[Drill] = &[Drill {
    name: "debian-12",
    cases: &[],
    tier: Tier::Full,
    ground: Ground::Bookworm,
    disturbs: true,
    expected: "refused, applied, 0 changes, <= 30 s",
    run: debian_12,
}];

fn debian_12(stage: &mut Stage) -> Result<String> {
    refused(stage)?;
    stage.folder.edit("version = 17", "version = 15")?;
    stage.folder.edit("[timescaledb]\nmode = \"separate\"\nhost = \"node1\"\n", "")?;
    let planned = stage.expect(0, &["plan"])?.stdout;
    let remark = "Patroni 3.0 (node1, node2, node3, nas) has no failover_priority, which came with 3.2";
    ensure!(planned.contains(remark), "the plan does not say '{remark}':\n{planned}");
    let applied = stage.apply()?;
    let versions = versions(stage)?;
    let sql = stage.sql()?;
    let streaming = sql.run("select count(*) from pg_stat_replication where state = 'streaming'")?;
    ensure!(streaming == "3", "{streaming} replicas stream");
    let second = stage.expect(0, &["apply", "--auto-approve"])?;
    let done = counts(&second.stdout)?;
    ensure!(done.is_none_or(|c| c == [0; 3]), "the second apply had a plan of {done:?}");
    stage.expect_converged()?;
    stage.expect(0, &["drift-check"])?;
    for host in HOSTS {
        ensure!(passes(&stage.lab, host, DEBIAN_12)?, "{host} does not pass '{DEBIAN_12}'");
    }
    // Before any file is replaced: the old content stays, for root alone.
    let found = stage.sweep.finish(&stage.lab, &stage.folder)?;
    ensure!(found.is_empty(), "secrets were seen: {}", found.join(", "));
    // New settings pass the old Patroni's checker while everything runs.
    stage.folder.edit("preset  = \"fast\"", "preset  = \"fast\"\nmaximum_lag_on_failover = 16777216")?;
    stage.expect(0, &["apply", "--auto-approve"])?;
    stage.expect_converged()?;
    let leader = stage.cluster()?.wait_healthy(&HOSTS, seconds(60))?;
    let cut = cut(stage, &[&leader])?;
    ensure!(cut.gap <= 30.0, "writes stopped for {:.1} s, more than 30 s", cut.gap);
    stage.expect_converged()?;
    Ok(format!(
        "{versions}; ssh-audit passes; applied in {:.1} s; {leader} killed: gap {:.1} s, {} lost, {} leads",
        applied.took.as_secs_f64(),
        cut.gap,
        cut.lost,
        cut.leader
    ))
}

/// The inventory as it is wants what Debian 12 does not have: said before anything
/// is made or changed.
fn refused(stage: &mut Stage) -> Result {
    for words in [&["plan"][..], &["apply", "--auto-approve"]] {
        let said = stage.expect(1, words)?.both();
        for part in
            ["HAC-E056", "Debian 12 (node1, node2, node3, nas)", "version = 15", "TimescaleDB", "pgdg"]
        {
            ensure!(said.contains(part), "no '{part}' in\n{said}");
        }
    }
    let made = stage.folder.path("secrets.toml").exists();
    ensure!(!made, "secrets.toml was made for a file that was refused");
    let kept = stage.lab.on_all(&HOSTS, "ls -A /var/lib/hacluster /etc/hacluster 2>/dev/null || :")?;
    ensure!(kept.iter().all(String::is_empty), "something was left on hosts: {kept:?}");
    Ok(())
}

/// What Debian 12 brought.
fn versions(stage: &Stage) -> Result<String> {
    let ask = "dpkg-query -W -f '${Package} ${Version}\n' postgresql-15 patroni etcd-server keepalived";
    let said = stage.lab.on_all(&HOSTS, ask)?;
    ensure!(said.iter().all(|host| *host == said[0]), "versions differ: {said:?}");
    for expected in ["postgresql-15 15.", "patroni 3.0.", "etcd-server 3.4.", "keepalived 1:2.2."] {
        ensure!(said[0].contains(expected), "no {expected} in {}", said[0]);
    }
    Ok("PostgreSQL 15, Patroni 3.0, etcd 3.4, keepalived 2.2".to_owned())
}
