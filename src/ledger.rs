//! Owns the ledger: what hacluster last applied on a host, kept on that host.
//! Contents stand in it as keyed HMAC. Must not know how it gets there.

use std::collections::BTreeMap;

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::resource::{Fields, sealed};

/// Format of the file; a newer one is refused, an older one is read.
pub const VERSION: u32 = 1;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    pub version: u32,
    pub cluster: String,
    /// Key of the HMACs, made for this host.
    pub salt: String,
    /// What each resource was last applied as, by id.
    pub resources: BTreeMap<String, Fields>,
    /// Flat inventory values at that time, for `because ... changed`.
    pub inventory: BTreeMap<String, String>,
}

impl Ledger {
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
}
