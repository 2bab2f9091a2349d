//! Owns the text of a plan: what looks the same on several hosts is said once.
//! Must not know how a plan is made.

use super::clean::{clean, clean_line};
use super::page::{count, indented, put};
use super::plan::{Action, PlanReport, Sign};
use super::ui::Paint;
use crate::resource::Field;

/// Most hosts that are named; more are counted.
const NAMED: usize = 6;

/// Equal actions, with all hosts they are for.
struct Entry<'a> {
    action: &'a Action,
    hosts: Vec<&'a str>,
}

impl PlanReport {
    /// The whole plan.
    pub fn text(&self, paint: Paint, verbose: bool) -> String {
        let mut text = String::new();
        for remark in &self.remarks {
            put(&mut text, &format!("{}.", clean_line(remark)));
        }
        for (playbook, entries) in self.by_playbook(verbose) {
            let title = self.titles.iter().find(|(name, _)| name == playbook).map_or("", |(_, title)| title);
            put(&mut text, &format!("\n{} {}", paint.bold(&format!("{playbook}:")), clean_line(title)));
            for entry in entries {
                text.push_str(&self.entry(&entry, paint, verbose));
            }
        }
        text.push_str(&self.deferred_text(paint));
        if !self.effects.is_empty() {
            put(&mut text, &format!("\n{}", paint.bold("What this does to the cluster:")));
            text.extend(self.effects.iter().map(|effect| format!("  {}.\n", clean_line(effect))));
        }
        if verbose {
            text.push_str(&self.waiting());
        }
        if !text.is_empty() {
            text.push('\n');
        }
        text + &self.summary(paint)
    }

    /// Changes that were not selected, each with its reason.
    fn waiting(&self) -> String {
        let waiting: Vec<_> = self.selection.iter().flat_map(|selection| &selection.waiting).collect();
        let lines: String =
            waiting.iter().map(|w| format!("  {} ({})\n", clean_line(&w.id), clean_line(&w.why))).collect();
        if lines.is_empty() { lines } else { format!("\nDeferred, because not selected:\n{lines}") }
    }

    /// `3 of 9 changes selected (--on node1), 6 deferred.`
    fn selected(&self) -> String {
        let Some(selection) = &self.selection else { return String::new() };
        let (chosen, waiting) = (self.actions.len(), selection.waiting.len());
        let all = chosen + waiting;
        format!(
            "{chosen} of {} selected ({}), {waiting} deferred.\n",
            count(all, "change"),
            clean_line(&selection.words)
        )
    }

    /// The last line alone; where not everything was selected, how much was.
    pub fn summary(&self, paint: Paint) -> String {
        self.selected() + &self.last(paint)
    }

    fn last(&self, paint: Paint) -> String {
        let took = format!("({:.1} s, {})", self.seconds, count(self.hosts.len(), "host"));
        if self.actions.is_empty() {
            let waiting = self.selection.as_ref().is_some_and(|selection| !selection.waiting.is_empty());
            let what = match (waiting, self.deferred.is_empty()) {
                (true, _) => "Nothing to do in what was selected.",
                (false, true) => "The cluster matches the configuration.",
                (false, false) => "Nothing to do on the hosts that answered.",
            };
            return format!("{} {what} {}\n", paint.bold(&paint.green("No changes.")), paint.dim(&took));
        }
        let [add, change, remove, later, forget] = self.counts();
        let more =
            |count: usize, what: &str| if count > 0 { format!(" {count} {what}.") } else { String::new() };
        let later = more(later, "known only later") + &more(forget, "to forget");
        let plan = paint.bold("Plan:");
        format!("{plan} {add} to add, {change} to change, {remove} to remove.{later} {}\n", paint.dim(&took))
    }

