//! Owns: runs that are asked to stop, by Ctrl-C, by `kill`, by a terminal that goes
//! away. Nothing is done twice, nothing is left behind, the next run goes on.

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use crate::command::{Call, Output, Result, Running, ensure, signal, wait_for};
use crate::lab::{HOSTS, seconds};
use crate::runner::{Drill, Tier};
use crate::stage::{APPLY_LIMIT, Ground, Stage};

pub const DRILLS: &[Drill] = &[Drill {
    name: "signals-in-lab",
    cases: &["F02", "F04", "F53"],
    tier: Tier::Full,
    ground: Ground::Applied,
    disturbs: true,
    expected: "exit 5 (130), lock free, each step once",
    run: |stage| stage.as_another(signals),
}];

const APPLY: [&str; 2] = ["apply", "--auto-approve"];
/// Steps of a host, one after the other.
const STEPS: usize = 16;

/// Each step writes a line, so that what was done twice shows.
fn playbook(stage: &Stage) -> Result {
    let mut text = "[playbook]\nname = \"many\"\ntitle = \"the drill's\"\non = \"base\"\n".to_owned();
    for step in 1..=STEPS {
        let after = if step > 1 { format!("after = [\"step {}\"]\n", step - 1) } else { String::new() };
        text.push_str(&format!(
            "\n[[step]]\nname = \"step {step}\"\n{after}command = {{ name = \"step {step}\", run = \"echo {step} \
             >>/var/tmp/drill-many; sleep 0.7; touch /var/tmp/drill-many-{step}\", \
             creates = \"/var/tmp/drill-many-{step}\" }}\n"
        ));
    }
    fs::create_dir_all(stage.folder.path("playbooks")).map_err(|e| e.to_string())?;
    stage.folder.write("playbooks/many.toml", &text).map(drop)
}

/// Steps that were begun on each host.
fn begun(stage: &Stage) -> Result<Vec<usize>> {
    let said = stage.lab.on_all(&HOSTS, "cat /var/tmp/drill-many 2>/dev/null || :")?;
    Ok(said.iter().map(|lines| lines.lines().count()).collect())
}

/// Waits until every host began so many steps.
fn wait_begun(stage: &Stage, count: usize) -> Result {
    wait_for(&format!("step {count}"), seconds(40), Duration::from_millis(100), || {
        let begun = begun(stage)?;
        if begun.iter().all(|steps| *steps >= count) { Ok(()) } else { Err(format!("begun: {begun:?}")) }
    })
}

fn signals(stage: &mut Stage) -> Result<String> {
    playbook(stage)?;
    let mut seen = Vec::new();
    for (name, step) in [("INT", 3), ("TERM", 6), ("HUP", 9)] {
        let run = stage.folder.hacluster(&stage.lab, APPLY_LIMIT, &APPLY).start()?;
        let ended = stopped(stage, run, name, step, 1)?;
        ensure!(ended.status == 5 && ended.both().contains("Apply interrupted"), "{}", ended.describe());
        let after = begun(stage)?;
        ensure!(after.iter().all(|steps| *steps <= step + 2), "{name} at step {step}, begun then: {after:?}");
        seen.push(format!("{name} at {step}: {after:?}"));
        ensure_free(stage, "free")?;
    }
    closed_pipe(stage)?;
    let twice = stage.folder.hacluster(&stage.lab, APPLY_LIMIT, &APPLY).start()?;
    let twice = stopped(stage, twice, "INT", 15, 2)?;
    ensure!(twice.status == 130, "{}", twice.describe());
    let last = stage.expect(0, &APPLY)?;
    ensure!(
        last.both().contains("was cut at"),
        "the next run does not say what was cut: {}",
        last.describe()
    );
    stage.expect_converged()?;
    let once: String = (1..=STEPS).map(|step| format!("{step}\n")).collect();
    let done = stage.lab.on_all(&HOSTS, "cat /var/tmp/drill-many")?;
    ensure!(done.iter().all(|lines| *lines == once), "not each step once: {done:?}");
    ensure_nothing_left(stage)?;
    Ok(format!("{}; twice: 130; then all once, 0 processes left", seen.join(", ")))
}

/// Sends the signal so many times once a step began everywhere.
fn stopped(stage: &Stage, run: Running, name: &str, step: usize, times: usize) -> Result<Output> {
    wait_begun(stage, step)?;
    let pid = stage.folder.process("apply")?;
    for _ in 0..times {
        signal(name, pid)?;
        sleep(Duration::from_millis(150));
    }
    let ended = run.wait()?;
    ensure!(!ended.both().contains("panicked"), "{}", ended.describe());
    Ok(ended)
}

/// Whoever reads it has gone, and then the terminal goes.
fn closed_pipe(stage: &Stage) -> Result {
    let binary = stage.folder.binary().to_string_lossy().into_owned();
    let script = "\"$0\" apply --auto-approve 2> >(head -c 1 >/dev/null) | head -c 1 >/dev/null; exit ${PIPESTATUS[0]}";
    let call: Call = stage.lab.inside(seconds(90), &["bash", "-c", script, &binary]);
    let call = call
        .dir(&stage.folder.path(""))
        .env("HOME", stage.folder.path("home"))
        .env("XDG_STATE_HOME", stage.folder.path("state"))
        .env("HACLUSTER_LAB_CACHE", &stage.lab.cache);
    let ended = stopped(stage, call.start()?, "HUP", 12, 1)?;
    // A broken pipe is 0 (design §5); what was interrupted outweighs it.
    ensure!([0, 5].contains(&ended.status), "{}", ended.describe());
    ensure_free(stage, "free")
}

fn ensure_free(stage: &Stage, word: &str) -> Result {
    let said = stage.folder.hacluster(&stage.lab, seconds(20), &["lock", "status"]).run()?.ok()?.stdout;
    ensure!(said.matches(word).count() >= HOSTS.len(), "lock status:\n{said}");
    Ok(())
}

/// No unit, process or file of a run is left on any host.
fn ensure_nothing_left(stage: &Stage) -> Result {
    let look = "systemctl list-units --all --no-legend --plain 'hacluster-[0-9]*' 'hacluster-revert-*' | cut -d' ' -f1
        for p in /proc/[0-9]*; do tr '\\0' ' ' <$p/cmdline 2>/dev/null | grep -F /run/hacluster/hacluster- || :; done
        ls -d /run/hacluster/running /run/hacluster/holder /run/hacluster/*.sh 2>/dev/null || :";
    let left = wait_for("nothing left of any run", seconds(5), Duration::from_millis(500), || {
        let left = stage.lab.on_all(&HOSTS, look)?;
        if left.iter().all(|said| said.trim().is_empty()) { Ok(()) } else { Err(format!("{left:?}")) }
    });
    left.map(drop)
}
