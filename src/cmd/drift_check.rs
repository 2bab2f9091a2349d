//! Owns `drift-check`: hosts against what was last applied and against the
//! configuration. Holds probers only; needs no secrets and makes none.

use std::collections::BTreeMap;
use std::time::Instant;

use super::describe::{changed_text, reads};
use super::reading::{Contents, contents, names, prune, reached_all};
use super::unlock::Vault;
use super::world::World;
use super::{block_on, lock, ownership::kept, reach};
use crate::cli::{DriftCheckArgs, Globals};
use crate::error::{Exit, Failure};
use crate::exec::{Gathered, Sink, now, probe_all};
use crate::expand::{Resource, needs};
use crate::facts::Needs;
use crate::group::{Waiting, waiting};
use crate::ledger::Ledger;
use crate::plan::{Assessment, Observed, Plan, Selection, Verdict, moved, reason, verdict};
use crate::report::problems::line_of;
use crate::report::ui::Ui;
use crate::report::{Reporter, drift::DriftReport, drift::Finding};
use crate::resource::{Change, Field, Kind, Unit, owed, owed_for, sealed};
use crate::transport::Prober;

pub(super) fn run(ui: &Ui, globals: &Globals, args: &DriftCheckArgs) -> Result<Exit, Failure> {
    let start = Instant::now();
    let mut world = World::load(globals, Vault::IfReadable)?;
    let selection = world.select(&args.select)?;
    let reporter = Reporter::reading(ui);
    let read = block_on(async {
        let reached = reach::probers(&world, &names(&world), &reporter).await?;
        let mut observed = observe(&world, &reached, args.trust_guards, &reporter).await?;
        reach::one_cluster(&observed)?;
        prune(&mut world, &mut observed, &reached, false, &reporter).await?;
        world.check_selection(&selection, observed.unreachable.keys())?;
        let plan = world.planner().plan(&observed)?;
        let contents = contents(&plan, &reached).await;
        Ok::<_, Failure>((observed, plan, contents))
    });
    reporter.finish();
    let (observed, plan, contents) = read??;
    if let Some(run) = lock::under_way(&observed) {
        ui.say(&format!("A run is under way on {run}: what it changes is no drift. Nothing was judged.\n"))?;
        return Ok(reached_all(&observed));
    }
    world.newest_secrets(&observed)?;
    let mut report = judge(&world, &plan, &observed, &contents, &selection);
    report.seconds = start.elapsed().as_secs_f64();
    report.json().iter().try_for_each(|line| ui.json(line))?;
    let away = if report.unreachable.is_empty() { Exit::Clean } else { Exit::Unreachable };
    let exit = exit(&report).max(away);
    if exit != Exit::Clean || !ui.is_quiet() {
        ui.say(&report.text(ui.paint()))?;
    }
    Ok(exit)
}

/// What could not be read makes the result partial, as a host that is away does.
pub(super) fn exit(report: &DriftReport) -> Exit {
    let when = |list: &[Finding], exit: Exit| if list.is_empty() { Exit::Clean } else { exit };
    when(&report.drift, Exit::Differs)
        .max(when(&report.pending, Exit::Pending))
        .max(when(&report.unreadable, Exit::Unreachable))
}

/// Everything but the playbooks' own guards first; those run only where the
/// host proved that it keeps a probe from writing, or where they are trusted.
pub(super) async fn observe(
    world: &World,
    reached: &Gathered<Prober>,
    trusted: bool,
    sink: &dyn Sink,
) -> Result<Observed, Failure> {
    let mut first = needs(&world.resources);
    let mut guards: BTreeMap<String, Needs> = BTreeMap::new();
    for (host, needs) in &mut first {
        let checks = std::mem::take(&mut needs.checks);
        if !checks.is_empty() {
            guards.insert(host.clone(), Needs { checks, ..Needs::default() });
        }
    }
    let mut observed = reach::observe(reached, &first, sink).await?;
    guards.retain(|host, _| observed.facts.get(host).is_some_and(|facts| trusted || facts.protected));
    let more = probe_all(&reached.ok, &guards, sink).await;
    observed.unreachable.extend(more.failed);
    observed.update(more.ok, now());
    Ok(observed)
}

/// The plan, sorted by cause.
pub(super) fn judge(
    world: &World,
    plan: &Plan,
    observed: &Observed,
    contents: &Contents,
    selection: &Selection,
) -> DriftReport {
    let covers = |a: &&Assessment| selection.covers(&world.resources[a.index], &a.host);
    let away = observed.unreachable.clone().into_iter();
    let ledgers = observed.ledgers();
    let mut report = DriftReport {
        cluster: world.name().to_owned(),
        unreachable: away.filter(|(host, _)| selection.concerns(host, &world.resources)).collect(),
        hosts: observed.facts.len(),
        resources: plan.assessments.iter().filter(covers).count(),
        remarks: remarks(world, plan, observed),
        ..DriftReport::default()
    };
    let flat = world.flat_inventory();
    for assessment in plan.assessments.iter().filter(covers) {
        let ledger = ledgers.get(&assessment.host);
        let drift = || Finding {
            diff: changed_text(world, contents, assessment),
            ..finding(assessment, drifted(assessment, ledger), String::new())
        };
        let pending = || {
            let place = |key: &str| world.inventory.place_of(key).map(|place| line_of(&place));
            let why = reason(assessment, ledger, &reads(world, assessment.index, &flat), &flat, &place);
            finding(assessment, wanted(assessment), why)
        };
        match verdict(assessment, ledger) {
            Verdict::Same => {}
            Verdict::Unreadable(why) => report.unreadable.push(finding(assessment, Vec::new(), why)),
            Verdict::Drift => report.drift.push(drift()),
            Verdict::Pending => report.pending.push(pending()),
            Verdict::Both => {
                report.drift.push(drift());
                report.pending.push(pending());
            }
        }
    }
    report.pending.extend(debts(world, observed, selection));
    report.pending.extend(restarts(plan, observed));
    report
}

