//! Owns YAML as a tree with lines, and what two readers may understand in two ways.
//! Must not know what the keys mean.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, ScalarStyle};

use super::Finding;

/// Deeper than any file of ours.
const DEPTH: usize = 64;
/// Words that YAML 1.1, which Python's reader follows, takes for true and false.
const SWITCHES: [&str; 6] = ["yes", "no", "on", "off", "y", "n"];

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Scalar { text: String, plain: bool },
    List(Vec<Node>),
    Table(Vec<(String, Node)>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    pub line: usize,
    pub value: Value,
}

type Events<'a> = std::vec::IntoIter<(Event<'a>, usize)>;

/// The one document of a text.
pub(super) fn parse(text: &str) -> Result<Node, Finding> {
    let mut events = Vec::new();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| {
            let what = format!("it is no YAML: {}", error.info());
            Finding::new(
                error.marker().line(),
                what,
                "look at the value before it: a quote or a colon in it needs quoting (tojson)",
            )
        })?;
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
            Event::DocumentStart(_) if events.is_empty() => {}
            Event::DocumentStart(_) => {
                return Err(Finding::new(
                    span.start.line(),
                    "a second document begins",
                    "take the line --- out",
                ));
            }
            event => events.push((event, span.start.line())),
        }
    }
    node(&mut events.into_iter(), DEPTH)
}

fn node(events: &mut Events<'_>, depth: usize) -> Result<Node, Finding> {
    let Some((event, line)) = events.next() else {
        return Err(Finding::new(0, "the file is empty", "see what its template needs"));
    };
    if depth == 0 {
        return Err(Finding::new(line, "it is nested too deeply", "no such file needs that"));
    }
    let value = match event {
        Event::Scalar(text, style, ..) => {
            Value::Scalar { text: text.into_owned(), plain: style == ScalarStyle::Plain }
        }
        Event::SequenceStart(..) => {
            let mut list = Vec::new();
            while !matches!(events.as_slice().first(), Some((Event::SequenceEnd, _)) | None) {
                list.push(node(events, depth - 1)?);
            }
            events.next();
            Value::List(list)
        }
        Event::MappingStart(..) => {
            let mut table: Vec<(String, Node)> = Vec::new();
            while !matches!(events.as_slice().first(), Some((Event::MappingEnd, _)) | None) {
                let key = node(events, depth - 1)?;
                let Value::Scalar { text, .. } = key.value else {
                    return Err(Finding::new(key.line, "a key is no word", "write NAME: VALUE"));
                };
                if table.iter().any(|(other, _)| *other == text) {
                    return Err(Finding::new(
                        key.line,
                        format!("{text:?} stands there twice"),
                        "keep one of them: the last one counts, silently",
                    ));
                }
                table.push((text, node(events, depth - 1)?));
            }
            events.next();
            Value::Table(table)
        }
        _ => return Err(Finding::new(line, "an anchor or alias stands here", "write the value itself")),
    };
    Ok(Node { line, value })
}

impl Node {
    /// The node by its dotted name.
    pub(super) fn get(&self, path: &str) -> Option<&Self> {
        path.split('.').try_fold(self, |at, name| match &at.value {
            Value::Table(table) => table.iter().find(|(key, _)| key == name).map(|(_, node)| node),
            Value::List(list) => list.get(name.parse::<usize>().ok()?),
            Value::Scalar { .. } => None,
        })
    }

    pub(super) fn text(&self, path: &str) -> Option<(usize, &str)> {
        match self.get(path)? {
            Self { line, value: Value::Scalar { text, .. } } => Some((*line, text)),
            _ => None,
        }
    }

    /// Every scalar by its dotted name.
    pub(super) fn scalars(&self) -> Vec<(String, usize, &str, bool)> {
        let mut all = Vec::new();
        self.collect("", &mut all);
        all
    }

    fn collect<'a>(&'a self, path: &str, into: &mut Vec<(String, usize, &'a str, bool)>) {
        let at = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        match &self.value {
            Value::Scalar { text, plain } => into.push((path.to_owned(), self.line, text, *plain)),
            Value::List(list) => {
                list.iter().enumerate().for_each(|(n, node)| node.collect(&at(&n.to_string()), into));
            }
            Value::Table(table) => table.iter().for_each(|(key, node)| node.collect(&at(key), into)),
        }
    }

    pub(super) fn values(&self) -> BTreeMap<String, String> {
        self.scalars().into_iter().map(|(path, _, text, _)| (path, text.to_owned())).collect()
    }

    /// Words without quotes that one reader takes for a text and another for true or
    /// false.
    pub(super) fn doubtful(&self) -> Vec<Finding> {
        let doubtful = |text: &str| SWITCHES.contains(&text.to_lowercase().as_str());
        let found = self.scalars().into_iter().filter(|(_, _, text, plain)| *plain && doubtful(text));
        found
            .map(|(path, line, text, _)| {
                Finding::new(
                    line,
                    format!("{path} is {text} without quotes, which is read as true or false"),
                    "put it in quotes, or write true or false",
                )
            })
            .collect()
    }
}
