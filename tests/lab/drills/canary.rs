//! Owns: while the cluster lives through what could give its secrets away, nobody
//! else sees one, however it is written.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::rotate::OWN;
use crate::capture::Capture;
use crate::command::{Result, ensure, wait_for};
use crate::forms::Needles;
use crate::lab::{HOSTS, Lab, seconds};
use crate::product::read;
use crate::runner::{Drill, Tier};
use crate::stage::{Ground, Stage};
use crate::sweep::Sweep;

// Another authority is not in it: its three applies take minutes, and are `rotate-ca`.
pub const DRILLS: &[Drill] = &[Drill {
    name: "canary-sweep",
    cases: &[],
    tier: Tier::Full,
    ground: Ground::Applied,
    disturbs: true,
    expected: "0 outside of 0600/0640 files, planted ones found",
    run: |stage| stage.as_another(canary),
}];

const LOOK: Duration = Duration::from_millis(100);
/// It has all that escaping is for.
const CHOSEN: &str = r#"can'ary "$(id)" \r%41&<y>;`x` Z7kPm2qW"#;
/// The servers log every statement, also the one with a new password.
const TABLES: &str = r#"
[postgres.parameters]
log_statement = "all"

[[postgres.user]]
name = "canary"
"#;
const TRAITOR: &str = r#"
[playbook]
name  = "canary"
title = "a step that says all it knows and fails"
on    = "patroni"

[[step]]
name    = "traitor"
command = { run = "grep -w password: /etc/patroni/config.yml; grep -w password: /etc/patroni/config.yml >&2; exit 1", creates = "/nonexistent" }
"#;

fn canary(stage: &mut Stage) -> Result<String> {
    stage.cluster()?.wait_healthy(&HOSTS, seconds(90))?;
    let own = std::mem::replace(&mut stage.sweep, Sweep::every(LOOK));
    let capture = Capture::start(&stage.lab)?;
    let lived = lived(stage);
    let planted = plant(&stage.lab);
    let captured = capture.stop();
    let sweep = std::mem::replace(&mut stage.sweep, own);
    lived?;
    let (planted, captured) = (planted?, captured?);

    Sweep::prove(&stage.lab)?;
    sweep.learn(leaves(&stage.lab)?);
    let found = sweep.finish(&stage.lab, &stage.folder)?;
    ensure!(found.is_empty(), "{} finds:\n{}", found.len(), found.join("\n"));
    let passed = captured.within(&sweep.needles())?;
    ensure!(passed.is_empty(), "in clear on the bridge: {passed:?}");
    let passed = captured.within(&planted)?;
    ensure!(passed.iter().eq(&PLANTED), "of what was planted on the bridge there was found {passed:?}");
    Ok(format!(
        "{} forms, 0 found: {} outputs, {} looks at processes, {} journal lines, {} packets",
        sweep.needles().count(),
        sweep.outputs(),
        sweep.samples.load(Ordering::Relaxed),
        sweep.journal_lines.load(Ordering::Relaxed),
        captured.packets
    ))
}

/// A value somebody chose, new ones of the cluster's own, a host from nothing, and a
/// step that fails.
fn lived(stage: &mut Stage) -> Result {
    let set = stage.told(&["secrets", "set", "postgres-canary"], CHOSEN)?;
    ensure!(set.status == 0, "{}", set.describe());
    let file = read(&stage.folder.path("cluster.toml"))?;
    stage.folder.write("cluster.toml", &format!("{file}{TABLES}"))?;
    stage.expect(0, &[&["secrets", "rotate"][..], &OWN].concat())?;
    stage.expect(0, &["secrets", "list"])?;
    stage.expect(2, &["plan", "--detailed-exitcode", "--json"])?;
    stage.expect(2, &["plan", "--detailed-exitcode", "--out", "saved-plan"])?;
    stage.expect(0, &["apply", "saved-plan"])?;
    stage.sql_as("canary", "postgres", "postgres-canary")?.run("select 1")?;

    let cluster = stage.cluster()?;
    stage.lab.power(&["reset", "node3"])?;
    wait_for("a leader among the others", seconds(60), seconds(1), || match cluster.leader("node1")? {
        leader if leader == "node3" => Err("still node3".to_owned()),
        _ => Ok(()),
    })?;
    stage.expect(0, &["apply", "--auto-approve"])?;
    cluster.wait_healthy(&HOSTS, seconds(60))?;

    fails(stage)?;
    for words in [
        &["render", "patroni/config.yml.j2", "--host", "node1"][..],
        &["graph"],
        &["status"],
        &["drift-check", "--json"],
    ] {
        stage.hacluster(words)?;
    }
    Ok(())
}

fn fails(stage: &mut Stage) -> Result {
    let folder = stage.folder.path("playbooks");
    std::fs::create_dir_all(&folder).map_err(|e| e.to_string())?;
    stage.folder.write("playbooks/canary.toml", TRAITOR)?;
    let failed = stage.expect(1, &["apply", "--auto-approve"])?;
    for name in OWN.into_iter().filter(|name| *name != "etcd.root") {
        let told = failed.both().contains(&format!("({name})"));
        ensure!(told, "the step that fails did not say {name}: {}", failed.describe());
    }
    std::fs::remove_dir_all(&folder).map_err(|e| e.to_string())
}

/// The line of each key that hosts were sent which ends in its secret half; what
/// follows is the public one, which the certificate has too.
fn leaves(lab: &Lab) -> Result<Vec<(String, String)>> {
    let said = lab.on_all(
        &HOSTS,
        "for key in /etc/hacluster/pki/*.key /etc/patroni/tls/*.key; do sed -n 2p $key; done",
    )?;
    let lines = HOSTS.iter().zip(&said).flat_map(|(host, said)| said.lines().map(move |line| (host, line)));
    let lines = lines.filter(|(_, line)| !line.starts_with("---") && line.len() > 40);
    let keys: Vec<_> = lines.map(|(host, line)| (format!("a key of {host}"), line.to_owned())).collect();
    ensure!(keys.len() >= 4 * HOSTS.len(), "only {} keys", keys.len());
    Ok(keys)
}

/// They pass in clear between two hosts: one in a login's base64, one as it is.
const PLANTED: [&str; 2] = ["a login", "a word"];

fn plant(lab: &Lab) -> Result<Needles> {
    let (login, word) = ("planted-login-8c41d7e2", "planted-word-5a90be3f");
    let mut needles = Needles::default();
    needles.add(PLANTED[0], login);
    needles.add(PLANTED[1], word);
    lab.sh(
        "node1",
        &format!(
            "bash -s <<'END'\nset -e; to=/dev/udp/192.168.15.102/9; printf {word} >$to\n\
             printf patroni:{login} | base64 -w 0 >$to\nEND"
        ),
    )?;
    Ok(needles)
}
