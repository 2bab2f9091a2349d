//! Owns: a setting that a service's checker accepts and the service dies of. Old
//! file and process are back at once, the words of the service are shown, no second
//! member meets it, and writes go on.

use std::fs;

use crate::command::{Output, Result, ensure};
use crate::lab::{HOSTS, root, seconds};
use crate::product::{counts, read};
use crate::runner::{Drill, Tier};
use crate::stage::{Ground, Stage};

pub const DRILLS: &[Drill] = &[Drill {
    name: "bad-file-rolled-back",
    cases: &["F58"],
    tier: Tier::Full,
    ground: Ground::Synchronous,
    disturbs: true,
    expected: "<= 15 s, exit 1, one member touched, gap <= 5 s",
    run: |stage| stage.as_another(bad_files),
}];

/// Seconds a service may be away, and nobody may write.
const AWAY: f64 = 15.0;
const GAP: f64 = 5.0;

/// A built-in template, and with what in it its service dies.
struct Bad {
    template: &'static str,
    from: &'static str,
    to: &'static str,
    /// What our own check says of it.
    refused: &'static str,
    /// The playbook, which a user may have without checks.
    playbook: &'static str,
    /// What the service says of it.
    says: &'static str,
    file: &'static str,
    processes: &'static str,
    unit: &'static str,
}

const ETCD: Bad = Bad {
    template: "etcd/member.env.j2",
    from: "ETCD_PRE_VOTE=true\n",
    to: "ETCD_PRE_VOTE=true\nETCD_SNAPSHOT_COUNT=many\n",
    refused: "ETCD_SNAPSHOT_COUNT is",
    playbook: "playbooks/etcd.toml",
    says: "for ETCD_SNAPSHOT_COUNT: parse error",
    file: "/etc/hacluster/etcd-*.env",
    processes: "pgrep -x etcd",
    unit: "'etcd-patroni@*'",
};

const KEEPALIVED: Bad = Bad {
    template: "keepalived/keepalived.conf.j2",
    from: "    virtual_router_id {{ vip.router_id }}\n",
    to: "",
    refused: "virtual_router_id is missing",
    playbook: "playbooks/keepalived.toml",
    says: "permanent error CONFIG",
    file: "/etc/keepalived/keepalived.conf",
    processes: "pgrep -x keepalived",
    unit: "keepalived.service",
};

fn bad_files(stage: &mut Stage) -> Result<String> {
    stage.limit_gap(GAP);
    let cluster = stage.cluster()?;
    cluster.wait_healthy(&HOSTS, seconds(90))?;
    let etcd = bad_file(stage, &ETCD, "with the old content")?;
    cluster.wait_healthy(&HOSTS, seconds(60))?;
    let keepalived = bad_file(stage, &KEEPALIVED, "with the old content")?;
    cluster.wait_healthy(&HOSTS, seconds(60))?;
    Ok(format!("etcd away {etcd:.1} s, keepalived {keepalived:.1} s"))
}

/// Says every fifth of a second which processes there are.
fn watch(bad: &Bad) -> String {
    format!(
        "while [ ! -e /run/drill-stop ]; do echo \"$(date +%s.%N) \"$({}); sleep 0.2; done",
        bad.processes
    )
}

/// Seconds from the last look that saw the processes of before to the first that
/// saw those which stayed; 0 where they are the same. Those between are no service.
fn away(watched: &str) -> f64 {
    let row = |line: &str| -> Option<(f64, String)> {
        let (at, processes) = line.split_once(' ')?;
        Some((at.parse().ok()?, processes.to_owned()))
    };
    let rows: Vec<(f64, String)> = watched.lines().filter_map(row).collect();
    let (Some((_, before)), Some((_, after))) = (rows.first(), rows.last()) else { return f64::INFINITY };
    if before == after {
        return 0.0;
    }
    let last = rows.iter().rfind(|(_, processes)| processes == before);
    let unlike = rows.iter().rposition(|(_, processes)| processes != after);
    let first = unlike.and_then(|at| rows.get(at + 1));
    last.zip(first).map_or(f64::INFINITY, |(last, first)| first.0 - last.0)
}

