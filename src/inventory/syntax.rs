//! Owns the words for a text that is not TOML, and which lines it spoils.
//! Must not know tables or keys of an inventory.

use std::ops::Range;
use std::sync::Arc;

use toml::de::{DeTable, DeValue, Error};

use crate::problem::Problem;
use crate::span::Source;

use super::syntax_line::explain;

/// What the parser's complaints come to.
#[derive(Debug)]
pub(super) struct Verdict {
    pub(super) problems: Vec<Problem>,
    /// Lines whose content means nothing.
    spoiled: Vec<Range<usize>>,
    /// A header or a bracket is broken: keys may stand in the wrong table.
    pub(super) structure: bool,
}

impl Verdict {
    pub(super) fn hides(&self, offset: usize) -> bool {
        self.spoiled.iter().any(|lines| lines.contains(&offset))
    }
}

/// At most one problem a line; what follows from a broken header or bracket is left out.
pub(super) fn judge(source: &Arc<Source>, document: &DeTable<'_>, errors: &[Error]) -> Verdict {
    let mut verdict = Verdict { problems: Vec::new(), spoiled: Vec::new(), structure: false };
    conflicts(source, &mut verdict);
    let mut errors: Vec<(Range<usize>, &str)> =
        errors.iter().map(|error| (error.span().unwrap_or(0..0), error.message())).collect();
    // A broken header also makes a duplicate of its name: the first reason of a line counts.
    errors.sort_by_key(|(span, message)| {
        (line_of(&source.text, span.start).start, message.starts_with("duplicate key"), span.start)
    });
    for (span, message) in errors {
        let mut span = span;
        if message.contains("multi-line") {
            span = opening(&source.text, span.start);
        }
        let line = line_of(&source.text, span.start);
        if verdict.hides(span.start) || verdict.spoiled.iter().any(|lines| lines.contains(&line.start)) {
            continue;
        }
        let problem = if message.starts_with("duplicate key") {
            duplicate(source, document, span)
        } else {
            explain(source, &line, span, message)
        };
        let header = looks_like_header(&source.text[line.clone()]);
        if header && verdict.structure && problem.code == "HAC-E002" {
            // The parser lost its place at the broken header before.
            continue;
        }
        let bracket =
            message.contains("array") || message.contains("inline table") || message.contains("multi-line");
        verdict.structure |= bracket || (header && problem.code != "HAC-E002");
        let end = spoiled_until(&source.text, line.end, bracket, header);
        verdict.spoiled.push(line.start..end.max(line.start + 1));
        verdict.problems.push(problem);
    }
    verdict
}

fn spoiled_until(text: &str, line_end: usize, bracket: bool, header: bool) -> usize {
    match (bracket, header) {
        (true, _) => text.len(),
        (false, true) => next_header(text, line_end),
        (false, false) => line_end,
    }
}

/// Also one that lost a bracket.
pub(super) fn looks_like_header(line: &str) -> bool {
    let line = line.trim();
    line.starts_with('[') || (line.ends_with(']') && !line.contains(['=', ',', '"']))
}

/// The line that holds `offset`, with its line feed.
pub(super) fn line_of(text: &str, offset: usize) -> Range<usize> {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    let start = text[..offset].rfind('\n').map_or(0, |at| at + 1);
    let end = text[offset..].find('\n').map_or(text.len(), |at| offset + at + 1);
    start..end
}

/// Where a string over several lines started that has no end.
fn opening(text: &str, end: usize) -> Range<usize> {
    let before = text.get(..end).unwrap_or(text);
    let start = before.rfind("\"\"\"").max(before.rfind("'''")).unwrap_or(0);
    start..before.len().min(start + 3)
}

fn next_header(text: &str, from: usize) -> usize {
    let mut at = from;
    for line in text[from..].split_inclusive('\n') {
        if line.trim_start().starts_with('[') {
            return at;
        }
        at += line.len();
    }
    at
}

fn conflicts(source: &Arc<Source>, verdict: &mut Verdict) {
    let mut from = 0;
    while let Some(at) = find_line(&source.text, from, "<<<<<<<") {
        let end = find_line(&source.text, at, ">>>>>>>")
            .map_or(source.text.len(), |end| line_of(&source.text, end).end);
        let problem =
            Problem::error(source, "HAC-E001", at..at + 7, "an unresolved merge conflict starts here")
                .help("keep one of the two sides and remove the lines <<<<<<<, ======= and >>>>>>>");
        verdict.problems.push(problem);
        verdict.spoiled.push(at..end);
        verdict.structure = true;
        from = end;
    }
}

fn find_line(text: &str, from: usize, start: &str) -> Option<usize> {
    let mut at = from;
    for line in text[from..].split_inclusive('\n') {
        if line.starts_with(start) {
            return Some(at);
        }
        at += line.len();
    }
    None
}

fn duplicate(source: &Arc<Source>, document: &DeTable<'_>, span: Range<usize>) -> Problem {
    let key = source.text.get(span.clone()).unwrap_or_default();
    let line = source.text[line_of(&source.text, span.start)].trim();
    let table = line.starts_with('[');
    let mut places = Vec::new();
    keys(document, key.trim_matches(['"', '\'']), &mut places);
    if table {
        // A later header replaces the span of the first one: look for it in the text.
        places = headers(&source.text, line);
    }
    let first = places.into_iter().filter(|place| place.end <= span.start).max_by_key(|place| place.start);
    let what = if table { line.to_owned() } else { format!("`{key}`") };
    let Some(first) = first else {
        return Problem::error(source, "HAC-E002", span, format!("{what} is there twice"))
            .help("remove one of them");
    };
    let (number, _) = source.line_column(first.start);
    let fix =
        if table { "move its keys there and remove this header" } else { "remove one of the two lines" };
    Problem::error(source, "HAC-E002", span, format!("{what} is there twice, first in line {number}"))
        .also(first, "first here")
        .help(fix)
}

fn headers(text: &str, header: &str) -> Vec<Range<usize>> {
    let mut at = 0;
    let mut found = Vec::new();
    for line in text.split_inclusive('\n') {
        let name = header.trim_matches(['[', ']']);
        if line.trim_start().starts_with('[') && line.trim().trim_matches(['[', ']']) == name {
            found.push(at..at + line.trim_end().len());
        }
        at += line.len();
    }
    found
}

fn keys(table: &DeTable<'_>, word: &str, found: &mut Vec<Range<usize>>) {
    for (key, value) in table {
        if key.get_ref() == word {
            found.push(key.span());
        }
        match value.get_ref() {
            DeValue::Table(table) => keys(table, word, found),
            DeValue::Array(items) => {
                for item in items {
                    if let DeValue::Table(table) = item.get_ref() {
                        keys(table, word, found);
                    }
                }
            }
            _ => {}
        }
    }
}
