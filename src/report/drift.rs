//! Owns the text and the JSON of `drift-check`: what moved on the hosts, and
//! what was never applied, apart. Must not know how either is found.

use serde::Serialize;
use serde_json::{Value, json};

use super::clean::{clean, clean_line};
use super::plan::tagged;
use super::ui::Paint;

/// One resource that is not as it was applied, or not as it is configured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub id: String,
    pub host: String,
    /// A clause each: `mode is 0600, was applied as 0640`.
    pub what: Vec<String>,
    /// Why, where more than the clauses is known.
    pub why: String,
}

#[derive(Debug, Clone, Default)]
pub struct DriftReport {
    pub cluster: String,
    /// The hosts moved away from what was last applied.
    pub drift: Vec<Finding>,
    /// The configuration moved and was not applied; restarts that are owed.
    pub pending: Vec<Finding>,
    pub unreadable: Vec<Finding>,
    /// Host and reason.
    pub unreachable: Vec<(String, String)>,
    /// What a reader must know to judge the result, a sentence each.
    pub remarks: Vec<String>,
    pub hosts: usize,
    pub resources: usize,
    pub seconds: f64,
}

impl DriftReport {
    pub fn json(&self) -> Vec<Value> {
        let lists = [("drift", &self.drift), ("pending", &self.pending), ("unreadable", &self.unreadable)];
        let findings = lists.iter().flat_map(|(kind, list)| list.iter().map(|finding| tagged(kind, finding)));
        let mut lines: Vec<Value> = findings.collect();
        let unreachable = self
            .unreachable
            .iter()
            .map(|(host, why)| json!({ "type": "unreachable", "host": host, "why": why }));
        lines.extend(unreachable);
        lines.extend(self.remarks.iter().map(|text| json!({ "type": "remark", "text": text })));
        lines.push(json!({
            "type": "drift_summary",
            "cluster": self.cluster,
            "drift": self.drift.len(),
            "pending": self.pending.len(),
            "unreadable": self.unreadable.len(),
            "unreachable": self.unreachable.len(),
            "hosts": self.hosts,
            "resources": self.resources,
            "seconds": self.seconds,
        }));
        lines
    }

    pub fn text(&self, paint: Paint) -> String {
        let mut text = String::new();
        let lists = [
            (paint.red("Drift: the hosts moved away from what was last applied"), &self.drift),
            (paint.yellow("Pending: not applied yet"), &self.pending),
            (paint.red("Not readable: nobody knows how these are"), &self.unreadable),
        ];
        for (title, findings) in lists.iter().filter(|(_, findings)| !findings.is_empty()) {
            text.push_str(&format!("{title}\n"));
            text.extend(findings.iter().map(|finding| finding.text(paint)));
            text.push('\n');
        }
        for (host, why) in &self.unreachable {
            let why: String = clean(why).lines().map(|line| format!("    {}\n", line.trim())).collect();
            text.push_str(&format!("{} {} does not answer\n{why}\n", paint.yellow("!"), clean_line(host)));
        }
        text.extend(self.remarks.iter().map(|remark| format!("{}.\n", clean_line(remark))));
        text + &self.summary(paint)
    }

    fn summary(&self, paint: Paint) -> String {
        let counted = [
            (self.drift.len(), "drifted"),
            (self.pending.len(), "pending"),
            (self.unreadable.len(), "not readable"),
        ];
        let counted: Vec<String> =
            counted.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
        let took = paint
            .dim(&format!("({:.1} s, {} hosts, {} resources)", self.seconds, self.hosts, self.resources));
        if counted.is_empty() {
            let partial = if self.unreachable.is_empty() { "" } else { " on the hosts that answered" };
            return format!("{}: {}{partial}. {took}\n", self.cluster, paint.green("no drift"));
        }
        format!("{}: {}. {took}\n", self.cluster, counted.join(", "))
    }
}

impl Finding {
    fn text(&self, paint: Paint) -> String {
        let what: Vec<String> = self.what.iter().map(|clause| clean_line(clause)).collect();
        let what = if what.is_empty() { String::new() } else { format!(": {}", what.join("; ")) };
        let why = if self.why.is_empty() {
            String::new()
        } else {
            paint.dim(&format!(" ({})", clean_line(&self.why)))
        };
        format!("  {}{what}{why}\n", clean_line(&self.id))
    }
}
