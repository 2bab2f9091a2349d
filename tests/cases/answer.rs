//! Owns the making of a probe's answer from a case's sections, so that a case
//! goes through `facts::parse`. Must not know what the facts are used for.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use hacluster::facts::{EtcdEndpoint, Facts, Needs, ParseError, PatroniEndpoint, parse};
use toml::{Table, Value};

pub(crate) const NONCE: &str = "b7c1e0";

/// A host that says nothing unusual of itself.
const IDENTITY: &str = "os=debian\nos_version=13\narch=x86_64\ncpus=2\nhostname=node1\nsystemd=yes";

/// The answer a host would have sent. A section is its text, or `{ text, status }`;
/// one that is not in the case was never answered. `cut = "NAME"` ends the
/// answer within that section.
pub(crate) fn answer(sections: &Table, needs: &Needs) -> String {
    let mut out = String::new();
    let default =
        |name: &str, body: &str| sections.get(name).cloned().unwrap_or_else(|| Value::from(body.to_owned()));
    for (name, body) in [("identity", IDENTITY), ("debts", ""), ("ledger", "")] {
        frame(&mut out, name, &default(name, body), needs);
    }
    for (name, value) in sections {
        if !["identity", "debts", "ledger", "cut"].contains(&name.as_str()) {
            frame(&mut out, name, value, needs);
        }
    }
    if let Some(name) = sections.get("cut").and_then(Value::as_str) {
        let at = out.find(&format!("{NONCE} end {name} ")).unwrap_or(out.len());
        out.truncate(at + NONCE.len() + 4);
    }
    out
}

fn frame(out: &mut String, name: &str, value: &Value, needs: &Needs) {
    let keys = match name {
        "contents" => Some(&needs.contents),
        "public_keys" => Some(&needs.public_keys),
        "checks" => Some(&needs.checks),
        "entries" => Some(&needs.entries),
        _ => None,
    };
    let (body, status) = match keys {
        Some(keys) => (items(keys, value), 0),
        None => text_status(value),
    };
    let _ = write!(out, "{NONCE} begin {name}\n{body}\n{NONCE} end {name} {status}\n");
}

/// Items by key; one that the case leaves out is not there (66).
fn items(keys: &BTreeSet<String>, value: &Value) -> String {
    let mut body = String::new();
    for (index, key) in keys.iter().enumerate() {
        let (text, status) = value.get(key).map_or((String::new(), 66), text_status);
        let _ = write!(body, "{NONCE} item {index}\n{text}\n{NONCE} done {status}\n");
    }
    body
}

fn text_status(value: &Value) -> (String, i64) {
    match value {
        Value::String(text) => (text.clone(), 0),
        Value::Integer(status) => (String::new(), *status),
        table => (
            table.get("text").and_then(Value::as_str).unwrap_or_default().to_owned(),
            table.get("status").and_then(Value::as_integer).unwrap_or(0),
        ),
    }
}

/// Facts from a case's sections. REST sections say by their name what was asked.
pub(super) fn facts(sections: &Table, needs: &Needs) -> Result<Facts, ParseError> {
    let mut needs = needs.clone();
    for name in sections.keys() {
        if let Some(member) = name.strip_prefix("etcd:") {
            needs.etcd.entry(member.to_owned()).or_insert_with(|| EtcdEndpoint {
                client_url: String::new(),
                metrics_url: String::new(),
                data: String::new(),
                identity: String::new(),
                ca: String::new(),
            });
        }
        if name == "patroni" {
            let none = PatroniEndpoint { url: String::new(), ca: String::new(), data: String::new() };
            needs.patroni.get_or_insert(none);
        }
    }
    parse(&answer(sections, &needs), &needs, NONCE)
}
