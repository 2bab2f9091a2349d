//! Owns what is wrong with a text the user wrote: place, rule, fix.
//! Must not know how a problem is drawn; `error.rs` does that at the edge.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::span::{Place, Source};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Error,
    Warning,
}

/// One problem. The first label is the primary place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Stable code, such as `HAC-E021`.
    pub code: &'static str,
    pub severity: Severity,
    /// What is wrong, with the offending value in it. No period at the end.
    pub message: String,
    /// What to do about it: a literal or a command.
    pub help: Option<String>,
    pub labels: Vec<(Range<usize>, String)>,
    pub source: Arc<Source>,
}

impl Problem {
    pub fn error(
        source: &Arc<Source>,
        code: &'static str,
        span: Range<usize>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            code,
            severity: Severity::Error,
            message: message.into(),
            help: None,
            labels: vec![(span, String::new())],
            source: Arc::clone(source),
        }
    }

    #[must_use]
    pub fn warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }

    /// Text under the primary place.
    #[must_use]
    pub fn says(mut self, text: impl Into<String>) -> Self {
        if let Some(first) = self.labels.first_mut() {
            first.1 = text.into();
        }
        self
    }

    /// A second place, where two values conflict.
    #[must_use]
    pub fn also(mut self, span: Range<usize>, text: impl Into<String>) -> Self {
        self.labels.push((span, text.into()));
        self
    }

    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }

    pub fn place(&self) -> Place {
        let span = self.labels.first().map_or(0..0, |(span, _)| span.clone());
        Place { source: Arc::clone(&self.source), span }
    }
}

impl fmt::Display for Problem {
    /// `cluster.toml:31:12: error[HAC-E021]: message`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{}: {severity}[{}]: {}", self.place(), self.code, self.message)
    }
}

/// All problems of one run, never empty, sorted by place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct Problems(pub Vec<Problem>);

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl Problems {
    /// `Err` if any of `problems` is an error; else the warnings.
    pub fn check(mut problems: Vec<Problem>) -> Result<Vec<Problem>, Self> {
        problems.sort_by(|a, b| {
            let key = |p: &Problem| (p.source.name.clone(), p.labels.first().map_or(0, |l| l.0.start));
            key(a).cmp(&key(b)).then(a.code.cmp(b.code))
        });
        if problems.iter().any(|p| p.severity == Severity::Error) {
            Err(Self(problems))
        } else {
            Ok(problems)
        }
    }
}
