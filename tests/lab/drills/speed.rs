//! Owns: a plan with nothing to do beside ssh with the same probe, and with one
//! written by hand. Must run alone: whatever is timed does.

use std::fs;
use std::path::{Path, PathBuf};

use crate::command::{Result, ensure};
use crate::lab::{HOSTS, address, root, seconds};
use crate::product::read;
use crate::runner::{Drill, Tier};
use crate::stage::{Ground, Stage};

pub const DRILLS: &[Drill] = &[Drill {
    name: "plan-speed",
    cases: &[],
    tier: Tier::Quick,
    ground: Ground::Applied,
    disturbs: false,
    expected: "<= 1.3 x cold ssh (target 1.0)",
    run: speed,
}];

const ROUNDS: usize = 9;
/// Above the target of 1.0, because machines are noisy.
const LIMIT: f64 = 1.3;

/// Seconds of one contestant.
#[derive(Debug, Default)]
struct Times(Vec<f64>);

impl Times {
    fn sorted(&self) -> Vec<f64> {
        let mut times = self.0.clone();
        times.sort_by(f64::total_cmp);
        times
    }

    fn least(&self) -> f64 {
        self.sorted().first().copied().unwrap_or(f64::NAN)
    }

    fn median(&self) -> f64 {
        let times = self.sorted();
        times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
    }
}

fn speed(stage: &mut Stage) -> Result<String> {
    let same =
        scripts(stage, "same", |stage, host| Ok(stage.expect(0, &["render", "--probe", host])?.stdout))?;
    let text = read(&root().join("tests/lab/minimal-probe.sh"))?;
    let minimal = scripts(stage, "minimal", |_, _| Ok(text.clone()))?;
    let (mut plan, mut ssh, mut floor) = (Times::default(), Times::default(), Times::default());
    for round in 0..=ROUNDS {
        let times = [plan_once(stage)?, ssh_once(stage, &same)?, ssh_once(stage, &minimal)?];
        // The first one warms caches on both sides.
        if round > 0 {
            plan.0.push(times[0]);
            ssh.0.push(times[1]);
            floor.0.push(times[2]);
        }
    }
    for (name, times) in [("plan", &plan), ("ssh, same probe", &ssh), ("ssh, minimal probe", &floor)] {
        println!("    {name:18} min {:.3} s, median {:.3} s of {ROUNDS}", times.least(), times.median());
    }
    let ratios = [plan.median() / ssh.median(), plan.median() / floor.median()];
    println!(
        "    plan / ssh with the same probe: {:.2}; with a minimal one: {:.2} ({})",
        ratios[0],
        ratios[1],
        build(stage)
    );
    ensure!(ratios[0] <= LIMIT, "plan takes {:.2} x the time of ssh with the same probe", ratios[0]);
    Ok(format!("{:.2} x same probe, {:.2} x minimal; plan {:.3} s", ratios[0], ratios[1], plan.median()))
}

/// A debug build's cryptography is slower; the figure says which it was.
fn build(stage: &Stage) -> &'static str {
    let release = stage.folder.binary().components().any(|c| c.as_os_str() == "release");
    if release { "release build" } else { "debug build" }
}

/// A folder with a script for every host's address.
fn scripts(
    stage: &mut Stage,
    name: &str,
    text: impl Fn(&mut Stage, &str) -> Result<String>,
) -> Result<PathBuf> {
    let folder = stage.folder.path(name);
    fs::create_dir_all(&folder).map_err(|e| e.to_string())?;
    for host in HOSTS {
        let text = text(stage, host)?;
        ensure!(text.lines().count() > 10, "the probe of {host} is short: {text}");
        stage.folder.write(&format!("{name}/{}", address(host)), &text)?;
    }
    Ok(folder)
}

/// Outside the search for secrets: that takes time of its own.
fn plan_once(stage: &Stage) -> Result<f64> {
    let output =
        stage.folder.hacluster(&stage.lab, seconds(60), &["plan", "--detailed-exitcode"]).run()?.ok()?;
    Ok(output.took.as_secs_f64())
}

fn ssh_once(stage: &Stage, folder: &Path) -> Result<f64> {
    let script = root().join("tests/lab/cold-ssh.sh");
    let words =
        ["bash", &script.to_string_lossy(), &stage.lab.cache.to_string_lossy(), &folder.to_string_lossy()];
    Ok(stage.lab.inside(seconds(60), &words).run()?.ok()?.took.as_secs_f64())
}
