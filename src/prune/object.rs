//! Owns what a kind stands for on its host: two kinds may mean one thing, and an
//! entry of a ledger means what it says. Must not know steps.

use serde_json::json;

use crate::ledger::Owned;
use crate::resource::Kind;

/// A unit by the name systemd uses.
pub(super) fn unit(full_name: &str) -> String {
    format!("unit:{full_name}")
}

/// What a resource takes up on its host.
pub(super) fn objects(kind: &Kind) -> Vec<String> {
    let path = |path: &String| format!("path:{path}");
    match kind {
        Kind::File(file) => vec![path(&file.path)],
        Kind::Directory(directory) => vec![path(&directory.path)],
        Kind::Link(link) => vec![path(&link.path)],
        Kind::Certificate(certificate) => vec![path(&certificate.cert), path(&certificate.key)],
        Kind::Unit(u) => vec![unit(&u.full_name())],
        Kind::Gone(gone) => objects(&gone.kind),
        other => vec![other.label()],
    }
}

/// The kind an entry stands for, and how it came, where that is known. `None`
/// for what cannot be undone: what a command did, what was waited for.
pub(super) fn read<'a>(label: &str, owned: Option<&'a Owned>) -> Option<(Option<&'a Owned>, Kind)> {
    let written = owned.and_then(|owned| Some((owned, serde_json::from_value(owned.kind.clone()).ok()?)));
    if let Some((owned, kind)) = written {
        return Some((Some(owned), kind));
    }
    let (kind, name) = label.split_once(':')?;
    let key = name.strip_suffix(".crt").map(|stem| format!("{stem}.key"));
    let known = match kind {
        "file" | "directory" => json!({ "path": name }),
        "link" => json!({ "path": name, "target": "" }),
        "package" | "user" | "group" => json!({ "name": name }),
        "unit" => json!({ "name": name, "state": "started", "enabled": true }),
        "certificate" => json!({ "cert": name, "key": key?, "names": [], "usages": [] }),
        _ => return None,
    };
    Some((None, serde_json::from_value(json!({ kind: known })).ok()?))
}
