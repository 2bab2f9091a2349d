//! Owns running drills in their order and the table of what came out.
//! Must not know what any of them does.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread;
use std::time::{Duration, Instant};

use crate::command::Result;
use crate::matrix;
use crate::observed::{self, observed};
use crate::stage::{Ground, Stage};
use crate::table::{self, word};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tier {
    /// Every CI run.
    Quick,
    /// When an issue is closed.
    Full,
}

/// One thing to show on real hosts.
#[derive(Debug, Clone, Copy)]
pub struct Drill {
    pub name: &'static str,
    /// What it shows of the matrix of faults.
    pub cases: &'static [&'static str],
    pub tier: Tier,
    /// What it starts from.
    pub ground: Ground,
    /// It leaves the ground otherwise than it found it, also where it passes.
    pub disturbs: bool,
    pub expected: &'static str,
    /// Gives what was seen, or why it is not as expected.
    pub run: fn(&mut Stage) -> Result<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Passed,
    Failed,
    Skipped,
}

pub struct Row {
    pub drill: Drill,
    pub seen: String,
    pub took: Duration,
    pub verdict: Verdict,
}

/// The lab stays up afterwards.
pub fn kept() -> bool {
    std::env::var("HACLUSTER_LAB_KEEP").is_ok_and(|v| v == "1")
}

/// Cases that are not in exactly one place, or not looked at as they have to be.
pub fn misplaced(drills: &[Drill]) -> Vec<String> {
    let claims = drills.iter().flat_map(|drill| drill.cases.iter().map(|case| (drill.name, *case)));
    let mut wrong =
        matrix::wrong(&claims.collect::<Vec<_>>()).unwrap_or_else(|error| vec![error.to_string()]);
    wrong.extend(observed::wrong(drills));
    wrong
}

/// Runs each lane's drills in a lab of its own, as far as they are of the tier; whether
/// all of them passed.
pub fn run(lanes: &[Vec<Drill>], tier: Tier, whole: bool) -> bool {
    let start = Instant::now();
    let stages: Result<Vec<_>> = (0..lanes.len()).map(Stage::new).collect();
    let rows = match stages {
        Ok(stages) => side_by_side(stages, lanes, tier),
        Err(why) => {
            eprintln!("lab suite: {why}");
            return false;
        }
    };
    table::drills(&rows);
    table::cases(&rows, whole);
    let count = |verdict| rows.iter().filter(|r| r.verdict == verdict).count();
    let (passed, failed, skipped) = (count(Verdict::Passed), count(Verdict::Failed), count(Verdict::Skipped));
    println!("\nlab suite: {:.0} s", start.elapsed().as_secs_f64());
    println!("{passed} passed, {failed} failed, {skipped} skipped");
    failed == 0
}

fn side_by_side(stages: Vec<Stage>, lanes: &[Vec<Drill>], tier: Tier) -> Vec<Row> {
    thread::scope(|scope| {
        let lanes = stages.into_iter().zip(lanes);
        let jobs: Vec<_> =
            lanes.map(|(stage, drills)| scope.spawn(move || lane(stage, drills, tier))).collect();
        // A drill's panic is its row; any other would leave rows out.
        jobs.into_iter().flat_map(|job| job.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
    })
}

/// One lab's drills, one after the other.
fn lane(mut stage: Stage, drills: &[Drill], tier: Tier) -> Vec<Row> {
    let rows = drills.iter().map(|drill| row(&mut stage, *drill, tier)).collect();
    if kept() {
        println!("the lab stays up (HACLUSTER_LAB_KEEP=1); end it with tests/lab/lab down");
        println!("its cluster.toml and secrets.toml: {}", stage.folder.path("").display());
    } else if let Err(why) = stage.lab.down() {
        eprintln!("the lab did not go down: {why}");
    }
    rows
}

fn row(stage: &mut Stage, drill: Drill, tier: Tier) -> Row {
    if drill.tier == Tier::Full && tier == Tier::Quick {
        let seen = "full tier only".to_owned();
        return Row { drill, seen, took: Duration::ZERO, verdict: Verdict::Skipped };
    }
    let told_before = stage.broken().map(str::to_owned);
    let before = Instant::now();
    let prepared = guarded(|| stage.prepare(drill.ground, drill.disturbs));
    let waited = before.elapsed();
    let start = Instant::now();
    let result = match prepared {
        Ok(()) => guarded(|| observed(stage, &drill)),
        Err(why) => Err(format!("could not be prepared: {why}")),
    };
    let took = start.elapsed();
    let (verdict, seen) = match result {
        Ok(seen) => (Verdict::Passed, seen),
        Err(why) => {
            if told_before.is_none() {
                report(stage, drill.name, &why);
            }
            let first = why.lines().next().unwrap_or_default().chars().take(150).collect();
            (Verdict::Failed, first)
        }
    };
    if drill.disturbs || verdict == Verdict::Failed {
        stage.disturbed();
    }
    println!(
        "{} {} ({:.1} s, prepared in {:.1} s): {seen}",
        word(verdict),
        drill.name,
        took.as_secs_f64(),
        waited.as_secs_f64()
    );
    Row { drill, seen, took, verdict }
}

/// A panic is a failure like any other: the lab must come down after it.
pub fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<String>().cloned();
        let said = said.or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()));
        Err(format!("panicked: {}", said.unwrap_or_default()))
    })
}

fn report(stage: &Stage, name: &str, why: &str) {
    eprintln!("\n##### {name} failed\n{why}");
    if let Some(last) = &stage.last {
        eprintln!("\n##### the last command of the product\n{}", last.describe());
    }
    match stage.lab.status() {
        Ok(Some(status)) => {
            eprintln!("\n##### the hosts\n{status}\n{}", stage.lab.journals());
        }
        Ok(None) => eprintln!("\n##### the lab is down"),
        Err(why) => eprintln!("\n##### {why}"),
    }
}
