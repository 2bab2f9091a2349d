//! Owns what a ledger must hold to undo a resource without its step. Must not
//! know ledgers, nor how each kind is undone.

use serde_json::{Value, json};

use super::{File, Kind};

impl Kind {
    /// `None` for what nothing can undo. No content: it may hold secrets.
    pub fn undo(&self) -> Option<Value> {
        match self {
            Self::File(File { path, owner, group, .. }) => {
                Some(json!({ "file": { "path": path, "owner": owner, "group": group } }))
            }
            Self::Directory(_)
            | Self::Link(_)
            | Self::Package(_)
            | Self::User(_)
            | Self::Group(_)
            | Self::Unit(_)
            | Self::Sysctl(_)
            | Self::Certificate(_)
            | Self::EtcdMember(_)
            | Self::PostgresUser(_)
            | Self::PostgresDatabase(_)
            | Self::PostgresExtension(_)
            | Self::PostgresGrant(_) => serde_json::to_value(self).ok(),
            _ => None,
        }
    }
}