/// The built-in playbook without checkers.
fn unchecked(stage: &Stage, playbook: &str) -> Result {
    let text = read(&root().join(playbook))?;
    let without = |line: &str, from: &str, to: &str| match line.split_once(from) {
        Some((rest, more)) => match more.split_once(to) {
            Some((_, more)) => format!("{rest}{more}"),
            None => line.to_owned(),
        },
        None => line.to_owned(),
    };
    let cut = |line: &str| {
        let line = without(&without(line, "lint = \"", "\", "), "holds = {", "}, ");
        line.split_once(", validate = ").map_or(line.clone(), |(rest, _)| format!("{rest} }}"))
    };
    let text: Vec<String> = text.lines().map(cut).collect();
    fs::create_dir_all(stage.folder.path("playbooks")).map_err(|e| e.to_string())?;
    stage.folder.write(playbook, &text.join("\n")).map(drop)
}

/// Seconds the service was away at most.
fn bad_file(stage: &mut Stage, bad: &Bad, told: &str) -> Result<f64> {
    let text = read(&root().join("templates").join(bad.template))?;
    ensure!(text.contains(bad.from), "{} has no '{}'", bad.template, bad.from);
    let own = stage.folder.path("templates").join(bad.template);
    fs::create_dir_all(own.parent().ok_or("no folder")?).map_err(|e| e.to_string())?;
    fs::write(&own, text.replace(bad.from, bad.to)).map_err(|e| e.to_string())?;
    let look = format!("cat {} | sha256sum", bad.file);
    let refused = stage.expect(1, &["plan"])?.both();
    ensure!(refused.contains(bad.refused), "our own check does not say '{}': {refused}", bad.refused);
    unchecked(stage, bad.playbook)?;
    let files = stage.lab.on_all(&HOSTS, &look)?;
    let before = stage.lab.on_all(&HOSTS, bad.processes)?;

    let (applied, gone) = applied(stage, bad)?;
    for words in [bad.says, "was put back", told] {
        ensure!(applied.both().contains(words), "'{words}' is not said: {}", applied.describe());
    }
    ensure!(!applied.both().contains("not idempotent"), "{}", applied.describe());
    ensure!(gone <= AWAY, "away for {gone:.1} s");
    ensure!(stage.lab.on_all(&HOSTS, &look)? == files, "other files than before: {}", applied.describe());
    let after = stage.lab.on_all(&HOSTS, bad.processes)?;
    let touched = before.iter().zip(&after).filter(|(before, after)| before != after).count();
    ensure!(touched <= 1, "{touched} hosts have other processes: {before:?} {after:?}");
    let debts =
        stage.lab.on_all(&HOSTS, "ls /var/lib/hacluster/debt /var/lib/hacluster/undo 2>/dev/null || :")?;
    ensure!(debts.iter().all(|d| !d.contains(".service\n")), "debts are left: {debts:?}");
    stage.lab.on_all(
        &HOSTS,
        &format!("test -z \"$(systemctl list-units --state=failed --no-legend {})\"", bad.unit),
    )?;
    let planned = stage.expect(2, &["plan", "--detailed-exitcode"])?;
    let again = counts(&planned.stdout)?;
    ensure!(
        again.is_some_and(|[add, change, remove]| change >= 4 && add + remove == 0),
        "{again:?} is planned again"
    );

    fs::write(&own, format!("# right\n{text}")).map_err(|e| e.to_string())?;
    stage.expect(0, &["apply", "--auto-approve"])?;
    stage.expect_converged()?;
    fs::remove_file(&own).map_err(|e| e.to_string())?;
    stage.expect(0, &["apply", "--auto-approve"])?;
    Ok(gone)
}

/// What `apply` said of the bad file, and how long the service was away at most.
fn applied(stage: &mut Stage, bad: &Bad) -> Result<(Output, f64)> {
    let watches: Vec<_> =
        HOSTS.iter().map(|host| stage.lab.start(host, &watch(bad))).collect::<Result<_>>()?;
    let applied = stage.expect(1, &["apply", "--auto-approve"]);
    stage.lab.on_all(&HOSTS, "touch /run/drill-stop")?;
    let mut gone: f64 = 0.0;
    for running in watches {
        gone = gone.max(away(&running.wait()?.stdout));
    }
    stage.lab.on_all(&HOSTS, "rm /run/drill-stop")?;
    Ok((applied?, gone))
}
