//! Owns the text of a run's end: what changed, what failed with its last lines,
//! what was skipped because of it. Must not know how a run goes.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::clean::clean_line;
use super::lines::seconds;
use super::page::{indented, put};
use super::ui::Paint;
use crate::exec::Summary;

/// Ids that are named under one reason; more are counted.
const NAMED: usize = 8;

pub fn json(summary: &Summary) -> Value {
    let pairs = |list: &[(String, String)]| -> Vec<Value> {
        list.iter().map(|(id, why)| json!({ "id": id, "why": why })).collect()
    };
    json!({
        "type": "apply_summary",
        "run": summary.run,
        "changed": summary.changed,
        "failed": pairs(&summary.failed),
        "skipped": pairs(&summary.skipped),
        "deferred": pairs(&summary.deferred),
        "left": summary.left,
        "interrupted": summary.interrupted,
        "millis": summary.millis,
    })
}

pub fn text(summary: &Summary, paint: Paint) -> String {
    let mut text = String::new();
    for (id, why) in &summary.failed {
        put(&mut text, &format!("\n{} {} failed:", paint.red("error:"), clean_line(id)));
        text.push_str(&indented(why));
    }
    for (title, list) in [("Skipped", &summary.skipped), ("Deferred", &summary.deferred)] {
        for (why, ids) in by_reason(list) {
            let why = why.lines().next().unwrap_or_default();
            put(&mut text, &format!("\n{}: {}\n    {}", paint.yellow(title), clean_line(why), named(&ids)));
        }
    }
    if !summary.left.is_empty() {
        let ids: Vec<&str> = summary.left.iter().map(String::as_str).collect();
        put(
            &mut text,
            &format!(
                "\n{} these still differ after the run; their steps are not idempotent, please report it:\n    {}",
                paint.red("bug:"),
                named(&ids)
            ),
        );
    }
    format!("{text}\n{}", last(summary, paint))
}

fn last(summary: &Summary, paint: Paint) -> String {
    let counts = [
        (summary.failed.len(), "failed"),
        (summary.skipped.len(), "skipped"),
        (summary.deferred.len(), "deferred"),
        (summary.left.len(), "not idempotent"),
    ];
    let mut counted = format!("{} changed", summary.changed);
    for (number, what) in counts.into_iter().filter(|(number, _)| *number > 0) {
        let _ = write!(counted, ", {number} {what}");
    }
    let whole = summary.failed.is_empty() && summary.skipped.is_empty() && summary.left.is_empty();
    let word = match (summary.interrupted, whole) {
        (true, _) => paint.yellow("Apply interrupted: the next run goes on here."),
        (false, true) => paint.green("Apply complete!"),
        (false, false) => paint.red("Apply incomplete."),
    };
    let took = paint.dim(&format!("({}, run {})", seconds(summary.millis), clean_line(&summary.run)));
    format!("{} {counted}. {took}\n", paint.bold(&word))
}

fn by_reason(list: &[(String, String)]) -> BTreeMap<&str, Vec<&str>> {
    let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (id, why) in list {
        reasons.entry(why).or_default().push(id);
    }
    reasons
}

fn named(ids: &[&str]) -> String {
    let more = ids.len().saturating_sub(NAMED);
    let named = clean_line(&ids[..ids.len().min(NAMED)].join(", "));
    if more > 0 { format!("{named} and {more} more") } else { named }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_come_with_what_they_took_along() {
        let pair = |id: &str, why: &str| (id.to_owned(), why.to_owned());
        let summary = Summary {
            run: "r1".into(),
            changed: 3,
            failed: vec![pair("n1/unit:a", "Job failed\n\u{1b}[31mexit 1")],
            skipped: vec![pair("n1/unit:b", "n1/unit:a"), pair("n1/unit:c", "n1/unit:a")],
            millis: 12_345,
            ..Summary::default()
        };
        insta::assert_snapshot!(text(&summary, Paint::default()), @"

        error: n1/unit:a failed:
            Job failed
            exit 1

        Skipped: n1/unit:a
            n1/unit:b, n1/unit:c

        Apply incomplete. 3 changed, 1 failed, 2 skipped. (12 s, run r1)
        ");
        let clean = Summary { run: "r2".into(), changed: 3, millis: 900, ..Summary::default() };
        assert_eq!(text(&clean, Paint::default()), "\nApply complete! 3 changed. (0.9 s, run r2)\n");
    }
}
