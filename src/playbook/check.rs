//! Owns the rules that steps keep among each other, and playbooks too.
//! Must not know how they are read.

use std::sync::Arc;

use super::model::{Playbook, Step, StepKind};
use crate::problem::Problem;
use crate::span::Source;

/// Names are unique; `after`, `needs` and `notify` name steps of the same playbook.
pub(super) fn check_steps(steps: &[Step], source: &Arc<Source>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        if let Some(first) = steps[..index].iter().find(|s| s.name == step.name) {
            problems.push(
                Problem::error(
                    source,
                    "HAC-E085",
                    step.place.span.clone(),
                    format!("two steps are named {:?}", step.name),
                )
                .also(first.place.span.clone(), "the first one")
                .help("name each step of a playbook differently"),
            );
        }
        for (name, span) in step.after.iter().chain(&step.needs).chain(&step.notify) {
            let known = steps.iter().find(|s| &s.name == name);
            let names = || steps.iter().map(|s| s.name.as_str()).collect::<Vec<_>>().join(", ");
            if known.is_none() {
                problems.push(
                    Problem::error(source, "HAC-E043", span.clone(), format!("no step is named {name:?}"))
                        .help(format!("the steps here are: {}", names())),
                );
            }
        }
        for (name, span) in &step.notify {
            if steps.iter().any(|s| &s.name == name && !matches!(s.kind, StepKind::Unit(_))) {
                problems.push(
                    Problem::error(source, "HAC-E086", span.clone(), format!("step {name:?} is no unit"))
                        .help("only a unit can be notified: it says with `on_change` what it does then"),
                );
            }
        }
    }
    problems.extend(steps.iter().filter(|step| step.rolling && step.limit.is_some()).map(limited_twice));
    problems
}

/// A group already changes one member at a time, and starts the first together.
fn limited_twice(step: &Step) -> Problem {
    let message = format!("step {:?} is `rolling` and has a `limit`", step.name);
    Problem::error(&step.place.source, "HAC-E095", step.place.span.clone(), message)
        .help("remove the limit: the group changes one member at a time")
}

/// `needs` names playbooks that exist.
pub(super) fn references(playbooks: &[Playbook]) -> Vec<Problem> {
    let known = |name: &String| playbooks.iter().any(|p| &p.name == name);
    let unknown = |p: &Playbook, name: &String| {
        Problem::error(&p.source, "HAC-E043", p.span.clone(), format!("no playbook is named {name:?}"))
            .help("`needs` lists the names of other playbooks")
    };
    playbooks.iter().flat_map(|p| p.needs.iter().filter(|n| !known(n)).map(|n| unknown(p, n))).collect()
}
