//! Owns: one run at a time, whatever becomes of the machine that started it.

use std::fs;
use std::time::Instant;

use crate::command::{Result, Running, ensure, signal, wait_for};
use crate::lab::{HOSTS, seconds};
use crate::product::Folder;
use crate::runner::{Drill, Tier};
use crate::stage::{APPLY_LIMIT, Ground, Stage};

pub const DRILLS: &[Drill] = &[
    Drill {
        name: "lock-races",
        cases: &["F07"],
        tier: Tier::Full,
        ground: Ground::Synchronous,
        disturbs: false,
        expected: "500 times taken, never twice at once",
        run: races,
    },
    Drill {
        name: "vanished-client",
        cases: &["F08", "F13"],
        tier: Tier::Full,
        ground: Ground::Synchronous,
        disturbs: true,
        expected: "free in 35 s, adopted, done once",
        run: |stage| stage.as_another(vanished),
    },
];

const TIMES: u64 = 500;

fn races(stage: &mut Stage) -> Result<String> {
    let own = std::env::current_exe().map_err(|e| e.to_string())?;
    let (own, cache) = (own.to_string_lossy().into_owned(), stage.lab.cache.to_string_lossy().into_owned());
    let said = stage.lab.inside(seconds(400), &[&own, "contend", &cache, &TIMES.to_string()]).run()?.ok()?;
    let numbers: Vec<u64> = said.stdout.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let [taken, busy, double, slowest] = numbers[..] else { return Err(said.describe()) };
    ensure!(double == 0, "{double} times two held it at once");
    ensure!(taken >= TIMES && busy > 0, "{taken} times taken, {busy} times busy: no race");
    let left = stage.lab.on_all(&HOSTS, "sleep 1; ls /run/hacluster/holder 2>/dev/null || :")?;
    ensure!(left.iter().all(String::is_empty), "a holder is left: {left:?}");
    stage.as_another(|stage| (0..3).try_for_each(|_| two_at_once(stage)))?;
    // What the other operator's file asked for, and this one does not.
    stage.expect(0, &["apply", "--auto-approve"])?;
    stage.expect_converged()?;
    Ok(format!(
        "taken {taken} times, {busy} times busy, 0 twice; slowest {slowest} ms; 3 x 2 applies: one each"
    ))
}

const TWO: &str = r#"[playbook]
name  = "two"
title = "the drill's"
on    = "base"

[[step]]
name    = "two"
command = { name = "two", run = "echo once >>/var/tmp/drill-two; sleep 4; touch /var/tmp/drill-two-done", creates = "/var/tmp/drill-two-done" }
"#;

/// Two whole runs started at the same time from two folders: one does all of it, the
/// other names who is at it.
fn two_at_once(stage: &mut Stage) -> Result {
    stage.lab.on_all(&HOSTS, "rm -f /var/tmp/drill-two /var/tmp/drill-two-done")?;
    let other = stage.folder.fresh_clone(&stage.lab)?;
    let start = |folder: &Folder| {
        fs::create_dir_all(folder.path("playbooks")).map_err(|e| e.to_string())?;
        folder.write("playbooks/two.toml", TWO)?;
        folder.hacluster(&stage.lab, APPLY_LIMIT, &["apply", "--auto-approve"]).start()
    };
    let runs = [start(&stage.folder)?, start(&other)?];
    let mut ended = runs.into_iter().map(Running::wait).collect::<Result<Vec<_>>>()?;
    ended.sort_by_key(|output| output.status);
    let [one, two] = &ended[..] else { return Err("not two runs".to_owned()) };
    ensure!(one.status == 0 && two.status == 1, "{}\n{}", one.describe(), two.describe());
    ensure!(two.both().contains("holds the lock (") && two.both().contains(", run "), "{}", two.describe());
    let counts = stage.lab.on_all(&HOSTS, "wc -l </var/tmp/drill-two")?;
    ensure!(counts.iter().all(|count| count.trim() == "1"), "not done once: {counts:?}");
    Ok(())
}

