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
    /// Headers of tables that lack a key: what a rule says of them is an echo.
    pub(super) incomplete: Vec<Range<usize>>,
    /// A table stands under a wrong name: a rule would judge a file that nobody meant.
    pub(super) misnamed: bool,
}

impl Reader {
    pub(super) fn new(source: &Arc<Source>) -> Self {
        Self {
            source: Arc::clone(source),
            places: Places::new(),
            problems: Vec::new(),
            incomplete: Vec::new(),
            misnamed: false,
        }
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
        T::unset(default)
    }

    fn missing(&mut self, known: &Key) {
        let (table, key, doc) = (bracketed(&self.path), known.name, known.doc.trim());
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

    /// Reports keys that nobody asked for, and those that are missing and not just misspelt.
    pub(super) fn finish(&mut self) {
        let misspelt: Vec<&str> = self.unknown().filter_map(|key| suggest::meant(key, self.keys)).collect();
        for known in self.keys {
            let absent = known.required && !self.table.contains_key(known.name);
            if absent {
                self.reader.incomplete.push(self.header.clone());
            }
            if absent && !misspelt.contains(&known.name) {
                self.missing(known);
            }
        }
        let misnamed = self.path.is_empty() && !misspelt.is_empty();
        self.reader.misnamed |= misnamed;
        self.strangers();
    }

    fn unknown(&self) -> impl Iterator<Item = &str> {
        let known = |key: &&str| self.keys.iter().any(|known| known.name == *key);
        self.table.iter().map(|(key, _)| key.get_ref().as_ref()).filter(move |key| !known(key))
    }

    fn strangers(&mut self) {
        for (key, value) in self.table {
            if self.keys.iter().any(|known| known.name == key.get_ref()) {
                continue;
            }
            let table = self.path.split('[').next().unwrap_or_default();
            let hint = suggest::unknown(table, key.get_ref(), self.keys);
            let word = key.get_ref().escape_debug();
            let what = match (self.path.is_empty(), value.get_ref()) {
                (true, DeValue::Table(_) | DeValue::Array(_)) => {
                    format!("`{word}` is no table of an inventory")
                }
                (true, _) => format!("`{word}` stands before any table"),
                (false, _) => format!("`{word}` is no key of {}", bracketed(&self.path)),
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
