//! Owns what is wrong with one line that is not TOML, as its writer would say
//! it. Must not know the lines around it.

use std::ops::Range;
use std::sync::Arc;

use crate::problem::Problem;
use crate::span::Source;

const QUOTES: [char; 8] = ['“', '”', '„', '‟', '‘', '’', '«', '»'];
const CODE: &str = "HAC-E001";

/// A line in its parts, as far as it has them.
struct Line<'t> {
    key: &'t str,
    value: &'t str,
    /// Where the value stands in the file.
    place: Range<usize>,
}

impl<'t> Line<'t> {
    fn new(text: &'t str, start: usize) -> Self {
        let Some(equals) = text.find('=') else {
            let key = text.trim();
            return Self { key, value: "", place: start..start + text.trim_end().len() };
        };
        let after = &text[equals + 1..];
        let value = without_comment(after).trim();
        let at = start + equals + 1 + (after.len() - after.trim_start().len());
        Self { key: text[..equals].trim(), value, place: at..at + value.len() }
    }
}

fn without_comment(text: &str) -> &str {
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match quote {
            None if c == '#' => return &text[..at],
            None if c == '"' || c == '\'' => quote = Some(c),
            Some(open) if c == open => quote = None,
            _ => {}
        }
    }
    text
}

pub(super) fn explain(source: &Arc<Source>, at: &Range<usize>, span: Range<usize>, message: &str) -> Problem {
    let text = &source.text[at.clone()];
    let error = |span: Range<usize>, message: String| Problem::error(source, CODE, span, message);
    if let Some((offset, quote)) = text.char_indices().find(|(_, c)| QUOTES.contains(c)) {
        let start = at.start + offset;
        let message = format!("{quote} is a typographic quote, U+{:04X}", u32::from(quote));
        return error(start..start + quote.len_utf8(), message).help("type a plain \" instead");
    }
    let line = Line::new(text, at.start);
    if message.starts_with("unclosed table") || message.contains("array of tables") {
        let header = text.trim();
        let place = at.start..at.start + text.trim_end().len();
        return error(place, format!("the table header {header} has no end"))
            .help(format!("write {}", closed(header)));
    }
    if message.starts_with("key with no value") || message.starts_with("unquoted keys cannot be empty") {
        return no_value(source, at.start, text, &line);
    }
    if message.contains("basic string") || message.contains("literal string, expected") {
        return unclosed(source, &line, message);
    }
    if !line.value.is_empty()
        && !line.value.starts_with(['"', '\'', '[', '{'])
        && line.place.contains(&span.start)
    {
        return bare(source, &line);
    }
    if message.starts_with("unexpected key or value") {
        let message = "a second thing follows on the same line".to_owned();
        return error(span, message).help("give every key a line of its own; a comment starts with #");
    }
    if message.contains("array") {
        return error(
            span,
            "a list is not closed, or two of its items have no comma between them".to_owned(),
        )
        .help("write it like [\"a\", \"b\"]");
    }
    error(span, format!("this is not TOML: {message}")).help("a line is key = value, [table] or # comment")
}

fn closed(header: &str) -> String {
    let name = header.trim_matches(['[', ']', ' ']);
    if header.starts_with("[[") || name == "node" { format!("[[{name}]]") } else { format!("[{name}]") }
}

fn no_value(source: &Arc<Source>, start: usize, text: &str, line: &Line<'_>) -> Problem {
    let place = start..start + text.trim_end().len().max(1);
    if let Some((key, value)) = line.key.split_once(':') {
        let message = format!("`{}` is followed by a colon; TOML has =", key.trim());
        return Problem::error(source, CODE, place, message).help(format!(
            "write {} = {}",
            key.trim(),
            value.trim()
        ));
    }
    let message = format!("`{}` has no value", line.key);
    Problem::error(source, CODE, place, message).help(format!("write {} = ..., or remove the line", line.key))
}

fn unclosed(source: &Arc<Source>, line: &Line<'_>, message: &str) -> Problem {
    if message.starts_with("invalid escape") || line.place.is_empty() {
        let message = "a string has a backslash that means nothing in TOML".to_owned();
        return Problem::error(source, CODE, line.place.clone(), message)
            .help("write \\\\ for one backslash");
    }
    let message = format!("the string that starts here, of `{}`, has no closing quote", line.key);
    let quote = line.value.chars().next().unwrap_or('"');
    Problem::error(source, CODE, line.place.clone(), message)
        .help(format!("write {} = {}{quote}", line.key, line.value))
}

/// A value without quotes that is neither a number nor true or false.
fn bare(source: &Arc<Source>, line: &Line<'_>) -> Problem {
    let Line { key, value, place } = line;
    let problem = |message: String| Problem::error(source, CODE, place.clone(), message);
    let digits = value.bytes().all(|byte| byte.is_ascii_digit());
    if digits && value.starts_with('0') {
        return problem(format!("`{key}` is {value}; a number has no leading zero"))
            .help(format!("write {key} = {}", value.trim_start_matches('0')));
    }
    match value.to_lowercase().as_str() {
        "true" | "yes" | "on" => {
            return problem(format!("`{key}` is {value}; TOML has true and false"))
                .help(format!("write {key} = true"));
        }
        "false" | "no" | "off" => {
            return problem(format!("`{key}` is {value}; TOML has true and false"))
                .help(format!("write {key} = false"));
        }
        _ => {}
    }
    let what = if value.parse::<std::net::IpAddr>().is_ok() { "an IP address" } else { "a text" };
    problem(format!("`{key}` is {value} without quotes; {what} is quoted"))
        .help(format!("write {key} = \"{value}\""))
}
