//! Owns `secrets list`: which there are, and what they are for.
//! Must not look at a value.

use serde_json::json;

use super::Safe;
use crate::error::Failure;
use crate::inventory::Referred;
use crate::report::problems::line_of;
use crate::report::table::aligned;
use crate::report::ui::Ui;
use crate::secrets::{AUTHORITY, purpose};

struct Row {
    name: String,
    kind: String,
    uses: Vec<String>,
    kept: bool,
}

pub(super) fn run(ui: &Ui, safe: &Safe) -> Result<(), Failure> {
    let rows = rows(safe);
    for row in &rows {
        ui.json(&json!({
            "type": "secret", "name": row.name, "kind": row.kind, "used": row.uses, "kept": row.kept
        }))?;
    }
    let cells = rows.iter().map(|row| {
        let uses = if row.uses.is_empty() { "nothing uses it".to_owned() } else { row.uses.join("; ") };
        let missing = if row.kept { "" } else { " (not made yet)" };
        vec![row.name.clone(), row.kind.clone(), format!("{uses}{missing}")]
    });
    ui.say(&aligned(&["NAME", "KIND", "USED FOR"], &cells.collect::<Vec<_>>()))?;
    ui.note(&format!("Values are in {}; `hacluster secrets edit` shows them.", safe.shown()));
    Ok(())
}

fn rows(safe: &Safe) -> Vec<Row> {
    let referred = safe.inventory.secrets_referred();
    let authority = Row {
        name: AUTHORITY.to_owned(),
        kind: "certificate authority".to_owned(),
        uses: vec![format!("signs every certificate of the cluster{}", replaced(safe))],
        kept: true,
    };
    let row = |name: String| {
        let own: Vec<&Referred> = referred.iter().filter(|one| one.name == name).collect();
        let kind = own.first().map_or_else(|| "password".to_owned(), |one| one.kind());
        let mut uses: Vec<String> = purpose(&name).map(str::to_owned).into_iter().collect();
        uses.extend(own.iter().map(|one| used(safe, one)));
        let kind = if uses.is_empty() { "value".to_owned() } else { kind };
        Row { kept: safe.secrets.get(&name).is_some(), kind, uses, name }
    };
    [authority].into_iter().chain(safe.names().into_iter().map(row)).collect()
}

fn replaced(safe: &Safe) -> &'static str {
    if safe.secrets.stage().is_some() { "; is being replaced" } else { "" }
}

fn used(safe: &Safe, one: &Referred) -> String {
    let place = safe.inventory.place_of(&one.path).map(|place| format!(" ({})", line_of(&place)));
    format!("{}{}", one.path, place.unwrap_or_default())
}
