//! Owns: what nothing asks for any more goes, in the right order; data and what
//! is not hacluster's stay until they may go; members leave one at a time.

use std::fs;

use serde_json::Value;

use crate::command::{Result, ensure};
use crate::lab::{HOSTS, NODES, seconds};
use crate::runner::{Drill, Tier};
use crate::stage::{Ground, Stage};

const fn drill(name: &'static str, expected: &'static str, run: fn(&mut Stage) -> Result<String>) -> Drill {
    Drill { name, cases: &[], tier: Tier::Full, ground: Ground::Applied, disturbs: true, expected, run }
}

pub const DRILLS: &[Drill] = &[
    drill("prune-and-refuse", "all of it gone in order, data and others' things stay", prune),
    drill("prune-members", "leave one at a time, majority kept, come back", members),
];

const PLAYBOOK: &str = "playbooks/own.toml";
/// One package that the hosts have and one they lack, and one of each kind.
const OWN: &str = r#"[playbook]
name  = "own"
title = "the drill's"
on    = "base"
needs = ["base"]

[[step]]
name    = "packages"
package = ["libjq1", "sudo"]

[[step]]
name = "account"
user = { name = "drill" }

[[step]]
name      = "folder"
directory = { path = "/etc/drill", owner = "drill" }

[[step]]
name   = "settings"
file   = { path = "/etc/drill/drill.conf", content = "one\n", owner = "drill" }
notify = ["service"]

[[step]]
name = "unit file"
file = { path = "/etc/systemd/system/drill.service", content = "[Service]\nUser=drill\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n" }

[[step]]
name  = "service"
after = ["settings"]
unit  = { name = "drill.service", state = "started", enabled = true }

[[step]]
name      = "data"
directory = { path = "/srv/drill", owner = "drill", data = true }
"#;
const TAKEN: &str = "/etc/drill-taken.conf";

fn put(stage: &Stage, text: &str) -> Result {
    let folder = stage.folder.path("playbooks");
    fs::create_dir_all(&folder).map_err(|e| e.to_string())?;
    stage.folder.write(PLAYBOOK, text).map(drop)
}

fn prune(stage: &mut Stage) -> Result<String> {
    put(stage, OWN)?;
    stage.expect(0, &["apply", "--auto-approve"])?;
    renamed(stage)?;
    foreign(stage)?;
    let took = gone(stage)?;
    data(stage)?;
    Ok(format!("6 kinds gone in {took:.1} s in order; data, adopted and needed things stayed"))
}

/// Other names of playbook, steps and file are no change.
fn renamed(stage: &mut Stage) -> Result {
    let other =
        OWN.replace("\"settings\"", "\"its settings\"").replace("name  = \"own\"", "name  = \"mine\"");
    put(stage, &other)?;
    stage.expect_converged()?;
    put(stage, OWN)
}

/// Somebody's file stays until it is named; then its content is kept.
fn foreign(stage: &mut Stage) -> Result {
    stage.lab.sh("node3", &format!("echo theirs >{TAKEN}"))?;
    let more = format!(
        "{OWN}\n[[step]]\nname = \"taken\"\nfile = {{ path = \"{TAKEN}\", content = \"ours\\n\" }}\n"
    );
    put(stage, &more)?;
    let planned = stage.expect(0, &["plan"])?;
    let shown = format!("! file:{TAKEN} is in the way, on node3");
    ensure!(planned.stdout.contains(&shown), "no '{shown}' in {}", planned.describe());
    let refused = stage.expect(1, &["apply", "--auto-approve"])?;
    ensure!(refused.both().contains(&format!("node3/file:{TAKEN}")), "not named: {}", refused.describe());
    let found = stage.lab.on_all(&HOSTS, &format!("cat {TAKEN} 2>/dev/null || :"))?;
    ensure!(found == ["", "", "theirs\n", ""], "something was written: {found:?}");
    stage.expect(0, &["apply", "--auto-approve", "--adopt", TAKEN])?;
    let found = stage.lab.on_all(&HOSTS, &format!("cat {TAKEN}"))?;
    ensure!(found.iter().all(|text| text == "ours\n"), "not taken over: {found:?}");
    stage.lab.sh("node3", &format!("grep -qx theirs /var/lib/hacluster/previous/*{TAKEN}"))?;
    stage.expect_converged().map(drop)
}

