//! Owns how a secret looks where somebody wrote it down: as it is, quoted, escaped,
//! in base64. Must not know where it is looked for.

use std::collections::{BTreeMap, BTreeSet};

use data_encoding::BASE64;

/// Enough to know a value by; `contains` is fast up to here.
const LENGTH: usize = 32;

/// What to look for, each with the name of its secret.
#[derive(Debug, Clone, Default)]
pub struct Needles(BTreeMap<String, String>);

impl Needles {
    pub fn add(&mut self, name: &str, value: &str) {
        if !self.0.contains_key(tail(value)) {
            self.0.extend(forms(value).into_iter().map(|form| (tail(&form).to_owned(), name.to_owned())));
        }
    }

    /// Names of the secrets that stand in a text.
    pub fn within(&self, text: &str) -> BTreeSet<&str> {
        let found = self.0.iter().filter(|(form, _)| text.contains(form.as_str()));
        found.map(|(_, name)| name.as_str()).collect()
    }

    /// All of them, one a line.
    pub fn lines(&self) -> String {
        self.0.keys().map(String::as_str).collect::<Vec<_>>().join("\n")
    }

    pub fn count(&self) -> usize {
        self.0.len()
    }
}

/// Keys of one kind all begin alike.
fn tail(form: &str) -> &str {
    let from = form.len().saturating_sub(LENGTH);
    form.get(from..).unwrap_or(form)
}

fn forms(value: &str) -> Vec<String> {
    let json = serde_json::Value::from(value).to_string();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let url = value.bytes().map(|byte| match byte {
        byte if plain(byte) => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    });
    let mut forms = vec![
        value.to_owned(),
        json[1..json.len() - 1].to_owned(),
        value.replace('\'', r"'\''"),
        value.replace('\'', "''"),
        url.collect(),
    ];
    // Where it is part of something longer, as a password is after `user:`, it may begin
    // at any of three places; only what follows from it alone is looked for.
    for (before, from) in [(0, 0), (1, 2), (2, 3)] {
        let bytes = [&[0_u8; 2][..before], value.as_bytes()].concat();
        let text = BASE64.encode(&bytes);
        forms.extend(text.get(from..bytes.len() * 4 / 3).map(str::to_owned));
    }
    forms
}
