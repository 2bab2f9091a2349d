//! Owns: a wrong inventory is refused with its place, and contacts no host.

use std::fs;

use crate::command::{Result, ensure};
use crate::lab::{root, seconds};
use crate::runner::{Drill, Tier};
use crate::stage::{Ground, Stage};

pub const DRILLS: &[Drill] = &[Drill {
    name: "wrong-inventories",
    cases: &[],
    tier: Tier::Quick,
    ground: Ground::Applied,
    disturbs: false,
    expected: ">= 25 refused, no host contacted",
    run: wrong,
}];

const CASES: &str = "tests/cases/inventory";
/// Every attempt to reach anything from this side of the lab's network.
const COUNT: &str = "nft -f - <<'END'
table inet drill
delete table inet drill
table inet drill {
  chain out {
    type filter hook output priority 0
    oifname != lo tcp flags & (syn | ack) == syn counter
    oifname != lo meta l4proto udp counter
  }
}
END";

fn attempts(stage: &Stage) -> Result<u64> {
    let said = stage.lab.inside(seconds(10), &["nft", "list", "table", "inet", "drill"]).run()?.ok()?;
    let words: Vec<&str> = said.stdout.split_whitespace().collect();
    Ok(words.windows(2).filter(|w| w[0] == "packets").filter_map(|w| w[1].parse::<u64>().ok()).sum())
}

fn wrong(stage: &mut Stage) -> Result<String> {
    stage.lab.inside(seconds(10), &["sh", "-c", COUNT]).run()?.ok()?;
    let result = all_refused(stage);
    let removed = stage.lab.inside(seconds(10), &["nft", "delete", "table", "inet", "drill"]).run()?;
    let seen = result?;
    removed.ok()?;
    Ok(seen)
}

fn all_refused(stage: &mut Stage) -> Result<String> {
    let mut files: Vec<_> = fs::read_dir(root().join(CASES))
        .map_err(|e| format!("{CASES}: {e}"))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|e| e == "toml"))
        .collect();
    files.sort();
    let (mut refused, mut problems) = (0, 0);
    for path in files {
        let text = String::from_utf8_lossy(&fs::read(&path).map_err(|e| e.to_string())?).into_owned();
        let expected: Vec<&str> = text.lines().filter_map(|l| l.strip_prefix("#! ")).collect();
        // A warning alone refuses nothing.
        if !expected.iter().any(|e| e.starts_with("HAC-E")) {
            continue;
        }
        refused += 1;
        problems += expected.len();
        refuse(stage, &path, &expected)?;
    }
    ensure!(refused >= 25, "only {refused} wrong inventories in {CASES}");
    let contacted = attempts(stage)?;
    ensure!(contacted == 0, "{contacted} packets left for some host");
    stage.expect(0, &["plan"])?;
    let contacted = attempts(stage)?;
    ensure!(contacted >= 4, "the counter does not count: a right plan makes {contacted} connections");
    Ok(format!("{refused} files, {problems} places named, 0 connections"))
}

/// `plan` and `apply` refuse one file, naming rule and place of every problem.
fn refuse(stage: &mut Stage, path: &std::path::Path, expected: &[&str]) -> Result {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let file = path.to_string_lossy().into_owned();
    for words in [&["plan"][..], &["apply", "--auto-approve"]] {
        let said = stage.expect(1, &[words, &["-f", &file]].concat())?.both();
        for problem in expected {
            let mut words = problem.split(' ');
            let (rule, place) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
            let place = format!("{name}:{place}");
            ensure!(said.contains(rule) && said.contains(&place), "{name}: no {rule} at {place} in\n{said}");
        }
    }
    let beside = path.with_file_name(format!("{}.secrets.toml", name.trim_end_matches(".toml")));
    ensure!(!beside.exists(), "{} was made", beside.display());
    Ok(())
}
