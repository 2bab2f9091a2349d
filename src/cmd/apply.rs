//! Owns `apply`: show the plan, ask, hand it over, say how it ended.
//! Must not know how a plan is carried out.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use super::describe::Describe;
use super::ownership;
use super::plan;
use super::reading::{self, Asked, Reading};
use super::unlock::Vault;
use super::world::World;
use super::{block_on, limits, preflight, reach, saved, validate};
use crate::cli::{ApplyArgs, Globals};
use crate::error::{Exit, Failure, Reason};
use crate::exec::{Apply, ApplyError, Summary};
use crate::plan::{Saved, Selection};
use crate::report::ui::Ui;
use crate::report::{Reporter, run as run_report};
use crate::transport::Connection;

pub(super) fn run(ui: &Ui, globals: &Globals, args: &ApplyArgs) -> Result<Exit, Failure> {
    let mut world = World::load(globals, Vault::Open)?;
    let saved = args.plan.as_deref().map(saved::read).transpose()?;
    let selection = match &saved {
        Some(saved) => Selection::saved(saved.ids()),
        None => world.select(&args.select)?,
    };
    validate::warn(ui, &world)?;
    if let Some(saved) = &saved {
        saved::check(&world, saved)?;
    }
    let allowed =
        saved.as_ref().map_or_else(|| ownership::allowed(&args.allow), |saved| saved.allowed.clone());
    ownership::adopt(&mut world, &allowed.adopt)?;
    let asked = Asked { diff: !args.no_diff, allowed, selection };
    let everything = asked.selection.is_whole();
    let exit = block_on(whole(ui, &mut world, args, asked, saved.as_ref()))??;
    if everything && exit == Exit::Clean {
        world.settle_secrets(ui)?;
    }
    Ok(exit)
}

async fn whole(
    ui: &Ui,
    world: &mut World,
    args: &ApplyArgs,
    asked: Asked,
    saved: Option<&Saved>,
) -> Result<Exit, Failure> {
    let start = Instant::now();
    let reporter = Arc::new(Reporter::new(ui));
    let reached = reach::connections(world, &reading::names(world), &*reporter).await?;
    let reading = reading::read(world, ui, &reach::handles(&reached), &asked, &*reporter).await;
    reporter.finish();
    let reading = reading?;
    if let Some(saved) = saved {
        saved::fresh(world, saved, &reading)?;
    }
    plan::show(ui, &Describe::new(world, &reading, ui.is_verbose()).report(start.elapsed()))?;
    ownership::refuse(reading.chosen())?;
    preflight::refuse(&reading.refusals)?;
    let partial = reading.reached(world, &asked.selection);
    if reading.chosen().next().is_none() {
        return Ok(partial);
    }
    // A saved plan was read before.
    if saved.is_none() {
        confirm(ui, args, &ownership::destroyed(reading.chosen()))?;
    }
    reporter.live();
    let apply = apply(world, reading, reached.ok, asked.selection, args, Arc::clone(&reporter));
    let summary = apply.run().await.map_err(failure);
    reporter.finish();
    let summary = summary?;
    ui.json(&run_report::json(&summary))?;
    ui.say(&run_report::text(&summary, ui.paint()))?;
    Ok(exit(&summary).max(partial))
}

fn apply<'a>(
    world: &'a World,
    reading: Reading,
    connections: BTreeMap<String, Arc<Connection>>,
    selection: Selection,
    args: &ApplyArgs,
    sink: Arc<Reporter>,
) -> Apply<'a> {
    Apply {
        planner: world.planner(),
        plan: reading.plan,
        observed: reading.observed,
        read: reading.read,
        connections,
        cluster: world.name().to_owned(),
        inventory: world.flat_inventory(),
        step_timeout: world.inventory.ssh.step_timeout.length(),
        run_timeout: world.inventory.ssh.run_timeout.length(),
        state_dir: state_dir(),
        selection,
        parallelism: limits::parallelism(&world.inventory, args.parallelism),
        approved: args.auto_approve && args.plan.is_none(),
        fail_fast: args.fail_fast,
        sink,
    }
}

pub(super) fn failure(error: ApplyError) -> Failure {
    match error {
        ApplyError::Locked(busy) => Failure::new(Reason::Locked, busy.to_string()),
        ApplyError::Problems(problems) => problems.into(),
        ApplyError::Divided(_) => Failure::new(Reason::Divided, error.to_string()),
        ApplyError::Foreign(_) => Failure::new(Reason::Foreign, error.to_string()),
        ApplyError::Moved(_) => Failure::new(Reason::Stale, error.to_string()),
        ApplyError::Outdated(outdated) => outdated.into(),
        ApplyError::NoLock { .. } => Failure::new(Reason::Unreachable, error.to_string()),
        ApplyError::NotRetired { .. } | ApplyError::Journal(_) => {
            Failure::new(Reason::Internal, error.to_string())
        }
    }
}

/// Only `yes` confirms. With nobody to ask, nothing is done.
fn confirm(ui: &Ui, args: &ApplyArgs, destroyed: &[String]) -> Result<(), Failure> {
    if args.auto_approve {
        return Ok(());
    }
    let lost: String = destroyed.iter().map(|data| format!("  - {data}\n")).collect();
    let lost = if lost.is_empty() { lost } else { format!("\nThis data is destroyed for good:\n{lost}") };
    let question = format!("{lost}\nDo you want to perform these actions?\n  Only 'yes' will be accepted: ");
    match ui.ask(&question)?.as_deref() {
        Some("yes") => Ok(()),
        Some(_) => Err(Failure::new(Reason::Declined, "apply cancelled: nothing was changed")),
        None => Err(Failure::new(Reason::Declined, "nobody can be asked here: nothing was changed")
            .hint("run it in a terminal, or with --auto-approve")),
    }
}

fn exit(summary: &Summary) -> Exit {
    let failed = !summary.failed.is_empty() || !summary.left.is_empty();
    let partial = if summary.unreachable { Exit::Unreachable } else { Exit::Clean };
    let ended = if failed { Exit::Error } else { partial };
    match (summary.interrupted, summary.aborted) {
        (_, true) => Exit::Aborted,
        (true, _) => Exit::Interrupted,
        (false, _) => ended,
    }
}

/// Journals belong to the user, not to the repository (XDG base directories).
fn state_dir() -> PathBuf {
    let xdg = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || std::env::home_dir().unwrap_or_default().join(".local/state");
    xdg.unwrap_or_else(home).join("hacluster")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_a_run_ends() {
        let pair = vec![("n1/unit:a".to_owned(), "no".to_owned())];
        let failed = || Summary { failed: pair.clone(), ..Summary::default() };
        assert_eq!(exit(&Summary::default()), Exit::Clean);
        assert_eq!(exit(&failed()), Exit::Error);
        let partial = |summary| Summary { unreachable: true, ..summary };
        assert_eq!(exit(&partial(Summary::default())), Exit::Unreachable);
        assert_eq!(exit(&partial(failed())), Exit::Error);
        assert_eq!(exit(&Summary { interrupted: true, ..failed() }), Exit::Interrupted);
        assert_eq!(exit(&Summary { interrupted: true, aborted: true, ..Summary::default() }), Exit::Aborted);
    }
}
