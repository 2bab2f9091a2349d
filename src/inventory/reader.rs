//! Owns the walk from a parsed document to the model: places, unknown and
//! missing keys, mismatched types. Must not know any particular table.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use toml::de::{DeTable, DeValue};

use crate::problem::Problem;
use crate::span::Source;

use super::table::Key;
use super::value::{Node, Value, Wrong};
use super::{mismatch, suggest};

/// Where each value of the file stands, by its path (`vip.database`,
/// `node[0].address`). A table's place is its header.
pub(super) type Places = BTreeMap<String, Range<usize>>;

pub(super) struct Reader {
    source: Arc<Source>,
    pub(super) places: Places,
    pub(super) problems: Vec<Problem>,
}

impl Reader {
    pub(super) fn new(source: &Arc<Source>) -> Self {
        Self { source: Arc::clone(source), places: Places::new(), problems: Vec::new() }
    }

    pub(super) fn place(&mut self, path: &str, span: Range<usize>) {
        self.places.insert(path.to_owned(), span);
    }

    pub(super) fn wrong(&mut self, wrong: Wrong, span: Range<usize>, path: &str) {
        let message = format!("`{path}` {}", wrong.message);
        let mut problem = Problem::error(&self.source, wrong.code, span, message);
        problem.help = wrong.help;
        self.problems.push(problem);
    }

    pub(super) fn mismatch(&mut self, value: Node<'_, '_>, path: &str, expects: &str) {
        let raw = self.source.text.get(value.span()).unwrap_or_default();
        let wrong = mismatch::explain(value.get_ref(), raw, path, expects);
        self.wrong(wrong, value.span(), path);
    }

    pub(super) fn no_list(&mut self, value: Node<'_, '_>, path: &str, item: &str) {
        let raw = self.source.text.get(value.span()).unwrap_or_default();
        let wrong = if matches!(value.get_ref(), DeValue::Table(_)) {
            Wrong::new("HAC-E012", "is one table; it can be there several times")
                .help(format!("write [[{path}]] with two brackets"))
        } else {
            let key = path.rsplit('.').next().unwrap_or(path);
            Wrong::new("HAC-E012", format!("is {raw}; it needs a list, each item {item}"))
                .help(format!("write {key} = [{raw}]"))
        };
        self.wrong(wrong, value.span(), path);
    }
}

/// The keys of one table that is being read.
pub(super) struct Fields<'a, 't> {
    table: &'a DeTable<'t>,
    header: Range<usize>,
    path: String,
    keys: &'static [Key],
    reader: &'a mut Reader,
}

impl<'a, 't> Fields<'a, 't> {
    pub(super) fn new(
        table: &'a DeTable<'t>,
        header: Range<usize>,
        path: &str,
        keys: &'static [Key],
        reader: &'a mut Reader,
    ) -> Self {
        Self { table, header, path: path.to_owned(), keys, reader }
    }

    fn join(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    pub(super) fn get<T: Value>(&mut self, key: &str, default: T) -> T {
        let path = self.join(key);
        if let Some(value) = self.table.get(key) {
            self.reader.place(&path, value.span());
            return T::read(value, &path, self.reader).unwrap_or(default);
        }
        if self.keys.iter().any(|known| known.name == key && known.required) {
            self.missing(key);
        }
        T::unset(default)
    }

    fn missing(&mut self, key: &str) {
        let Some(known) = self.keys.iter().find(|known| known.name == key) else { return };
        let (table, doc) = (bracketed(&self.path), known.doc.trim());
        let problem = if self.path.is_empty() {
            let example = suggest::example_table(key);
            Problem::error(&self.reader.source, "HAC-E014", 0..0, format!("the table [{key}] is missing"))
                .help(format!("add {example}"))
        } else {
            let message = format!("{table} has no `{key}`: {doc}");
            Problem::error(&self.reader.source, "HAC-E014", self.header.clone(), message)
                .help(format!("add a line {}", suggest::example(&self.path, key)))
        };
        self.reader.problems.push(problem);
    }

    /// Reports the keys nobody asked for.
    pub(super) fn finish(&mut self) {
        for (key, _) in self.table {
            if self.keys.iter().any(|known| known.name == key.get_ref()) {
                continue;
            }
            let table = self.path.split('[').next().unwrap_or_default();
            let hint = suggest::unknown(table, key.get_ref(), self.keys);
            let what = if self.path.is_empty() {
                format!("`{}` is no table of an inventory", key.get_ref().escape_debug())
            } else {
                format!("`{}` is no key of {}", key.get_ref().escape_debug(), bracketed(&self.path))
            };
            let problem = Problem::error(&self.reader.source, "HAC-E010", key.span(), what).help(hint);
            self.reader.problems.push(problem);
        }
    }
}

/// `node[2]` is shown as `[[node]]`, `vip` as `[vip]`.
fn bracketed(path: &str) -> String {
    match path.split_once('[') {
        Some((table, _)) => format!("[[{table}]]"),
        None => format!("[{path}]"),
    }
}
