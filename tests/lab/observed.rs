//! Owns how a drill that shows cases of the matrix is looked at: all members five
//! times a second, beside an application that writes all the time to a cluster where
//! a write waits for a standby. Must not know what the drill does.

use crate::command::{Result, ensure};
use crate::inserter::{Inserter, clock};
use crate::lab::{HOSTS, seconds};
use crate::runner::{Drill, guarded};
use crate::stage::{Ground, Stage};
use crate::watch::Watch;

/// What a drill asks of those who look at it; anew for each.
#[derive(Debug, Default)]
pub struct Terms {
    /// Hosts that the drill takes down itself, or members on them.
    down: Vec<&'static str>,
    /// Seconds nobody may write at most.
    gap: Option<f64>,
}

impl Stage {
    /// What is down on this host from here on is the drill's own doing.
    pub fn excuse(&mut self, host: &str) {
        self.terms.down.extend(HOSTS.iter().filter(|known| **known == host));
    }

    /// Nobody may write for this many seconds at most.
    pub fn limit_gap(&mut self, most: f64) {
        self.terms.gap = Some(most);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    /// As all others; the application that writes is its own.
    Members,
    /// For two primaries and two holders of the address alone.
    Leaders,
    Nobody,
}

/// Who is looked at otherwise, and why.
const OTHERWISE: [(&str, Look, &str); 3] = [
    ("vip-occupied", Look::Nobody, "hosts as new: no member is there, and none may be made"),
    (
        "killed-again-and-again",
        Look::Leaders,
        "hosts as new: first members start together, and nobody can write before there is a cluster",
    ),
    (
        "rebuilt-node1",
        Look::Members,
        "it takes the leader away itself; writes have to go on from when another leads",
    ),
];

fn otherwise(name: &str) -> Option<Look> {
    OTHERWISE.iter().find(|(drill, ..)| *drill == name).map(|(_, look, _)| *look)
}

/// Drills that show cases, and are not looked at as they have to be.
pub fn wrong(drills: &[Drill]) -> Vec<String> {
    let shows = |drill: &&Drill| !drill.cases.is_empty();
    let unknown = OTHERWISE
        .iter()
        .filter(|(name, ..)| !drills.iter().filter(shows).any(|drill| drill.name == *name))
        .map(|(name, ..)| format!("{name} is looked at otherwise, and no drill of that name shows a case"));
    let waits = |drill: &&Drill| {
        drill.ground == Ground::Synchronous
            || matches!(otherwise(drill.name), Some(Look::Leaders | Look::Nobody))
    };
    let alone = drills
        .iter()
        .filter(shows)
        .filter(|drill| !waits(drill))
        .map(|drill| format!("{} shows cases where no write waits for a standby", drill.name));
    unknown.chain(alone).collect()
}

/// Does a drill; one that shows cases is looked at.
pub fn observed(stage: &mut Stage, drill: &Drill) -> Result<String> {
    stage.terms = Terms::default();
    if drill.cases.is_empty() {
        return (drill.run)(stage);
    }
    match otherwise(drill.name) {
        Some(Look::Nobody) => (drill.run)(stage),
        Some(Look::Leaders) => {
            for host in HOSTS {
                stage.excuse(host);
            }
            watched(stage, drill.run)
        }
        Some(Look::Members) => watched(stage, drill.run),
        None => watched(stage, |stage| under_load(stage, drill.run)),
    }
}

fn watched(stage: &mut Stage, work: impl FnOnce(&mut Stage) -> Result<String>) -> Result<String> {
    let watch = Watch::start(stage)?;
    let seen = guarded(|| work(stage));
    // What failed in between tells more than what was seen of it.
    let down = if seen.is_ok() { &stage.terms.down[..] } else { &HOSTS[..] };
    let looks = watch.finish(down);
    let (seen, looks) = (seen?, looks?);
    let excused = if down.is_empty() { String::new() } else { format!(", excused: {}", down.join(", ")) };
    Ok(format!("{seen}, {looks} looks{excused}"))
}

fn under_load(stage: &mut Stage, work: fn(&mut Stage) -> Result<String>) -> Result<String> {
    let inserter = Inserter::start(stage)?;
    let at = clock();
    let seen = guarded(|| work(stage));
    let answered = inserter.wait_acks(clock(), 5, seconds(30));
    let log = inserter.finish()?;
    let seen = seen?;
    answered?;
    let (lost, _) = log.lost(clock());
    ensure!(lost == 0, "{lost} acknowledged rows are lost ({seen})");
    let gap = log.gap(at)?;
    ensure!(
        stage.terms.gap.is_none_or(|most| gap <= most),
        "nobody could write for {gap:.1} s, more than {:?} s ({seen})",
        stage.terms.gap
    );
    Ok(format!("{seen}; gap {gap:.1} s, 0 lost"))
}
