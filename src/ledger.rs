//! Owns the ledger: what hacluster last applied on a host and owns there, kept
//! on that host. Contents stand in it as keyed HMAC. Must not know how it gets there.

use std::collections::BTreeMap;

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::expand::Resource;
use crate::group::GroupName;
use crate::resource::{Change, Fields, Kind, OnChange, Unit, sealed};

/// Format of the file; a newer one is refused, an older one is read: 1 had no
/// `owned`.
pub const VERSION: u32 = 2;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    pub version: u32,
    pub cluster: String,
    /// Key of the HMACs, made for this host.
    pub salt: String,
    /// What each resource was last applied as, by id.
    pub resources: BTreeMap<String, Fields>,
    /// What hacluster owns there, by id, written down before it is made.
    #[serde(default)]
    pub owned: BTreeMap<String, Owned>,
    /// Flat inventory values at that time, for `because ... changed`.
    pub inventory: BTreeMap<String, String>,
    /// Name of the newest secrets that the host was given something of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secrets: Option<String>,
}

/// How something came to be hacluster's, and what undoes it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owned {
    /// The kind with what must be known to remove it.
    pub kind: serde_json::Value,
    pub playbook: String,
    /// It was on the host before hacluster was: never removed.
    #[serde(default, skip_serializing_if = "is_false")]
    pub before: bool,
    /// The live value of a setting before it was set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was: Option<String>,
    /// It is a member of this group, or runs one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
    /// Units that owe something when it changes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notifies: Vec<(String, OnChange)>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's form")]
fn is_false(value: &bool) -> bool {
    !value
}

impl Owned {
    /// What is to be written down of a resource that was judged for the first
    /// time; `None` for what nothing can undo.
    pub fn new(resource: &Resource, change: &Change, have: Option<&Fields>) -> Option<Self> {
        let sysctl = matches!(resource.kind, Kind::Sysctl(_));
        Some(Self {
            kind: resource.kind.undo()?,
            playbook: resource.playbook.clone(),
            before: was_there(&resource.kind, change),
            was: have.filter(|_| sysctl).and_then(|have| have.get("value").cloned()),
            group: resource.group.filter(|_| resource.rolling && !resource.guest),
            item: resource.item.clone(),
            notifies: resource.notifies.clone(),
        })
    }

    /// The same from its step as it stands now: how it came stays.
    #[must_use]
    pub fn renewed(&self, newer: Self) -> Self {
        Self { before: self.before, was: self.was.clone(), ..newer }
    }
}

/// A unit or a setting that had to be changed is not as it was before, but for a
/// unit that only reads its files again: sshd ran. Anything else was there if it
/// only differed.
fn was_there(kind: &Kind, change: &Change) -> bool {
    match (change, kind) {
        (Change::None | Change::Unreadable(_), _) => true,
        (Change::Update(fields), Kind::Unit(_)) => fields.iter().all(|f| f.name == Unit::CONFIGURATION),
        (Change::Update(_), kind) => !matches!(kind, Kind::Sysctl(_)),
        _ => false,
    }
}

impl Ledger {
    pub fn holds(&self, id: &str) -> bool {
        self.owned.contains_key(id) || self.resources.contains_key(id)
    }

    /// Whether it holds a thing of this kind and name, whatever its host was called.
    pub fn knows(&self, label: &str) -> bool {
        let named = |id: &String| id.split_once('/').is_some_and(|(_, rest)| rest == label);
        self.owned.keys().chain(self.resources.keys()).any(named)
    }

    /// `None` where there is none or it cannot be read: then nothing is known
    /// of the last apply, which is no error.
    pub fn read(text: Option<&str>) -> Option<Self> {
        serde_json::from_str::<Self>(text?).ok().filter(|ledger| ledger.version <= VERSION)
    }

    pub fn new(cluster: &str, salt: String) -> Self {
        Self { version: VERSION, cluster: cluster.to_owned(), salt, ..Self::default() }
    }

    /// The fields as they may lie on a disk: hashes of contents are keyed.
    pub fn protect(&self, fields: &Fields) -> Fields {
        let protect = |(name, value): (&String, &String)| {
            let value = if sealed(name) { self.keyed(value) } else { value.clone() };
            (name.clone(), value)
        };
        fields.iter().map(protect).collect()
    }

    fn keyed(&self, value: &str) -> String {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.salt.as_bytes()) else { return String::new() };
        mac.update(value.as_bytes());
        data_encoding::HEXLOWER.encode(&mac.finalize().into_bytes())
    }
}

/// Every leaf of the inventory by its dotted name.
pub fn flatten(context: &serde_json::Value) -> BTreeMap<String, String> {
    let mut flat = BTreeMap::new();
    walk("", context, &mut flat);
    flat
}

fn walk(prefix: &str, value: &serde_json::Value, flat: &mut BTreeMap<String, String>) {
    let Some(map) = value.as_object() else {
        flat.insert(prefix.to_owned(), value.to_string());
        return;
    };
    for (key, value) in map {
        let name = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        walk(&name, value, flat);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::Field;

    #[test]
    fn contents_are_keyed_and_the_rest_is_plain() {
        let ledger = Ledger::new("cold", "salt".into());
        let fields: Fields = [("content".into(), "abc".into()), ("mode".into(), "0640".into())].into();
        let kept = ledger.protect(&fields);
        assert_eq!(kept["mode"], "0640");
        assert_eq!(kept["content"].len(), 64);
        assert_ne!(kept["content"], Ledger::new("cold", "other".into()).protect(&fields)["content"]);
        let text = serde_json::to_string(&ledger).unwrap();
        assert_eq!(Ledger::read(Some(&text)), Some(ledger));
        assert_eq!(Ledger::read(Some("{")), None);
    }

    #[test]
    fn a_unit_that_only_reads_its_files_again_was_there() {
        let kind = serde_json::json!({ "unit": { "name": "ssh.service", "state": "started" } });
        let unit: Kind = serde_json::from_value(kind).unwrap();
        let update = |names: &[&str]| {
            let field = |name: &&str| Field { name: (*name).into(), from: "a".into(), to: "b".into() };
            Change::Update(names.iter().map(field).collect())
        };
        assert!(was_there(&unit, &update(&["configuration"])));
        assert!(!was_there(&unit, &update(&["configuration", "state"])));
        assert!(!was_there(&unit, &update(&["enabled"])));
        assert!(!was_there(&unit, &Change::Create(Vec::new())));
    }
}
