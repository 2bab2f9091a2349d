//! Owns the plan as people and programs read it: data, and its JSON lines.
//! Must not know hosts, playbooks or how a plan is made.

use serde::Serialize;
use serde_json::{Value, json};

use crate::plan::Absence;
use crate::resource::Field;

/// What happens to one resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Sign {
    Add,
    Change,
    Replace,
    Remove,
    /// It stays on its host, and is hacluster's no more.
    Forget,
    /// Somebody else's thing that would be overwritten.
    InTheWay,
    /// A unit pays what it owes.
    Restart,
    Reload,
    /// Known only when its predecessors are done.
    Later,
    Unreadable,
    /// It would do harm now.
    Refused,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Action {
    pub id: String,
    pub host: String,
    /// Kind and name: the id without its host.
    pub label: String,
    pub playbook: String,
    #[serde(rename = "action")]
    pub sign: Sign,
    pub reason: String,
    /// What changes, by name. Never a secret, never a file's content.
    pub fields: Vec<Field>,
    /// Lines of a file that is added.
    pub lines: Option<usize>,
    /// How a file's content changes, secrets masked.
    pub diff: Option<String>,
}

/// A host that takes no part, and what has to wait for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Deferred {
    pub host: String,
    pub kind: Absence,
    pub why: String,
    pub steps: Vec<String>,
}

/// A change that was not selected, and why not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Waiting {
    pub id: String,
    pub why: String,
}

/// What a run is for, where that is not everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selected {
    /// As on the command line.
    pub words: String,
    pub waiting: Vec<Waiting>,
}

#[derive(Debug, Clone, Default)]
pub struct PlanReport {
    pub cluster: String,
    /// In the order in which they are carried out.
    pub actions: Vec<Action>,
    /// Names of playbooks, and what they are about.
    pub titles: Vec<(String, String)>,
    pub effects: Vec<String>,
    /// What a reader should know before anything else, a sentence each.
    pub remarks: Vec<String>,
    pub selection: Option<Selected>,
    pub deferred: Vec<Deferred>,
    /// Names of the hosts that answered.
    pub hosts: Vec<String>,
    pub seconds: f64,
}

impl PlanReport {
    /// To add, to change, to remove, known only later, to forget.
    pub(super) fn counts(&self) -> [usize; 5] {
        let mut counts = [0; 5];
        for action in &self.actions {
            let slot = match action.sign {
                Sign::Add | Sign::Replace => 0,
                Sign::Change
                | Sign::Restart
                | Sign::Reload
                | Sign::Unreadable
                | Sign::Refused
                | Sign::InTheWay => 1,
                Sign::Remove => 2,
                Sign::Later => 3,
                Sign::Forget => 4,
            };
            counts[slot] += 1;
        }
        counts
    }

    /// One line for everything, the summary last.
    pub fn json(&self) -> Vec<Value> {
        let actions = self.actions.iter().map(|a| tagged("planned_change", a));
        let deferred = self.deferred.iter().map(|d| tagged("deferred", d));
        let waiting = self.selection.iter().flat_map(|s| &s.waiting).map(|w| tagged("not_selected", w));
        let effects = self.effects.iter().map(|text| json!({ "type": "effect", "text": text }));
        let remarks = self.remarks.iter().map(|text| json!({ "type": "remark", "text": text }));
        let [add, change, remove, later, forget] = self.counts();
        let left_out = self.selection.as_ref().map_or(0, |selection| selection.waiting.len());
        let summary = json!({
            "type": "plan_summary",
            "selected": self.actions.len(), "left_out": left_out,
            "cluster": self.cluster,
            "add": add, "change": change, "remove": remove, "later": later, "forget": forget,
            "hosts": self.hosts,
            "unreachable": self.deferred.iter().map(|d| &d.host).collect::<Vec<_>>(),
            "seconds": self.seconds,
        });
        remarks.chain(actions).chain(deferred).chain(waiting).chain(effects).chain([summary]).collect()
    }
}

/// Our types always serialise; the type's name is added.
pub(super) fn tagged<T: Serialize>(kind: &str, value: &T) -> Value {
    let mut value = serde_json::to_value(value).unwrap_or_default();
    if let Some(map) = value.as_object_mut() {
        map.insert("type".to_owned(), kind.into());
    }
    value
}
