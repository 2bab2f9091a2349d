//! Owns the rules of unit files and drop-ins, of which systemd leaves out what it does
//! not know without a word. Must not know inventories.

use super::Finding;
use super::settings::{Setting, unit};
use crate::inventory::nearest;

const KNOWN: &str = include_str!("systemd.txt");
const CHOICES: [(&str, &[&str]); 3] = [
    ("Type", &["simple", "exec", "forking", "oneshot", "dbus", "notify", "notify-reload", "idle"]),
    ("Restart", &["no", "on-success", "on-failure", "on-abnormal", "on-watchdog", "on-abort", "always"]),
    ("KillMode", &["control-group", "mixed", "process", "none"]),
];

/// The settings of a section; none where the section is not one of ours.
fn known(section: &str) -> Vec<&'static str> {
    let mut lines = KNOWN.lines().skip(1).flat_map(str::split_whitespace);
    let head = |word: &&str| word.strip_suffix(':') == Some(section);
    if lines.by_ref().find(head).is_none() {
        return Vec::new();
    }
    lines.take_while(|word| !word.ends_with(':')).collect()
}

pub(super) fn check(text: &str) -> Vec<Finding> {
    let (settings, mut found) = unit(text);
    found.extend(settings.iter().filter_map(unknown));
    found.extend(settings.iter().filter_map(value));
    let service = |key: &str| settings.iter().find(|s| s.section == "Service" && s.key == key);
    let starts = settings.iter().any(|s| s.key == "ExecStart");
    // A drop-in has what it changes alone; a whole unit has a description.
    let whole = settings.iter().any(|s| s.key == "Description");
    if whole && settings.iter().any(|s| s.section == "Service") && !starts && service("ExecStop").is_none() {
        found.push(Finding::new(0, "the service has no ExecStart", "say what it runs"));
    }
    let oneshot = service("Type").is_some_and(|s| s.value == "oneshot");
    if let Some(restart) =
        service("Restart").filter(|s| oneshot && ["always", "on-success"].contains(&s.value.as_str()))
    {
        found.push(Finding::new(
            restart.line,
            "a oneshot service cannot restart always",
            "write on-failure, or another Type",
        ));
    }
    found
}

fn unknown(setting: &Setting) -> Option<Finding> {
    let Setting { line, section, key, .. } = setting;
    let known = known(section);
    if section.is_empty() {
        return Some(Finding::new(
            *line,
            format!("{key} stands before any [Section]"),
            "systemd leaves it out: put it below [Unit], [Service] or [Install]",
        ));
    }
    if known.is_empty() || known.contains(&key.as_str()) || key.starts_with("X-") {
        return None;
    }
    let elsewhere =
        ["Unit", "Service", "Install"].into_iter().find(|other| self::known(other).contains(&key.as_str()));
    let fix = match (elsewhere, nearest(key, known.iter().copied())) {
        (Some(other), _) => format!("move it below [{other}]: here systemd leaves it out"),
        (None, Some(near)) => format!("did you mean {near}? systemd leaves it out"),
        (None, None) => return None,
    };
    Some(Finding::new(*line, format!("[{section}] has no setting {key}"), fix))
}

fn value(setting: &Setting) -> Option<Finding> {
    let Setting { line, key, value, .. } = setting;
    if let Some((_, choices)) =
        CHOICES.iter().find(|(name, _)| name == key).filter(|(_, all)| !all.contains(&value.as_str()))
    {
        return Some(Finding::new(
            *line,
            format!("{key} is {value:?}"),
            format!("write one of {}", choices.join(", ")),
        ));
    }
    None
}
