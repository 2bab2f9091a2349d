//! Owns: a saved plan that somebody changed does nothing.

use std::fs;

use super::{FILE, fault, observed, spoil, spoiled};
use crate::command::{Result, ensure};
use crate::runner::Drill;
use crate::stage::Stage;

pub const DRILLS: &[Drill] =
    &[fault("plan-tampered", &["F11"], "each changed byte refused, 0 effects", |s| observed(s, tampered))];

/// Bytes that are changed, one at a time, all over the file.
const FLIPS: usize = 8;

fn tampered(stage: &mut Stage) -> Result<String> {
    let path = stage.folder.path("kept.plan");
    let kept = path.display().to_string();
    spoil(stage, &["node1"])?;
    stage.expect(0, &["plan", "--out", &kept])?;
    let right = fs::read(&path).map_err(|e| e.to_string())?;
    for flip in 0..FLIPS {
        let mut wrong = right.clone();
        wrong[flip * right.len() / FLIPS] ^= 1;
        fs::write(&path, &wrong).map_err(|e| e.to_string())?;
        let refused = stage.expect(1, &["apply", &kept])?;
        ensure!(refused.both().contains("plan"), "{}", refused.describe());
    }
    ensure!(spoiled(stage)? == ["node1"], "a plan that was tampered with mended {FILE}");
    fs::write(&path, &right).map_err(|e| e.to_string())?;
    stage.expect(0, &["apply", &kept])?;
    ensure!(spoiled(stage)?.is_empty(), "the plan as it was saved did nothing");
    Ok(format!("{FLIPS} bytes of {} refused", right.len()))
}
