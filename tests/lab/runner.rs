//! Owns running drills in their order and the table of what came out.
//! Must not know what any of them does.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use crate::command::Result;
use crate::stage::{Ground, Stage};

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
enum Verdict {
    Passed,
    Failed,
    Skipped,
}

struct Row {
    drill: Drill,
    seen: String,
    took: Duration,
    verdict: Verdict,
}

/// The lab stays up afterwards.
pub fn kept() -> bool {
    std::env::var("HACLUSTER_LAB_KEEP").is_ok_and(|v| v == "1")
}

/// Runs the drills of the tier; whether all of them passed.
pub fn run(drills: &[Drill], tier: Tier) -> bool {
    let start = Instant::now();
    let mut stage = match Stage::new() {
        Ok(stage) => stage,
        Err(why) => {
            eprintln!("lab suite: {why}");
            return false;
        }
    };
    let rows: Vec<Row> = drills.iter().map(|drill| row(&mut stage, *drill, tier)).collect();
    if kept() {
        println!("the lab stays up (HACLUSTER_LAB_KEEP=1); end it with tests/lab/lab down");
        println!("its cluster.toml and secrets.toml: {}", stage.folder.path("").display());
    } else if let Err(why) = stage.lab.down() {
        eprintln!("the lab did not go down: {why}");
    }
    table(&rows);
    let count = |verdict| rows.iter().filter(|r| r.verdict == verdict).count();
    let (passed, failed, skipped) = (count(Verdict::Passed), count(Verdict::Failed), count(Verdict::Skipped));
    println!("\nlab suite: {:.0} s", start.elapsed().as_secs_f64());
    println!("{passed} passed, {failed} failed, {skipped} skipped");
    failed == 0
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
        Ok(()) => guarded(|| (drill.run)(stage)),
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
fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<String>().cloned();
        let said = said.or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()));
        Err(format!("panicked: {}", said.unwrap_or_default()))
    })
}

fn report(stage: &Stage, name: &str, why: &str) {
    eprintln!("\n##### {name} failed\n{why}");
    if let Some(last) = stage.last() {
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

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "passed ",
        Verdict::Failed => "FAILED ",
        Verdict::Skipped => "skipped",
    }
}

fn table(rows: &[Row]) {
    let width = |of: fn(&Row) -> usize| rows.iter().map(of).max().unwrap_or(0);
    let (name, expected, seen) = (
        width(|r| r.drill.name.chars().count()),
        width(|r| r.drill.expected.chars().count()),
        width(|r| r.seen.chars().count()),
    );
    println!("\n{:name$} | {:expected$} | {:seen$} | seconds | result", "drill", "expected", "seen");
    for row in rows {
        println!(
            "{:name$} | {:expected$} | {:seen$} | {:7.1} | {}",
            row.drill.name,
            row.drill.expected,
            row.seen,
            row.took.as_secs_f64(),
            word(row.verdict).trim()
        );
    }
}
