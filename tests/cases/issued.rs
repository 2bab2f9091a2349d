//! Owns the certificates that lie on the hosts of cases, made when a case runs.
//! Must not know what is judged by them.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use hacluster::pki::{Authority, LeafSpec, describe};
use serde::Deserialize;
use toml::{Table, Value};

use super::NOW;

pub(super) static OURS: LazyLock<Authority> = LazyLock::new(|| Authority::generate("cold", NOW).unwrap());
static OTHER: LazyLock<Authority> = LazyLock::new(|| Authority::generate("other", NOW).unwrap());

/// A certificate that lies on the host; made when the case runs.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Leaf {
    key: String,
    names: Vec<String>,
    usages: Vec<String>,
    common_name: Option<String>,
    /// Days from now on.
    days: u64,
    #[serde(default)]
    foreign: bool,
    #[serde(default)]
    wrong_key: bool,
}

/// Puts the certificates of a case where its host would have shown them.
pub(super) fn issue(certificates: &BTreeMap<String, Leaf>, facts: &mut Table) {
    for (path, leaf) in certificates {
        let spec = LeafSpec {
            common_name: leaf.common_name.clone(),
            names: leaf.names.clone(),
            usages: leaf.usages.clone(),
            days: leaf.days,
        };
        let by = if leaf.foreign { &OTHER } else { &OURS };
        let (pem, _) = by.issue(&spec, NOW).unwrap();
        let hash = if leaf.wrong_key { "0".repeat(64) } else { describe(&pem).unwrap().public_key };
        for (section, key, text) in
            [("contents", path, pem), ("public_keys", &leaf.key, format!("{hash}  -"))]
        {
            let items = facts.entry(section).or_insert_with(|| Value::Table(Table::new()));
            if let Some(items) = items.as_table_mut() {
                items.entry(key.as_str()).or_insert(Value::from(text));
            }
        }
    }
}
