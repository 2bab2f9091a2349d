//! Owns the words for an event, the same in every reporter.
//! Must not know where they are drawn.

use super::clean::clean_line;
use super::ui::Paint;
use crate::exec::{Event, Outcome};

/// Steps of a batch that are named.
const NAMED: usize = 3;

/// How much is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Detail {
    /// Reading hosts is told too, and each output line.
    pub(super) verbose: bool,
}

/// One lasting line for an event; `None` where it is worth none.
pub(super) fn lasting(event: &Event, detail: Detail, paint: Paint) -> Option<String> {
    let line = match event {
        // The command prints the summary itself.
        Event::Connecting { .. } | Event::RunEnded { .. } => return None,
        Event::Connected { host, millis } | Event::Probed { host, millis } => {
            let what = if matches!(event, Event::Connected { .. }) { "connected" } else { "read" };
            return detail.verbose.then(|| format!("{}: {what} in {millis} ms", clean_line(host)));
        }
        Event::Unreachable { host, kind, .. } => {
            format!("{}: {}", clean_line(host), paint.yellow(kind.words()))
        }
        Event::RunStarted { run, total } => format!("Run {}: {total} steps", clean_line(run)),
        Event::Resumed { run, step } => {
            format!("Run {} was cut at {}; going on there", clean_line(run), clean_line(step))
        }
        Event::Locked { hosts } => format!("Locked {}", clean_line(&hosts.join(", "))),
        Event::BatchStarted { host, steps } => {
            return detail.verbose.then(|| format!("{}: {}...", clean_line(host), batch(steps)));
        }
        Event::Output { host, line } => {
            return detail.verbose.then(|| format!("{}: {}", clean_line(host), paint.dim(&clean_line(line))));
        }
        Event::StepEnded { id, outcome, millis, .. } => return ended(id, outcome, *millis, detail, paint),
        Event::Waiting { what, seen } => {
            return detail.verbose.then(|| format!("waiting for {}: {}", clean_line(what), clean_line(seen)));
        }
        Event::Healthy { what, millis } => {
            format!("{}: {} after {}", clean_line(what), paint.green("healthy"), seconds(*millis))
        }
        Event::Free { what, millis } => format!("{}: free after {}", clean_line(what), seconds(*millis)),
        Event::Note { text } => clean_line(text),
    };
    Some(line)
}

fn ended(id: &str, outcome: &Outcome, millis: u64, detail: Detail, paint: Paint) -> Option<String> {
    let id = clean_line(id);
    Some(match outcome {
        Outcome::Changed => format!("{id}: {} after {}", paint.green("changed"), seconds(millis)),
        Outcome::Unchanged => return detail.verbose.then(|| format!("{id}: as it should be")),
        Outcome::Failed { why } => format!("{id}: {} {}", paint.red("failed:"), clean_line(why)),
        Outcome::Skipped { because } => format!("{id}: {} {}", paint.yellow("skipped:"), clean_line(because)),
        Outcome::Deferred { because } => {
            format!("{id}: {} {}", paint.yellow("deferred:"), clean_line(because))
        }
    })
}

/// What a batch is about, without its host: `file:/etc/a, unit:b and 3 more`.
pub(super) fn batch(steps: &[String]) -> String {
    let label = |id: &String| clean_line(id.split_once('/').map_or(id.as_str(), |(_, label)| label));
    let named: Vec<String> = steps.iter().take(NAMED).map(label).collect();
    let more = steps.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", named.join(", "))
}

/// `0.4 s`, `12 s`.
pub(super) fn seconds(millis: u64) -> String {
    if millis < 10_000 {
        format!("{}.{} s", millis / 1000, millis % 1000 / 100)
    } else {
        format!("{} s", millis / 1000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_cannot_draw() {
        let output = Event::Output { host: "n1".into(), line: "\u{1b}[2Jgone\r".into() };
        let said = |verbose| lasting(&output, Detail { verbose }, Paint::default());
        assert_eq!(said(false), None);
        assert_eq!(said(true).as_deref(), Some("n1: gone"));
        let failed = Event::StepEnded {
            host: "n1".into(),
            id: "n1/unit:a".into(),
            outcome: Outcome::Failed { why: "one\ntwo".into() },
            millis: 1,
        };
        let line = lasting(&failed, Detail { verbose: false }, Paint::default());
        assert_eq!(line.as_deref(), Some("n1/unit:a: failed: one two"));
    }

    #[test]
    fn words() {
        let steps: Vec<String> = ["n1/a:1", "n1/b:2", "n1/c:3", "n1/d:4"].map(str::to_owned).into();
        assert_eq!(batch(&steps), "a:1, b:2, c:3 and 1 more");
        assert_eq!([seconds(40), seconds(1250), seconds(61_900)], ["0.0 s", "1.2 s", "61 s"]);
    }
}
