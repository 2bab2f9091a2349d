//! Owns `plan`. Holds probers only: nothing here can write to a host.

use std::time::Instant;

use super::describe::Describe;
use super::reading::{self, Asked};
use super::unlock::Vault;
use super::world::World;
use super::{block_on, ownership, reach, saved, validate};
use crate::cli::{Globals, PlanArgs};
use crate::error::{Exit, Failure};
use crate::report::Reporter;
use crate::report::plan::PlanReport;
use crate::report::ui::Ui;

pub(super) fn run(ui: &Ui, globals: &Globals, args: &PlanArgs) -> Result<Exit, Failure> {
    let start = Instant::now();
    let mut world = World::load(globals, Vault::Open)?;
    let allowed = ownership::allowed(&args.allow);
    ownership::adopt(&mut world, &allowed.adopt)?;
    let selection = world.select(&args.select)?;
    let asked = Asked { diff: !args.no_diff, allowed, selection };
    validate::warn(ui, &world)?;
    let reporter = Reporter::reading(ui);
    let reading = block_on(async {
        let names = reading::names(&world);
        let reached = reach::probers(&world, &names, &reporter).await?;
        reading::read(&mut world, ui, &reached, &asked, &reporter).await
    });
    reporter.finish();
    let reading = reading??;
    if let Some(path) = &args.out {
        saved::write(&world, &reading, asked.allowed.clone(), path)?;
    }
    let report = Describe::new(&world, &reading, ui.is_verbose()).report(start.elapsed());
    show(ui, &report)?;
    if let Some(path) = &args.out {
        ui.say(&format!("Saved in {0}; `hacluster apply {0}` carries it out.\n", path.display()))?;
    }
    let some = reading.chosen().next().is_some();
    let changes = if args.detailed_exitcode && some { Exit::Differs } else { Exit::Clean };
    Ok(changes.max(reading.reached(&world, &asked.selection)))
}

pub(super) fn show(ui: &Ui, report: &PlanReport) -> Result<(), Failure> {
    for line in report.json() {
        ui.json(&line)?;
    }
    let text =
        if ui.is_quiet() { report.summary(ui.paint()) } else { report.text(ui.paint(), ui.is_verbose()) };
    ui.say(&text)?;
    Ok(())
}
