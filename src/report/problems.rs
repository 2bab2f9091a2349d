//! Owns how problems in a user's text are drawn: boxes by miette, or JSON.
//! Must not know which rule found them.

use std::fmt::Write as _;

use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteDiagnostic, NamedSource, Report, Severity,
};
use serde_json::{Value, json};

use super::clean::{clean, clean_in_place};
use super::ui::Paint;
use crate::problem::{self, Problem};
use crate::span::Place;

/// More than this many at once help nobody.
const SHOWN: usize = 50;
/// Columns of a box; wider ones are hard to read.
const WIDTH: usize = 100;

/// All problems, errors and warnings as they come, and how many were left out.
pub fn text(problems: &[Problem], paint: Paint) -> String {
    let mut text = String::new();
    for problem in problems.iter().take(SHOWN) {
        text.push_str(&draw(problem, paint));
    }
    if problems.len() > SHOWN {
        let _ = writeln!(text, "and {} more\n", problems.len() - SHOWN);
    }
    text
}

fn draw(problem: &Problem, paint: Paint) -> String {
    let mut diagnostic = MietteDiagnostic::new(clean(&problem.message)).with_code(problem.code);
    diagnostic = diagnostic.with_severity(match problem.severity {
        problem::Severity::Error => Severity::Error,
        problem::Severity::Warning => Severity::Warning,
    });
    if let Some(help) = &problem.help {
        diagnostic = diagnostic.with_help(clean(help));
    }
    let source = &problem.source;
    // A place in an empty text (a file that cannot be read) is no place.
    if !source.text.is_empty() {
        let label = |(index, (span, text)): (usize, &(std::ops::Range<usize>, String))| {
            let text = (!text.is_empty()).then(|| clean(text));
            if index == 0 {
                LabeledSpan::new_primary_with_span(text, span.clone())
            } else {
                LabeledSpan::new_with_span(text, span.clone())
            }
        };
        diagnostic = diagnostic.with_labels(problem.labels.iter().enumerate().map(label));
    }
    let theme = if paint.on { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let handler = GraphicalReportHandler::new_themed(theme).with_links(false).with_width(WIDTH);
    let named = NamedSource::new(clean(&source.name), clean_in_place(&source.text));
    let report = Report::new(diagnostic).with_source_code(named);
    let mut text = String::new();
    match handler.render_report(&mut text, report.as_ref()) {
        Ok(()) => format!("{}\n\n", text.trim_end()),
        Err(_) => format!("{problem}\n"),
    }
}

/// The same as data: file, line and column of every place.
pub fn json(problem: &Problem) -> Value {
    let severity = match problem.severity {
        problem::Severity::Error => "error",
        problem::Severity::Warning => "warning",
    };
    let label = |(span, text): &(std::ops::Range<usize>, String)| {
        let (line, column) = problem.source.line_column(span.start);
        json!({ "file": problem.source.name, "line": line, "column": column, "text": text })
    };
    json!({
        "type": "problem",
        "severity": severity,
        "code": problem.code,
        "message": problem.message,
        "help": problem.help,
        "places": problem.labels.iter().map(label).collect::<Vec<_>>(),
    })
}

/// `cluster.toml:23`
pub fn line_of(place: &Place) -> String {
    format!("{}:{}", place.source.name, place.source.line_column(place.span.start).0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::span::Source;

    #[test]
    fn two_places_one_box() {
        let source = Source::new("cluster.toml", "a = 1\nb = \"\u{1b}[31m\"\n");
        let problem = Problem::error(&source, "HAC-E099", 0..5, "a and b differ")
            .says("one")
            .also(6..15, "the other")
            .help("make them equal");
        insta::assert_snapshot!(text(std::slice::from_ref(&problem), Paint::default()), @r#"
        HAC-E099

          × a and b differ
           ╭─[cluster.toml:1:1]
         1 │ a = 1
           · ──┬──
           ·   ╰── one
         2 │ b = "?[31m"
           · ────┬────
           ·     ╰── the other
           ╰────
          help: make them equal
        "#);
        assert_eq!(json(&problem)["places"][1]["line"], 2);
        let many = vec![problem; 53];
        assert!(text(&many, Paint::default()).ends_with("and 3 more\n\n"));
    }
}
