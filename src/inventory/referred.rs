//! Owns which secrets the inventory names, and where.
//! Must not know their values, nor what is made where they are missing.

use serde_json::Value;

use super::file::Inventory;

/// One `secret://name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Referred {
    pub name: String,
    /// The key it is the value of: `postgres.user[0].password`.
    pub path: String,
    /// It stands in the file, and is no default.
    pub written: bool,
}

impl Referred {
    /// What it is, by its key: `password`, `api key`.
    pub fn kind(&self) -> String {
        self.path.rsplit('.').next().unwrap_or_default().replace('_', " ")
    }
}

impl Inventory {
    /// Every secret that a table which is not off names.
    pub fn secrets_referred(&self) -> Vec<Referred> {
        let mut found = Vec::new();
        // Our types always serialise.
        walk("", &serde_json::to_value(&self.tables).unwrap_or_default(), &mut found);
        found
            .into_iter()
            .map(|(path, name)| Referred { written: self.is_written(&path), name, path })
            .collect()
    }
}

fn walk(path: &str, value: &Value, found: &mut Vec<(String, String)>) {
    match value {
        Value::String(text) => {
            if let Some(name) = text.strip_prefix("secret://") {
                found.push((path.to_owned(), name.to_owned()));
            }
        }
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                walk(&format!("{path}[{at}]"), item, found);
            }
        }
        Value::Object(map) if map.get("enabled") != Some(&Value::Bool(false)) => {
            for (key, value) in map {
                walk(&if path.is_empty() { key.clone() } else { format!("{path}.{key}") }, value, found);
            }
        }
        _ => {}
    }
}