    /// Playbooks in the order in which they build upon each other.
    fn by_playbook(&self, verbose: bool) -> Vec<(&str, Vec<Entry<'_>>)> {
        let mut playbooks: Vec<(&str, Vec<Entry<'_>>)> = Vec::new();
        for action in &self.actions {
            let at = playbooks.iter().position(|(name, _)| *name == action.playbook);
            let at = at.unwrap_or_else(|| {
                playbooks.push((&action.playbook, Vec::new()));
                playbooks.len() - 1
            });
            let entries = &mut playbooks[at].1;
            match entries.iter_mut().find(|entry| same(entry.action, action, verbose)) {
                Some(entry) => entry.hosts.push(&action.host),
                None => entries.push(Entry { action, hosts: vec![&action.host] }),
            }
        }
        let place = |name: &str| self.titles.iter().position(|(title, _)| title == name);
        playbooks.sort_by_key(|(name, _)| place(name));
        playbooks
    }

    fn entry(&self, entry: &Entry<'_>, paint: Paint, verbose: bool) -> String {
        let action = entry.action;
        let once = if action.id.starts_with("cluster/") { "once, " } else { "" };
        let lines = action.lines.map(|lines| format!(", {}", count(lines, "line"))).unwrap_or_default();
        let reason = paint.dim(&format!("({})", clean_line(&action.reason)));
        let mut text = format!(
            "  {} {}{}{lines}, {once}on {} {reason}\n",
            sign(action.sign, paint),
            clean_line(&action.label),
            verb(action.sign),
            self.on(&entry.hosts)
        );
        for field in action.fields.iter().filter(|field| verbose || notable(action.sign, field)) {
            put(&mut text, &format!("      {}", field_text(action.sign, field)));
        }
        for line in action.diff.as_deref().unwrap_or_default().lines() {
            put(&mut text, &format!("      {}", diff_line(&clean(line), paint)));
        }
        text
    }

    fn on(&self, hosts: &[&str]) -> String {
        let mut hosts = hosts.to_vec();
        hosts.sort_by_key(|name| self.hosts.iter().position(|host| host == name));
        if hosts.len() > 2 && hosts.len() == self.hosts.len() {
            return format!("all {} hosts", hosts.len());
        }
        if hosts.len() > NAMED {
            return format!("{} and {} more", hosts[..NAMED].join(", "), hosts.len() - NAMED);
        }
        hosts.join(", ")
    }

    fn deferred_text(&self, paint: Paint) -> String {
        let mut text = String::new();
        for deferred in &self.deferred {
            let why = indented(&deferred.why);
            let steps = count(deferred.steps.len(), "step");
            let host = clean_line(&deferred.host);
            let words = deferred.kind.words();
            put(&mut text, &format!("\n{} {host} {words}: {steps} deferred", paint.yellow("!")));
            text.push_str(&why);
        }
        text
    }
}

/// Whether two actions read the same but for their hosts.
fn same(one: &Action, other: &Action, verbose: bool) -> bool {
    let shown = |action: &Action| -> Vec<Field> {
        action.fields.iter().filter(|field| verbose || notable(action.sign, field)).cloned().collect()
    };
    // The label first: it tells most of them apart.
    let words = one.label == other.label && one.reason == other.reason;
    let rest = words && one.sign == other.sign && one.lines == other.lines && one.diff == other.diff;
    rest && shown(one) == shown(other)
}

fn sign(sign: Sign, paint: Paint) -> String {
    match sign {
        Sign::Add => paint.green("+"),
        Sign::Change | Sign::Restart | Sign::Reload => paint.yellow("~"),
        Sign::Replace => format!("{}/{}", paint.red("-"), paint.green("+")),
        Sign::Remove => paint.red("-"),
        Sign::Forget => paint.cyan("."),
        Sign::Later => paint.cyan("?"),
        Sign::Unreadable | Sign::Refused | Sign::InTheWay => paint.red("!"),
    }
}

fn verb(sign: Sign) -> &'static str {
    match sign {
        Sign::Restart => " will restart",
        Sign::Reload => " will reload",
        Sign::Replace => " must be replaced",
        Sign::Unreadable => " could not be read",
        Sign::Refused => " is refused",
        Sign::InTheWay => " is in the way",
        Sign::Forget => " is only forgotten",
        _ => "",
    }
}

/// What is shown without being asked: changed values, and how a member starts.
fn notable(sign: Sign, field: &Field) -> bool {
    match sign {
        Sign::Change | Sign::Replace | Sign::Remove | Sign::InTheWay => true,
        Sign::Add => matches!(field.name.as_str(), "start" | "replaces"),
        _ => false,
    }
}

fn field_text(sign: Sign, field: &Field) -> String {
    let shown = |value: &str| if value.is_empty() { "(none)".to_owned() } else { clean_line(value) };
    if sign == Sign::Add || field.from.is_empty() {
        return format!("{} = {}", field.name, shown(&field.to));
    }
    format!("{}: {} -> {}", field.name, shown(&field.from), shown(&field.to))
}

pub(super) fn diff_line(line: &str, paint: Paint) -> String {
    match line.chars().next() {
        Some('+') => paint.green(line),
        Some('-') => paint.red(line),
        Some('@') => paint.cyan(line),
        _ => line.to_owned(),
    }
}
