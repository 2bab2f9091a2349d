//! Owns the cases that are data: one runner for resources, facts and groups,
//! and the shell behind them. Must not know any single case.
//!
//! A case is a TOML file whose last table, `[expect]`, is what must come out.
//! `HACLUSTER_CASES=update cargo test --test integration cases` writes it anew.

#![expect(clippy::unwrap_used, reason = "a case that cannot be read ends its test")]

pub(crate) mod answer;
mod api;
mod apt;
mod confirm;
mod ending;
pub(crate) mod everything;
mod facts;
mod groups;
pub(crate) mod hostile;
mod issued;
mod legible;
mod lint;
mod put;
mod put_back;
mod put_badly;
mod removals;
mod resources;
mod shell;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use similar::TextDiff;

/// Seconds since 1970 for every case: 2026-09-21.
const NOW: u64 = 1_790_000_000;

fn root(suite: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(suite)
}

/// One case: its folder (a kind, a section, a group) and its text.
struct Case {
    folder: String,
    path: PathBuf,
    text: String,
}

impl Case {
    /// Everything before `[expect]`.
    fn given<T: serde::de::DeserializeOwned>(&self) -> T {
        toml::from_str(self.split().0).unwrap_or_else(|e| panic!("{}: {e}", self.path.display()))
    }

    fn split(&self) -> (&str, &str) {
        let at = self.text.find("\n[expect]").map_or(self.text.len(), |at| at + 1);
        self.text.split_at(at)
    }
}

fn all(suite: &str) -> Vec<Case> {
    let mut cases = Vec::new();
    for folder in sorted(&root(suite)) {
        for path in sorted(&folder) {
            let text = fs::read_to_string(&path).unwrap();
            let folder = folder.file_name().unwrap().to_string_lossy().into_owned();
            cases.push(Case { folder, path, text });
        }
    }
    cases
}

fn sorted(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    found.sort();
    found
}

/// The runner: what `actual` makes of each case must be what the case expects.
fn run(suite: &str, least: &[(&str, usize)], actual: fn(&Case) -> String) {
    let cases = all(suite);
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    for case in &cases {
        *counts.entry(&case.folder).or_default() += 1;
        let (given, expected) = case.split();
        let actual = actual(case);
        if actual == expected {
            continue;
        }
        if std::env::var("HACLUSTER_CASES").as_deref() == Ok("update") {
            fs::write(&case.path, format!("{}\n\n{actual}", given.trim_end())).unwrap();
            continue;
        }
        let diff = TextDiff::from_lines(expected, &actual);
        wrong.push(format!("{}\n{}", case.path.display(), diff.unified_diff().header("expected", "actual")));
    }
    for (folder, least) in least {
        let count = counts.get(folder).copied().unwrap_or(0);
        if count < *least {
            wrong.push(format!("{suite}/{folder}: {count} cases, at least {least} are due"));
        }
    }
    assert!(wrong.is_empty(), "{} of {} cases:\n\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

/// A TOML string on one line.
fn line(text: &str) -> String {
    let simple = |quote: char| !text.contains(quote) && !text.contains('\n');
    if simple('"') && simple('\\') {
        return format!("\"{text}\"");
    }
    if simple('\'') { format!("'{text}'") } else { toml::Value::from(text).to_string() }
}

#[test]
fn resources_change_as_their_cases_say() {
    run("resources", &resources::KINDS.map(|kind| (kind, 5)), resources::actual);
}

#[test]
fn facts_are_read_as_their_cases_say() {
    run("facts", &facts::SECTIONS.map(|section| (section, 1)), facts::actual);
}

#[test]
fn what_nothing_asks_for_goes_as_its_cases_say() {
    run("removals", &[("fate", 5), ("order", 5)], removals::actual);
}

#[test]
fn groups_judge_as_their_cases_say() {
    run("groups", &[("etcd", 5), ("patroni", 5)], groups::actual);
}

#[test]
fn files_are_checked_as_their_cases_say() {
    run("lint", &lint::FORMATS.map(|format| (format, 1)), lint::actual);
}