/// Seconds its step takes: longer than a vanished holder keeps the lock.
const STEP: u64 = 55;
/// The step after it runs once, so it is a batch of its own.
const PLAYBOOK: &str = r#"[playbook]
name  = "slow"
title = "the drill's"
on    = "base"

[[step]]
name    = "slow"
command = { name = "slow", run = "echo once >>/var/tmp/drill-slow; sleep STEP; touch /var/tmp/drill-done", creates = "/var/tmp/drill-done" }

[[step]]
name    = "next"
once    = "first"
after   = ["slow"]
command = { name = "next", run = "echo once >>/var/tmp/drill-next; touch /var/tmp/drill-over", creates = "/var/tmp/drill-over" }
"#;

/// Its machine stops without a word in the middle of a step.
fn vanished(stage: &mut Stage) -> Result<String> {
    let playbook = PLAYBOOK.replace("STEP", &STEP.to_string());
    fs::create_dir_all(stage.folder.path("playbooks")).map_err(|e| e.to_string())?;
    stage.folder.write("playbooks/slow.toml", &playbook)?;
    let words = ["apply", "--auto-approve"];
    let first = stage.folder.hacluster(&stage.lab, APPLY_LIMIT, &words).start()?;
    let pid = wait_for("the slow step", seconds(30), seconds(1), || {
        let said = stage.hacluster(&["lock", "status"])?.stdout;
        let at = said.matches("now at node").count() + said.matches("now at nas").count();
        ensure!(at == HOSTS.len(), "{said}");
        stage.folder.process("apply")
    })?;
    signal("STOP", pid)?;
    let stopped = Instant::now();
    let ended = stage.as_another(|stage| next(stage, &playbook, stopped));
    signal("CONT", pid)?;
    let first = first.wait()?;
    let (free, adopted) = ended?;
    // It wakes up, sees that all is done, and does nothing twice.
    ensure!(first.status <= 1, "{}", first.describe());
    let mut counts = stage.lab.on_all(&HOSTS, "wc -l </var/tmp/drill-slow")?;
    counts.push(stage.lab.sh("node1", "wc -l </var/tmp/drill-next")?);
    ensure!(counts.iter().all(|count| count.trim() == "1"), "not done once: {counts:?}");
    stage.expect_converged()?;
    Ok(format!(
        "free after {free:.1} s; the next run waited and was done after {adopted:.1} s; each step ran once"
    ))
}

/// Somebody else, from another folder: seconds until the lock was free, and until
/// the own run was done.
fn next(stage: &mut Stage, playbook: &str, stopped: Instant) -> Result<(f64, f64)> {
    fs::create_dir_all(stage.folder.path("playbooks")).map_err(|e| e.to_string())?;
    stage.folder.write("playbooks/slow.toml", playbook)?;
    let busy = stage.expect(1, &["apply", "--auto-approve"])?;
    ensure!(busy.both().contains("holds the lock"), "{}", busy.describe());
    let drift = stage.expect(0, &["drift-check"])?;
    ensure!(drift.stdout.contains("A run is under way"), "{}", drift.describe());
    wait_for("a free lock", seconds(45), seconds(1), || {
        let said = stage.expect(0, &["lock", "status"])?.stdout;
        let free = said.matches("free, but run ").count();
        if free == HOSTS.len() { Ok(()) } else { Err(said) }
    })?;
    let free = stopped.elapsed().as_secs_f64();
    ensure!(free <= 35.0, "the lock was free only after {free:.1} s");
    let applied = stage.expect(0, &["apply", "--auto-approve"])?;
    let said = applied.both();
    for words in ["finishes what a run before left there: ", "has ended, 1 of 1 steps well"] {
        ensure!(said.matches(words).count() == HOSTS.len(), "not {words:?} of every host: {said}");
    }
    Ok((free, stopped.elapsed().as_secs_f64()))
}