/// The playbook leaves the folder; on node1 somebody needs its package by now.
fn gone(stage: &mut Stage) -> Result<f64> {
    stage.lab.on_all(&HOSTS, "echo precious >/srv/drill/rows")?;
    stage.lab.sh("node1", "apt-get -q -y install jq >/dev/null 2>&1")?;
    fs::remove_file(stage.folder.path(PLAYBOOK)).map_err(|e| e.to_string())?;
    let planned = stage.expect(2, &["plan", "--detailed-exitcode"])?;
    for shown in [
        "- unit:drill.service, on all 4 hosts (there is no playbook own any more)",
        "- file:/etc/drill/drill.conf, on all 4 hosts",
        "- file:/etc/systemd/system/drill.service, on all 4 hosts",
        "- directory:/etc/drill, on all 4 hosts",
        "- package:libjq1, on node2, node3, nas",
        ". package:sudo is only forgotten, on all 4 hosts (it was there before hacluster)",
        "node1 keeps package:libjq1, which nothing asks for any more: its removal would also remove jq",
        "it holds data; `apply --allow-destroy` removes it",
        &format!(". file:{TAKEN} is only forgotten, on node3"),
    ] {
        ensure!(planned.stdout.contains(shown), "no '{shown}' in {}", planned.describe());
    }
    let drift = stage.expect(3, &["drift-check"])?;
    ensure!(!drift.stdout.contains("Drift:"), "a removal is no drift: {}", drift.describe());
    let applied = stage.expect(0, &["apply", "--auto-approve"])?;
    ordered(stage)?;
    let left = "! systemctl is-active -q drill && ! systemctl is-enabled -q drill 2>/dev/null &&
        test ! -e /etc/drill -a ! -e /etc/systemd/system/drill.service -a -e /srv/drill/rows &&
        id drill >/dev/null && command -v sudo >/dev/null";
    stage.lab.on_all(&HOSTS, left)?;
    stage.lab.sh("node1", "jq -n 1 >/dev/null")?;
    let lacks = "test \"$(dpkg-query -W -f '${db:Status-Status}' libjq1)\" != installed";
    stage.lab.on_all(&["node2", "node3", "nas"], lacks)?;
    stage.expect_converged()?;
    Ok(applied.took.as_secs_f64())
}

/// As the journal of the run says for node2.
fn ordered(stage: &Stage) -> Result {
    let runs = stage.folder.path("state/hacluster/cold/runs");
    let mut files: Vec<_> =
        fs::read_dir(&runs).map_err(|e| e.to_string())?.flatten().map(|e| e.path()).collect();
    files.sort();
    let last = fs::read_to_string(files.last().ok_or("no journal")?).map_err(|e| e.to_string())?;
    let ended: Vec<String> = last
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|record| record["record"] == "step_ended")
        .filter_map(|record| record["id"].as_str()?.strip_prefix("node2/").map(str::to_owned))
        .collect();
    let kinds: Vec<&str> = ended.iter().filter_map(|id| id.split(':').next()).collect();
    let expected = ["unit", "file", "file", "file", "package", "directory"];
    ensure!(kinds == expected, "node2's removals ended as {ended:?}");
    Ok(())
}

/// With leave to destroy goes the data, and the user it belonged to.
fn data(stage: &mut Stage) -> Result {
    stage.lab.sh("node1", "apt-get -q -y remove jq >/dev/null 2>&1")?;
    stage.expect(0, &["apply", "--auto-approve", "--allow-destroy"])?;
    stage.lab.on_all(&HOSTS, "test ! -e /srv/drill && ! id drill 2>/dev/null")?;
    let planned = stage.expect_converged()?;
    ensure!(!planned.stdout.contains("keeps"), "something is kept still: {}", planned.describe());
    Ok(())
}

/// keepalived goes from everywhere, the NAS's votes too, its data with leave to
/// destroy; then all of it is asked for again.
fn members(stage: &mut Stage) -> Result<String> {
    let cluster = stage.cluster()?;
    let as_it_was = fs::read_to_string(stage.folder.path("cluster.toml")).map_err(|e| e.to_string())?;
    for (name, address) in NODES.into_iter().zip(["101", "102", "103"]) {
        let line = format!("address = \"192.168.15.{address}\"");
        ensure!(as_it_was.contains(name), "the inventory has no {name}");
        stage.folder.edit(&line, &format!("{line}\nroles = [\"-keepalived\"]"))?;
    }
    stage.folder.edit("etcd_members = 2", "etcd_members = 2\nroles = [\"-keepalived\", \"-etcd\"]")?;
    let planned = stage.expect(0, &["plan"])?;
    ensure!(planned.stdout.contains("nas keeps "), "the NAS's data is not kept: {}", planned.describe());
    ensure!(planned.stdout.contains("- unit:keepalived.service, on all 4 hosts"), "{}", planned.describe());
    let applied = stage.expect(0, &["apply", "--auto-approve"])?;
    let holders = cluster.vip_holders(&HOSTS)?;
    ensure!(holders.is_empty(), "the address is still on {holders:?}");
    let gone = "! systemctl is-active -q keepalived && test ! -e /etc/keepalived/keepalived.conf";
    stage.lab.on_all(&HOSTS, gone)?;
    let (healthy, _) = cluster.etcd_health("node1")?;
    ensure!(healthy == NODES && cluster.voters("node1")?.len() == 3, "healthy: {healthy:?}");
    stage.lab.sh("nas", "test -d /var/lib/etcd-patroni/nas-a/member && ! pgrep -x etcd")?;
    stage.expect_converged()?;

    stage.expect(0, &["apply", "--auto-approve", "--allow-destroy"])?;
    stage.lab.sh("nas", "test ! -e /var/lib/etcd-patroni")?;
    stage.expect_converged()?;
    stage.folder.write("cluster.toml", &as_it_was)?;
    let again = stage.expect(0, &["apply", "--auto-approve"])?;
    cluster.wait_healthy(&HOSTS, seconds(60))?;
    stage.expect_converged()?;
    Ok(format!(
        "address gone, 5 votes to 3 in {:.1} s, all back in {:.1} s",
        applied.took.as_secs_f64(),
        again.took.as_secs_f64()
    ))
}
