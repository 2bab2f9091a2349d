//! Owns the text and the JSON of `drift-check`: what moved on the hosts, and
//! what was never applied, apart. Must not know how either is found.

use serde::Serialize;
use serde_json::{Value, json};

use super::clean::clean_line;
use super::page::{count, indented, put};
use super::plan::tagged;
use super::plan_text::diff_line;
use super::ui::Paint;
use crate::plan::Away;

/// One resource that is not as it was applied, or not as it is configured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub id: String,
    pub host: String,
    /// A clause each: `mode is 0600, was applied as 0640`.
    pub what: Vec<String>,
    /// Why, where more than the clauses is known.
    pub why: String,
    /// How `apply` would change a file back.
    pub diff: Option<String>,
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
    pub unreachable: Vec<(String, Away)>,
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
        let unreachable = self.unreachable.iter().map(
            |(host, away)| json!({ "type": "unreachable", "host": host, "kind": away.kind, "why": away.why }),
        );
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
            put(&mut text, title);
            text.push_str(&grouped(findings, paint));
            text.push('\n');
        }
        for (host, away) in &self.unreachable {
            let words = away.kind.words();
            put(&mut text, &format!("{} {} {words}", paint.yellow("!"), clean_line(host)));
            put(&mut text, &indented(&away.why));
        }
        for remark in &self.remarks {
            put(&mut text, &format!("{}.", clean_line(remark)));
        }
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
        let took = paint.dim(&format!(
            "({:.1} s, {}, {} resources)",
            self.seconds,
            count(self.hosts, "host"),
            self.resources
        ));
        if counted.is_empty() {
            let partial = if self.unreachable.is_empty() { "" } else { " on the hosts that answered" };
            return format!("{}: {}{partial}. {took}\n", self.cluster, paint.green("no drift"));
        }
        format!("{}: {}. {took}\n", self.cluster, counted.join(", "))
    }
}

/// What reads the same on several hosts is said once.
fn grouped(findings: &[Finding], paint: Paint) -> String {
    let mut groups: Vec<(&Finding, Vec<&str>)> = Vec::new();
    for finding in findings {
        let same = |(first, _): &&mut (&Finding, Vec<&str>)| {
            first.label() == finding.label()
                && first.what == finding.what
                && first.why == finding.why
                && first.diff == finding.diff
        };
        match groups.iter_mut().find(same) {
            Some((_, hosts)) => hosts.push(&finding.host),
            None => groups.push((finding, vec![&finding.host])),
        }
    }
    let mut text = String::new();
    for (finding, hosts) in groups {
        put(&mut text, &finding.text(&hosts, paint));
    }
    text
}

impl Finding {
    /// Kind and name: the id without its host.
    fn label(&self) -> &str {
        self.id.split_once('/').map_or(&self.id, |(_, label)| label)
    }

    fn text(&self, hosts: &[&str], paint: Paint) -> String {
        let mut hosts = hosts.to_vec();
        hosts.sort_unstable();
        let what: Vec<String> = self.what.iter().map(|clause| clean_line(clause)).collect();
        let what = if what.is_empty() { String::new() } else { format!(": {}", what.join("; ")) };
        let why = clean_line(&self.why);
        let why = if why.is_empty() { why } else { paint.dim(&format!(" ({why})")) };
        let mut text =
            format!("  {} on {}{what}{why}", clean_line(self.label()), clean_line(&hosts.join(", ")));
        for line in self.diff.iter().flat_map(|diff| diff.lines()) {
            text.push_str(&format!("\n      {}", diff_line(&clean_line(line), paint)));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(host: &str, label: &str, what: &str, why: &str) -> Finding {
        let what = if what.is_empty() { Vec::new() } else { vec![what.to_owned()] };
        Finding {
            id: format!("{host}/{label}"),
            host: host.to_owned(),
            what,
            why: why.to_owned(),
            diff: None,
        }
    }

    #[test]
    fn two_lists_and_what_nobody_knows() {
        let report = DriftReport {
            cluster: "cold".into(),
            drift: vec![
                finding("n2", "file:/etc/a", "its content was edited", ""),
                finding("n1", "file:/etc/a", "its content was edited", ""),
            ],
            pending: vec![finding("n1", "unit:b.service", "owes a restart", "an apply was cut")],
            unreadable: vec![finding("n1", "unit:c.service", "", "systemctl did not\u{1b}[2J answer")],
            unreachable: vec![("n3".into(), "n3: no route\nlook at it".to_owned().into())],
            hosts: 2,
            resources: 7,
            seconds: 0.42,
            ..DriftReport::default()
        };
        insta::assert_snapshot!(report.text(Paint::default()), @"
        Drift: the hosts moved away from what was last applied
          file:/etc/a on n1, n2: its content was edited

        Pending: not applied yet
          unit:b.service on n1: owes a restart (an apply was cut)

        Not readable: nobody knows how these are
          unit:c.service on n1 (systemctl did not answer)

        ! n3 does not answer
            n3: no route
            look at it

        cold: 2 drifted, 1 pending, 1 not readable. (0.4 s, 2 hosts, 7 resources)
        ");
        let types: Vec<String> = report.json().iter().map(|line| line["type"].to_string()).collect();
        assert_eq!(
            types.join(" "),
            r#""drift" "drift" "pending" "unreadable" "unreachable" "drift_summary""#
        );
        let clean = DriftReport { cluster: "cold".into(), hosts: 4, ..DriftReport::default() };
        assert_eq!(clean.text(Paint::default()), "cold: no drift. (0.0 s, 4 hosts, 0 resources)\n");
    }
}
