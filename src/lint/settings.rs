//! Owns files of lines: `KEY=VALUE`, `key value`, and sections of them, with what is
//! wrong in their form. Must not know what a key means.

use std::collections::BTreeMap;

use super::Finding;

/// One line that says something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Setting {
    pub line: usize,
    pub section: String,
    pub key: String,
    pub value: String,
}

pub(super) fn values(settings: &[Setting]) -> BTreeMap<String, String> {
    settings.iter().map(|s| (s.key.clone(), s.value.clone())).collect()
}

fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let said = |line: &&str| !line.is_empty() && !line.starts_with(['#', ';']);
    text.lines()
        .map(str::trim)
        .enumerate()
        .map(|(at, line)| (at + 1, line))
        .filter(move |(_, line)| said(line))
}

/// An environment file as systemd reads it, without quoting: what would need
/// quotes is refused.
pub(super) fn environment(text: &str) -> (Vec<Setting>, Vec<Finding>) {
    let (mut settings, mut found): (Vec<Setting>, Vec<Finding>) = (Vec::new(), Vec::new());
    for (line, text) in lines(text) {
        let pair = text.split_once('=').filter(|(key, _)| {
            let inside = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
            key.starts_with(|c: char| c.is_ascii_uppercase() || c == '_') && key.chars().all(inside)
        });
        let Some((key, value)) = pair else {
            found.push(Finding::new(
                line,
                "it is no NAME=VALUE",
                "write one variable a line; a value may hold no line's end",
            ));
            continue;
        };
        if settings.iter().any(|s| s.key == key) {
            found.push(Finding::new(
                line,
                format!("{key} stands there twice"),
                "keep one of them: the last counts",
            ));
        }
        if value.contains(['"', '\'', '\\', '$', '`']) || value.trim() != value {
            found.push(Finding::new(
                line,
                format!("the value of {key} needs quoting"),
                "use a value without quotes, backslashes, $ and spaces at its ends",
            ));
        }
        let (key, value) = (key.to_owned(), value.to_owned());
        settings.push(Setting { line, section: String::new(), key, value });
    }
    (settings, found)
}

/// A unit file: sections, and lines that go on after a backslash.
pub(super) fn unit(text: &str) -> (Vec<Setting>, Vec<Finding>) {
    let (mut settings, mut found) = (Vec::new(), Vec::new());
    let mut section = String::new();
    let mut open: Option<(usize, String)> = None;
    for (at, raw) in text.lines().enumerate() {
        let line = raw.trim();
        if line.starts_with(['#', ';']) || (line.is_empty() && open.is_none()) {
            continue;
        }
        let (first, mut whole) = open.take().unwrap_or((at + 1, String::new()));
        if let Some(rest) = line.strip_suffix('\\') {
            whole.push_str(rest);
            open = Some((first, whole));
            continue;
        }
        whole.push_str(line);
        if let Some(name) = whole.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            name.clone_into(&mut section);
        } else if let Some((key, value)) = whole.split_once('=') {
            let (key, value) = (key.trim().to_owned(), value.trim().to_owned());
            settings.push(Setting { line: first, section: section.clone(), key, value });
        } else {
            found.push(Finding::new(
                first,
                "it is neither a [Section] nor Key=value",
                "systemd leaves such a line out without a word",
            ));
        }
    }
    if let Some((line, _)) = open {
        found.push(Finding::new(
            line,
            "the file ends after a backslash",
            "take the backslash away or write the rest",
        ));
    }
    (settings, found)
}

/// Lines of a word and what belongs to it.
pub(super) fn words(text: &str) -> Vec<Setting> {
    let split = |(line, text): (usize, &str)| {
        let (key, value) = text.split_once(|c: char| c.is_whitespace() || c == '=').unwrap_or((text, ""));
        let value = value.trim_start_matches(|c: char| c.is_whitespace() || c == '=').to_owned();
        Setting { line, section: String::new(), key: key.to_lowercase(), value }
    };
    lines(text).map(split).collect()
}