fn finding(assessment: &Assessment, what: Vec<String>, why: String) -> Finding {
    Finding { id: assessment.id.clone(), host: assessment.host.clone(), what, why, diff: None }
}

/// Restarts and reloads that hosts owe: pending, because an apply was cut.
fn debts(world: &World, observed: &Observed, selection: &Selection) -> Vec<Finding> {
    let chosen = |host: &str, unit: &str| {
        let is = |resource: &&Resource| match &resource.kind {
            Kind::Unit(other) => resource.host() == Some(host) && other.full_name() == unit,
            _ => false,
        };
        selection.is_whole() || world.resources.iter().filter(is).any(|r| selection.covers(r, host))
    };
    let of_host = |(host, facts): (&String, &crate::facts::Facts)| -> Vec<Finding> {
        let debt = |(unit, word): (&String, &String)| Finding {
            id: format!("{host}/unit:{unit}"),
            host: host.clone(),
            what: vec![format!("owes a {word}")],
            why: "its configuration changed after it was started".to_owned(),
            diff: None,
        };
        facts.debts.iter().filter(|(unit, _)| chosen(host, unit)).map(debt).collect()
    };
    observed.facts.iter().flat_map(of_host).collect()
}

/// Servers that run with older settings or older programs than they have.
fn restarts(plan: &Plan, observed: &Observed) -> impl Iterator<Item = Finding> {
    let says = |w: Waiting| format!("{} {} -> {}", w.setting, w.from, w.to);
    plan.assessments.iter().filter_map(move |a| {
        let debt = a.have.as_ref()?.get(Unit::CONFIGURATION)?;
        let settings = || {
            let waiting = waiting(&a.host, &observed.view.patroni).into_iter().map(says);
            matches!(a.kind, Kind::PatroniRestart(_)).then(|| waiting.collect::<Vec<_>>().join(", "))
        };
        let word = owed(debt)?;
        let why = owed_for(debt).map(str::to_owned).or_else(settings)?;
        Some(finding(a, vec![format!("owes a {word}")], why))
    })
}

fn drifted(assessment: &Assessment, ledger: Option<&Ledger>) -> Vec<String> {
    match &assessment.change {
        Change::Create(_) if assessment.have.is_none() => return vec!["is gone".to_owned()],
        Change::Remove => return vec!["is there again".to_owned()],
        _ => {}
    }
    let say = |field: &Field| match (field.name.as_str(), field.to.as_str()) {
        ("content", _) => "its content was edited".to_owned(),
        ("password", to) if !to.is_empty() => "its password was changed".to_owned(),
        (name, "") => format!("{name} is gone"),
        (name, to) => format!("{name} is {to}, was applied as {}", field.from),
    };
    let moved = ledger.map(|ledger| moved(assessment, ledger)).unwrap_or_default();
    // What was never applied, and stands there.
    let added = assessment.change.fields().iter().filter(|field| field.to.is_empty() && moved.is_empty());
    let added = added.map(|field| format!("{} is {}, was never applied", field.name, field.from));
    moved.iter().map(say).chain(added).collect()
}

fn wanted(assessment: &Assessment) -> Vec<String> {
    let say = |field: &Field| match field.name.as_str() {
        name if sealed(name) => format!("its {name} would change"),
        name => format!("{name} would become {}", field.to),
    };
    match &assessment.change {
        Change::Update(fields) => fields.iter().map(say).collect(),
        Change::Remove => vec!["would be removed".to_owned()],
        Change::Forget(why) => vec![format!("would be forgotten: {why}")],
        Change::Refused(why) => vec![format!("is refused now: {why}")],
        _ => vec!["would be added".to_owned()],
    }
}

/// What a reader must know to judge the result.
fn remarks(world: &World, plan: &Plan, observed: &Observed) -> Vec<String> {
    let mut remarks = kept(plan);
    let blind = plan.assessments.iter().filter(|assessment| assessment.lacks_secrets).count();
    if blind > 0 {
        let why = world.blind.as_ref().map_or_else(String::new, |why| format!(" ({why})"));
        remarks.push(format!(
            "Without {}{why}, {blind} resources were compared with what was last applied only: changes of their configuration may not show",
            world.secrets_path().display()
        ));
    }
    let fresh: Vec<&str> = observed
        .facts
        .iter()
        .filter(|(_, facts)| facts.ledger.is_none())
        .map(|(host, _)| host.as_str())
        .collect();
    if !fresh.is_empty() {
        remarks.push(format!("Nothing was applied yet on {}: all of it counts as pending", fresh.join(", ")));
    }
    let open: Vec<&str> =
        observed.facts.iter().filter(|(_, facts)| !facts.protected).map(|(host, _)| host.as_str()).collect();
    if !open.is_empty() {
        remarks.push(format!(
            "Nothing keeps a probe from writing on {}: guards of playbooks run there with --trust-guards only",
            open.join(", ")
        ));
    }
    remarks
}
