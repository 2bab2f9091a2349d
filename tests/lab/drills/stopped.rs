//! Owns: runs that are asked to stop, by Ctrl-C, by `kill`, by a terminal that goes
//! away; and a control machine whose disk is full. Nothing is done twice, nothing
//! is left behind, the next run goes on.

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use crate::command::{Call, Output, Result, Running, ensure, signal, wait_for};
use crate::lab::{HOSTS, seconds};
use crate::product::read;
use crate::runner::{Drill, Tier};
use crate::stage::{APPLY_LIMIT, Ground, Stage};

pub const DRILLS: &[Drill] = &[
    Drill {
        name: "signals-in-lab",
        cases: &["F02", "F04", "F53"],
        tier: Tier::Full,
        ground: Ground::Synchronous,
        disturbs: true,
        expected: "exit 5 (130), lock free, each step once",
        run: |stage| stage.as_another(signals),
    },
    Drill {
        name: "journal-disk-full",
        cases: &["F05"],
        tier: Tier::Full,
        ground: Ground::Synchronous,
        disturbs: true,
        expected: "exit 1, nothing done that no journal holds",
        run: |stage| stage.as_another(full),
    },
];

const APPLY: [&str; 2] = ["apply", "--auto-approve"];
/// Steps of a host, one after the other, and seconds each takes.
const STEPS: usize = 20;

/// Each step writes a line, so that what was done twice shows.
fn playbook(stage: &Stage, seconds: &str) -> Result {
    let mut text = "[playbook]\nname = \"many\"\ntitle = \"the drill's\"\non = \"base\"\n".to_owned();
    for step in 1..=STEPS {
        let after = if step > 1 { format!("after = [\"step {}\"]\n", step - 1) } else { String::new() };
        text.push_str(&format!(
            "\n[[step]]\nname = \"step {step}\"\n{after}command = {{ name = \"step {step}\", run = \"echo {step} \
             >>/var/tmp/drill-many; sleep {seconds}; touch /var/tmp/drill-many-{step}\", \
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
    playbook(stage, "0.7")?;
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
        .env("XDG_STATE_HOME", stage.folder.path("state"));
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
pub(super) fn ensure_nothing_left(stage: &Stage) -> Result {
    let look = "systemctl list-units --all --no-legend --plain 'hacluster-[0-9]*' 'hacluster-revert-*' | cut -d' ' -f1
        for p in /proc/[0-9]*; do tr '\\0' ' ' <$p/cmdline 2>/dev/null | grep -F /run/hacluster/hacluster- || :; done
        ls -d /run/hacluster/running /run/hacluster/holder /run/hacluster/*.sh /etc/systemd/system/hacluster-revert.service* \
            /etc/systemd/system/sysinit.target.wants/hacluster-revert.service /var/lib/hacluster/undo/.guard/armed 2>/dev/null || :";
    let left = wait_for("nothing left of any run", seconds(5), Duration::from_millis(500), || {
        let left = stage.lab.on_all(&HOSTS, look)?;
        if left.iter().all(|said| said.trim().is_empty()) { Ok(()) } else { Err(format!("{left:?}")) }
    });
    left.map(drop)
}

/// A state folder on a file system of its own, with so much room.
struct Mount<'a> {
    stage: &'a Stage,
}

impl<'a> Mount<'a> {
    fn new(stage: &'a Stage, size: &str) -> Result<Self> {
        let at = stage.folder.path("state");
        fs::create_dir_all(&at).map_err(|e| e.to_string())?;
        let options = format!("size={size},mode=0700");
        let at = at.to_string_lossy().into_owned();
        Call::new(seconds(10), ["mount", "-t", "tmpfs", "-o", &options, "tmpfs", &at]).run()?.ok()?;
        Ok(Self { stage })
    }

    /// Takes all room but so many pages of 4 KiB.
    fn fill_but(&self, pages: usize) -> Result {
        let file = self.stage.folder.path("state/filler");
        let full = fs::File::create(&file).and_then(|mut file| {
            std::io::copy(&mut std::io::Read::take(std::io::repeat(0), 1 << 20), &mut file)
        });
        ensure!(full.is_err(), "1 MiB fits into a smaller file system");
        let length = fs::metadata(&file).map_err(|e| e.to_string())?.len();
        let page = u64::try_from(pages).unwrap_or_default() * 4096;
        let file = fs::OpenOptions::new().write(true).open(&file).map_err(|e| e.to_string())?;
        file.set_len(length.saturating_sub(page)).map_err(|e| e.to_string())
    }
}

impl Drop for Mount<'_> {
    fn drop(&mut self) {
        let at = self.stage.folder.path("state").to_string_lossy().into_owned();
        let _ = Call::new(seconds(10), ["umount", "-l", &at]).run();
    }
}

/// The journal's disk is full before the first change, and in the middle of a run.
fn full(stage: &mut Stage) -> Result<String> {
    playbook(stage, "0")?;
    let none = {
        let mount = Mount::new(stage, "64k")?;
        mount.fill_but(0)?;
        let ended = stage.folder.hacluster(&stage.lab, APPLY_LIMIT, &APPLY).run()?;
        ensure!(
            ended.status == 1 && ended.both().contains("journal cannot be written"),
            "{}",
            ended.describe()
        );
        begun(stage)?
    };
    ensure!(none.iter().all(|steps| *steps == 0), "steps were done without a journal: {none:?}");
    ensure_free(stage, "free")?;
    let (some, told) = {
        let mount = Mount::new(stage, "64k")?;
        // Folders take none; the first page of the journal holds some steps.
        mount.fill_but(1)?;
        let ended = stage.folder.hacluster(&stage.lab, APPLY_LIMIT, &APPLY).run()?;
        ensure!(
            ended.status == 1 && ended.both().contains("journal cannot be written"),
            "{}",
            ended.describe()
        );
        (begun(stage)?, journal(stage)?)
    };
    for (host, steps) in HOSTS.iter().zip(&some) {
        let written =
            (1..=STEPS).filter(|step| told.contains(&format!("\"{host}/command:step {step}\""))).count();
        ensure!(*steps <= written && *steps < STEPS, "{host} did {steps} steps, the journal has {written}");
    }
    stage.expect(0, &APPLY)?;
    stage.expect_converged()?;
    let once: String = (1..=STEPS).map(|step| format!("{step}\n")).collect();
    let done = stage.lab.on_all(&HOSTS, "cat /var/tmp/drill-many")?;
    ensure!(done.iter().all(|lines| *lines == once), "not each step once: {done:?}");
    ensure_nothing_left(stage)?;
    Ok(format!("full before: 0 steps; full in the middle: {some:?} of {STEPS}; then each once"))
}

/// Every line of every journal.
fn journal(stage: &Stage) -> Result<String> {
    let runs = fs::read_dir(stage.folder.path("state/hacluster/cold/runs")).map_err(|e| e.to_string())?;
    runs.flatten().map(|file| read(&file.path())).collect()
}
