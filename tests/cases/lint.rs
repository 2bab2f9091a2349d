//! Owns the cases of our own checks of rendered files: a good one of each format, and
//! what each edit of it must be refused for. Must not know any single rule.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use hacluster::lint::{Finding, Lint, Reach};
use serde::Deserialize;

use super::{Case, line};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    text: String,
    /// What must be read, by dotted name.
    #[serde(default)]
    holds: BTreeMap<String, String>,
    #[serde(default)]
    edit: Vec<Edit>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Edit {
    from: String,
    to: String,
}

pub(super) const FORMATS: [&str; 8] =
    ["etcd", "haproxy", "keepalived", "nftables", "patroni", "redis", "sshd", "systemd"];

fn reach() -> Reach {
    Reach { address: "192.168.15.101".to_owned(), user: "root".to_owned(), port: 22 }
}

fn lint(case: &Case) -> Lint {
    serde_json::from_value(case.folder.clone().into()).unwrap()
}

fn found(lint: Lint, text: &str, holds: &BTreeMap<String, String>) -> Vec<Finding> {
    let mut found = lint.check(text, &reach());
    found.extend(lint.compare(text, holds));
    found
}

pub(super) fn actual(case: &Case) -> String {
    let given: Given = case.given();
    let lint = lint(case);
    let mut out = String::from("[expect]\n");
    let mut tell = |name: &str, text: &str| {
        let said = found(lint, text, &given.holds);
        let said: Vec<String> =
            said.iter().map(|f| line(&format!("{}: {}; {}", f.line, f.what, f.fix))).collect();
        let _ = writeln!(out, "{name} = [{}]", said.join(",\n  "));
    };
    tell("whole", &given.text);
    for (at, edit) in given.edit.iter().enumerate() {
        let path = case.path.display();
        assert_eq!(given.text.matches(&edit.from).count(), 1, "{path}: {:?} is not there once", edit.from);
        tell(&format!("edit{}", at + 1), &given.text.replace(&edit.from, &edit.to));
    }
    out
}

#[test]
fn a_file_cut_at_any_line_is_refused() {
    for case in super::all("lint").iter().filter(|case| ["keepalived", "etcd"].contains(&&*case.folder)) {
        let given: Given = case.given();
        assert_eq!(found(lint(case), &given.text, &given.holds), []);
        let ends: Vec<usize> = given.text.match_indices('\n').map(|(at, _)| at).collect();
        // What is left after the last line that matters is whole.
        let last = given.text.trim_end().len();
        for at in ends.into_iter().filter(|at| *at < last) {
            for cut in [&given.text[..at], &given.text[..=at]] {
                let inside = case.folder == "keepalived" || cut.lines().count() < 5 || !cut.ends_with('\n');
                assert!(
                    !inside || !found(lint(case), cut, &given.holds).is_empty(),
                    "taken for whole:\n{cut}"
                );
            }
        }
    }
}
