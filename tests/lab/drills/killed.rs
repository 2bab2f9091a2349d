//! Owns: a control process that is killed again and again on the way from nothing
//! to a cluster; what stands in the end is what an undisturbed run makes.

use std::collections::BTreeMap;
use std::fs;
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

use crate::command::{Result, ensure, signal};
use crate::lab::{HOSTS, seconds};
use crate::runner::{Drill, Tier};
use crate::stage::{APPLY_LIMIT, Ground, Stage};

pub const DRILLS: &[Drill] = &[Drill {
    name: "killed-again-and-again",
    cases: &["F01"],
    tier: Tier::Full,
    ground: Ground::Fresh,
    disturbs: true,
    expected: "25 times killed, the same as a twin",
    run: killed,
}];

const KILLS: usize = 25;
const APPLY: [&str; 2] = ["apply", "--auto-approve"];
/// Between two looks at the journal.
const LOOK: Duration = Duration::from_millis(5);

fn killed(stage: &mut Stage) -> Result<String> {
    let seed = std::env::var("HACLUSTER_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_261_121);
    let mut random: u64 = seed;
    let (mut kills, mut ends) = (0, Vec::new());
    while kills < KILLS {
        // Knuth's MMIX constants.
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let more = 1 + usize::try_from((random >> 33) % 3).unwrap_or_default();
        if kill_after(stage, more)? {
            kills += 1;
        } else {
            // It got to its end before: once more from nothing.
            ends.push(end(stage)?);
            stage.lab.power(&[&["reset"][..], &HOSTS].concat())?;
        }
    }
    let last = stage.expect(0, &APPLY)?;
    ends.push(end(stage)?);
    stage.lab.power(&[&["reset"][..], &HOSTS].concat())?;
    stage.expect(0, &APPLY)?;
    let twin = end(stage)?;
    let of = |all: &Digest, what: &str| all.get(what).map_or("nothing", String::as_str).to_owned();
    for found in &ends {
        for what in twin.keys().chain(found.keys()) {
            let (ours, theirs) = (of(found, what), of(&twin, what));
            ensure!(ours == theirs, "{what} is {ours}, the twin has {theirs} (seed {seed})");
        }
    }
    let resumed = last.both().contains("was cut");
    ensure!(resumed, "the last run does not say that one before was cut: {}", last.describe());
    Ok(format!(
        "{kills} times killed in {} goes, the last done in {:.1} s; each ended as the twin in {} things (seed {seed})",
        ends.len(),
        last.took.as_secs_f64(),
        twin.len()
    ))
}

/// What stands when a run got to its end.
fn end(stage: &mut Stage) -> Result<Digest> {
    stage.cluster()?.wait_healthy(&HOSTS, seconds(60))?;
    stage.expect_converged()?;
    digest(stage)
}

/// Kills a run once its journal has so many lines more; whether it still ran.
fn kill_after(stage: &Stage, more: usize) -> Result<bool> {
    let wanted = lines(stage) + more;
    let mut run = stage.folder.hacluster(&stage.lab, APPLY_LIMIT, &APPLY).start()?;
    while run.is_running() && lines(stage) < wanted {
        sleep(LOOK);
    }
    let killed = stage.folder.process("apply").and_then(|pid| signal("KILL", pid)).is_ok();
    run.wait()?;
    Ok(killed)
}

/// Of all journals.
fn lines(stage: &Stage) -> usize {
    let runs = fs::read_dir(stage.folder.path("state/hacluster/cold/runs")).into_iter().flatten().flatten();
    runs.map(|file| fs::read_to_string(file.path()).unwrap_or_default().lines().count()).sum()
}

type Digest = BTreeMap<String, String>;

/// What hacluster holds on each host, without what is new with every start.
fn digest(stage: &Stage) -> Result<Digest> {
    let mut found = Digest::new();
    for host in HOSTS {
        let ledger: Value = serde_json::from_str(&stage.lab.sh(host, "cat /var/lib/hacluster/ledger.json")?)
            .map_err(|e| format!("{host}'s ledger: {e}"))?;
        for part in ["resources", "owned"] {
            let ids: Vec<&String> = ledger[part].as_object().into_iter().flat_map(|map| map.keys()).collect();
            found.insert(format!("{host} {part}"), format!("{ids:?}"));
        }
        let of = |kind: &str| -> String {
            let prefix = format!("{host}/{kind}:");
            let ids = ledger["resources"].as_object().into_iter().flat_map(|map| map.keys());
            let names: Vec<&str> = ids.filter_map(|id| id.strip_prefix(&prefix)).collect();
            names.join(" ")
        };
        let script = format!(
            "for f in {files} {folders}; do stat -c '%n %F %a %U %G' $f; done; sha256sum {files}\n\
             for c in {certificates}; do echo $c $(openssl x509 -noout -issuer -subject -ext subjectAltName,extendedKeyUsage -in $c); done\n\
             dpkg-query -W; systemctl show -p Id,ActiveState,UnitFileState {units}; grep -v '^#' /etc/passwd | cut -d: -f1,6,7",
            files = of("file"),
            folders = of("directory"),
            certificates = of("certificate"),
            units = of("unit"),
        );
        for (number, line) in stage.lab.sh(host, &script)?.lines().enumerate() {
            found.insert(format!("{host} line {number}"), line.to_owned());
        }
    }
    Ok(found)
}
