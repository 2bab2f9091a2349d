//! Whatever stands in an inventory: it is read, or problems say where, in words that
//! can be drawn.

use std::fs;

use hacluster::inventory;
use hacluster::report::problems;
use hacluster::report::ui::Paint;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::TestCaseResult;

use super::{hold, text};
use crate::inventory::cases;

/// Every problem has a place within the file and can be drawn.
fn check(bytes: &[u8]) -> TestCaseResult {
    let result = inventory::parse("cluster.toml", bytes);
    let found = match &result {
        Ok(inventory) => inventory.warnings(),
        Err(problems) => &problems.0,
    };
    prop_assert!(result.is_ok() || !found.is_empty());
    for problem in found {
        let (line, column) = problem.source.line_column(problem.place().span.start);
        prop_assert!(line > 0 && column > 0 && problem.place().span.end <= problem.source.text.len());
        prop_assert!(problem.help.is_some() && !problem.message.contains('\n'), "{}", problem);
    }
    let drawn = problems::text(found, Paint::default());
    prop_assert!(!drawn.contains('\x1b'));
    if let Ok(inventory) = &result {
        inventory.context();
    }
    Ok(())
}

fn originals() -> Vec<Vec<u8>> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("inventories");
    let shipped = ["lab.toml", "cold-storage.toml"].map(|name| folder.join(name));
    shipped.into_iter().chain(cases()).map(|path| fs::read(path).unwrap()).collect()
}

#[test]
fn any_bytes_are_an_inventory_or_a_problem() {
    let word = select(vec![
        "[", "[[", "]", "]]", "node", "vip", ".", "=", "\"", "'''", "\"\"\"", "{", "}", ",", "\n", "#", "1",
        "\\u",
    ]);
    let bytes = prop_oneof![
        word.prop_map(|word| word.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..4),
        text().prop_map(String::into_bytes),
    ];
    hold(64, prop::collection::vec(bytes, 0..40), |pieces| check(&pieces.concat()));
}

#[test]
fn any_edit_leaves_an_inventory_or_a_problem() {
    let piece = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..4),
        text().prop_map(String::into_bytes),
        Just(b"\n[[node]]\n".to_vec()),
    ];
    let edits = prop::collection::vec((any::<Index>(), 0_usize..20, piece), 1..5);
    hold(32, (select(originals()), edits), |(mut bytes, edits)| {
        for (at, length, piece) in edits {
            let start = at.index(bytes.len() + 1);
            let end = (start + length).min(bytes.len());
            bytes.splice(start..end, piece);
        }
        check(&bytes)
    });
}

/// A value in TOML's own quoting, so that any text gets as far as the rules.
fn quoted(text: &str) -> String {
    text.chars().fold(String::new(), |out, c| match c {
        '"' | '\\' => format!("{out}\\{c}"),
        c if c.is_control() => format!("{out}\\u{:04x}", u32::from(c)),
        c => out + &c.to_string(),
    })
}

#[test]
fn any_text_in_the_place_of_a_value_is_taken_or_refused() {
    let (mut places, mut whole) = (Vec::new(), Vec::new());
    for bytes in originals() {
        let Ok(file) = String::from_utf8(bytes) else { continue };
        let quotes: Vec<usize> = file.match_indices('"').map(|(at, _)| at).collect();
        if inventory::parse("cluster.toml", file.as_bytes()).is_ok()
            && file.lines().all(|line| line.matches('"').count() % 2 == 0)
        {
            places.extend(quotes.chunks_exact(2).map(|pair| (whole.len(), pair[0] + 1..pair[1])));
            whole.push(file);
        }
    }
    assert!(places.len() > 200);
    hold(32, (select(places), text()), |((file, place), value)| {
        let mut file = whole[file].clone();
        file.replace_range(place, &quoted(&value));
        check(file.as_bytes())
    });
}
