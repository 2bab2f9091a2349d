//! Owns what is wrong with one line that is not TOML, as its writer would say
//! it. Must not know the lines around it.

use std::ops::Range;
use std::sync::Arc;

use crate::problem::Problem;
use crate::span::Source;

use super::syntax::looks_like_header;

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

/// One complaint of the parser and the line it is about.
struct Complaint<'s> {
    source: &'s Arc<Source>,
    text: &'s str,
    start: usize,
    line: Line<'s>,
    span: Range<usize>,
    message: &'s str,
}

/// A guess at what was meant; silent where it does not fit.
type Guess = fn(&Complaint<'_>) -> Option<Problem>;

/// From the surest to the least sure.
const GUESSES: &[Guess] =
    &[typographic, header, endless, no_value, unclosed, second_thing, leading_zero, truth, bare, list];

pub(super) fn explain(source: &Arc<Source>, at: &Range<usize>, span: Range<usize>, message: &str) -> Problem {
    let text = &source.text[at.clone()];
    let complaint =
        Complaint { source, text, start: at.start, line: Line::new(text, at.start), span, message };
    GUESSES.iter().find_map(|guess| guess(&complaint)).unwrap_or_else(|| {
        let problem = complaint.error(complaint.span.clone(), format!("this is not TOML: {message}"));
        problem.help("a line is key = value, [table] or # comment")
    })
}

impl Complaint<'_> {
    fn error(&self, span: Range<usize>, message: String) -> Problem {
        Problem::error(self.source, CODE, span, message)
    }

    /// The line without its end; behind the last one nothing is left.
    fn whole(&self) -> Range<usize> {
        let end = self.start + self.text.trim_end().len().max(1);
        self.start..end.min(self.source.text.len())
    }

    /// Whether the complaint is about a value without quotes.
    fn is_bare(&self) -> bool {
        let value = self.line.value;
        let plain = !value.is_empty() && !value.starts_with(['"', '\'', '[', '{']);
        plain && self.line.place.contains(&self.span.start)
    }

    fn has_second(&self) -> bool {
        self.line.value.contains(" = ") || self.message.starts_with("unexpected key or value")
    }
}

fn typographic(complaint: &Complaint<'_>) -> Option<Problem> {
    let (offset, quote) = complaint.text.char_indices().find(|(_, c)| QUOTES.contains(c))?;
    let start = complaint.start + offset;
    let message = format!("{quote} is a typographic quote, U+{:04X}", u32::from(quote));
    Some(complaint.error(start..start + quote.len_utf8(), message).help("type a plain \" instead"))
}

fn header(complaint: &Complaint<'_>) -> Option<Problem> {
    let header = complaint.text.trim();
    let name = header.trim_matches(['[', ']', ' ']);
    let list = header.starts_with("[[") || header.ends_with("]]");
    let whole = if list { format!("[[{name}]]") } else { format!("[{name}]") };
    if !looks_like_header(header) || header == whole {
        return None;
    }
    let problem = complaint.error(complaint.whole(), format!("{header} is no complete table header"));
    Some(problem.help(format!("write {whole}, on a line of its own")))
}

/// A string over several lines.
fn endless(complaint: &Complaint<'_>) -> Option<Problem> {
    let message = format!("the string that starts here, of `{}`, never ends", complaint.line.key);
    let problem = || complaint.error(complaint.span.clone(), message);
    let help = "close it with the same three quotes, or use one line and single ones";
    complaint.message.contains("multi-line").then(|| problem().help(help))
}

fn no_value(complaint: &Complaint<'_>) -> Option<Problem> {
    let Complaint { text, line, message, .. } = complaint;
    let assigned = text.contains('=');
    if let Some((key, value)) = line.key.split_once(':').filter(|_| !assigned) {
        let (key, value) = (key.trim(), value.trim());
        let problem =
            complaint.error(complaint.whole(), format!("`{key}` is followed by a colon; TOML has ="));
        return Some(problem.help(format!("write {key} = {value}")));
    }
    let nothing = assigned && line.value.is_empty();
    let said = message.starts_with("key with no value") || message.starts_with("unquoted keys cannot");
    let problem = || complaint.error(complaint.whole(), format!("`{}` has no value", line.key));
    (nothing || said).then(|| problem().help(format!("write {} = ..., or remove the line", line.key)))
}

fn unclosed(complaint: &Complaint<'_>) -> Option<Problem> {
    let Line { key, value, place } = &complaint.line;
    let quote = value.chars().next().filter(|c| ['"', '\''].contains(c))?;
    if complaint.message.contains("escape") || complaint.message.contains("unicode") {
        let message = "this backslash starts nothing that TOML knows".to_owned();
        let help = "write \\\\ for one backslash, or use single quotes";
        return Some(complaint.error(complaint.span.clone(), message).help(help));
    }
    let message = format!("the string that starts here, of `{key}`, has no closing quote");
    let problem = || complaint.error(place.clone(), message);
    let open = complaint.message.starts_with("invalid basic string")
        || complaint.message.starts_with("invalid literal string");
    open.then(|| problem().help(format!("write {key} = {value}{quote}")))
}

fn second_thing(complaint: &Complaint<'_>) -> Option<Problem> {
    let place = if complaint.line.value.contains(" = ") { &complaint.line.place } else { &complaint.span };
    let problem = || complaint.error(place.clone(), "a second thing follows on the same line".to_owned());
    let help = "give every key a line of its own; a comment starts with #";
    complaint.has_second().then(|| problem().help(help))
}

fn leading_zero(complaint: &Complaint<'_>) -> Option<Problem> {
    let Line { key, value, place } = &complaint.line;
    let fits =
        complaint.is_bare() && value.starts_with('0') && value.bytes().all(|byte| byte.is_ascii_digit());
    let message = format!("`{key}` is {value}; a number has no leading zero");
    let problem = || complaint.error(place.clone(), message);
    fits.then(|| problem().help(format!("write {key} = {}", value.trim_start_matches('0'))))
}

fn truth(complaint: &Complaint<'_>) -> Option<Problem> {
    let Line { key, value, place } = &complaint.line;
    let meant = match value.to_lowercase().as_str() {
        "true" | "yes" | "on" => "true",
        "false" | "no" | "off" => "false",
        _ => return None,
    };
    let problem = complaint.error(place.clone(), format!("`{key}` is {value}; TOML has true and false"));
    Some(problem.help(format!("write {key} = {meant}")))
}

fn bare(complaint: &Complaint<'_>) -> Option<Problem> {
    let Line { key, value, place } = &complaint.line;
    let what = if value.parse::<std::net::IpAddr>().is_ok() { "an IP address" } else { "a text" };
    let message = format!("`{key}` is {value} without quotes; {what} is quoted");
    let problem = || complaint.error(place.clone(), message);
    complaint.is_bare().then(|| problem().help(format!("write {key} = \"{value}\"")))
}

fn list(complaint: &Complaint<'_>) -> Option<Problem> {
    let message = "a list is not closed, or two of its items have no comma between them".to_owned();
    let problem = || complaint.error(complaint.span.clone(), message);
    complaint.message.contains("array").then(|| problem().help("write it like [\"a\", \"b\"]"))
}
