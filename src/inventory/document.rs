//! Owns the stages from bytes to a checked model, and which problems are shown
//! when an earlier stage already found one. Must not know single rules.

use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::problem::Problem;
use crate::span::Source;

use super::file::Inventory;
use super::model::Tables;
use super::preset::resolve;
use super::reader::{Fields, Reader};
use super::table::Table;
use super::{check, redact, syntax};

/// Largest file, in bytes.
pub(super) const LIMIT: u64 = 1024 * 1024;
/// Most nodes in one file.
const NODES: usize = 1000;

/// The model, unless nothing could be read at all, and every problem.
pub(super) fn read(name: &str, bytes: &[u8]) -> (Option<Inventory>, Vec<Problem>) {
    let text = match decode(name, bytes) {
        Ok(text) => text,
        Err(problem) => return (None, vec![problem]),
    };
    let (text, found) = redact::redact(text);
    let source = Source::new(name, text);
    let mut early = Vec::new();
    for secret in found {
        let message = format!("`{}` holds a literal secret", secret.key);
        early.push(Problem::error(&source, "HAC-E060", secret.span.clone(), message).help(secret.help()));
    }
    if source.text.starts_with('\u{feff}') {
        let message = "the file starts with a byte order mark, which TOML does not need";
        let problem = Problem::error(&source, "HAC-W007", 0..3, message).warning();
        early.push(problem.help("save it as UTF-8 without BOM"));
    }
    let (document, errors) = DeTable::parse_recoverable(&source.text);
    let syntax = syntax::judge(&source, document.get_ref(), &errors);
    if let Some(problem) = refuse(&source, &document, syntax.problems.is_empty()) {
        early.push(problem);
        return (None, early);
    }
    model(&source, &document, early, syntax)
}

fn decode<'b>(name: &str, bytes: &'b [u8]) -> Result<&'b str, Problem> {
    if bytes.len() as u64 > LIMIT {
        let source = Source::new(name, "");
        return Err(Problem::error(&source, "HAC-E005", 0..0, "the file has more than 1 MiB, the limit")
            .help("is it an inventory? The one of 1000 nodes has 100 KiB"));
    }
    std::str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        let (text, _) = redact::redact(&String::from_utf8_lossy(bytes));
        let source = Source::new(name, text);
        let message = format!("byte {at} is 0x{:02X}, which is not UTF-8 (Latin-1?)", bytes[at]);
        Problem::error(&source, "HAC-E003", at..at + '\u{fffd}'.len_utf8(), message)
            .help("save it as UTF-8, or convert it: iconv -f latin1 -t utf-8")
    })
}

/// What makes reading on pointless.
fn refuse(source: &Arc<Source>, document: &Spanned<DeTable<'_>>, valid: bool) -> Option<Problem> {
    if document.get_ref().is_empty() && valid {
        let message = "the file is empty; an inventory needs [cluster], [network] and one [[node]] a machine";
        return Some(
            Problem::error(source, "HAC-E006", 0..0, message).help("`hacluster init` writes a first one"),
        );
    }
    let nodes = document.get_ref().get("node").and_then(|node| match node.get_ref() {
        DeValue::Array(nodes) => nodes.get(NODES),
        _ => None,
    })?;
    let message = format!("the file has more than {NODES} nodes, the limit");
    Some(Problem::error(source, "HAC-E005", nodes.span(), message).help("split it into several clusters"))
}

fn model(
    source: &Arc<Source>,
    document: &Spanned<DeTable<'_>>,
    mut problems: Vec<Problem>,
    syntax: syntax::Verdict,
) -> (Option<Inventory>, Vec<Problem>) {
    let mut reader = Reader::new(source);
    let root = document.span();
    let mut tables =
        Tables::fields(&mut Fields::new(document.get_ref(), root, "", Tables::KEYS, &mut reader));
    resolve(&mut tables, &reader.places);
    let read = Inventory { tables, places: reader.places, source: Arc::clone(source), warnings: Vec::new() };

    let secrets: Vec<usize> = problems
        .iter()
        .filter(|problem| problem.code == "HAC-E060")
        .map(|problem| line(source, start(problem)))
        .collect();
    let broken: Vec<Range<usize>> = reader
        .problems
        .iter()
        .chain(&problems)
        .map(|problem| problem.place().span)
        .chain(reader.incomplete)
        .collect();
    let visible =
        |problem: &Problem| !syntax.hides(start(problem)) && !secrets.contains(&line(source, start(problem)));
    let missing_counts = syntax.problems.is_empty();
    let typed =
        reader.problems.into_iter().filter(|p| visible(p) && (missing_counts || p.code != "HAC-E014"));
    let ruled = if syntax.structure || reader.misnamed { Vec::new() } else { check::all(&read) };
    // A rule that looks at a value which is already reported would only echo it.
    let ruled = ruled.into_iter().filter(|problem| {
        visible(problem)
            && !problem.labels.iter().any(|(span, _)| broken.contains(span) || syntax.hides(span.start))
    });
    problems.extend(typed.chain(ruled));
    problems.extend(syntax.problems);
    (Some(read), problems)
}

fn start(problem: &Problem) -> usize {
    problem.labels.first().map_or(0, |(span, _)| span.start)
}

fn line(source: &Source, offset: usize) -> usize {
    source.line_column(offset).0
}
