//! Owns how a command ends: the exit codes, and one failure with what to do
//! about it. Must not print, nor know which command failed.

use std::io;

use serde_json::{Value, json};

use crate::plan::{Outdated, Unknown};
use crate::problem::{Problem, Problems};
use crate::report::clean::clean;
use crate::report::page::put;
use crate::report::problems;
use crate::report::ui::Paint;
use crate::secrets::SecretsError;

/// How a command ends. A later one outweighs an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// Nothing to report.
    Clean,
    /// Only configuration that was not applied yet (`drift-check`).
    Pending,
    /// Changes (`plan --detailed-exitcode`), drift, or an unhealthy cluster.
    Differs,
    /// Some host does not answer, or could not be read whole.
    Unreachable,
    /// Usage, configuration, lock held.
    Error,
    /// Ended between two steps; the next run goes on there.
    Interrupted,
    /// A second Ctrl-C.
    Aborted,
}

impl Exit {
    pub fn code(self) -> u8 {
        match self {
            Self::Clean => 0,
            Self::Error => 1,
            Self::Differs => 2,
            Self::Pending => 3,
            Self::Unreachable => 4,
            Self::Interrupted => 5,
            Self::Aborted => 130,
        }
    }
}

/// Why a command failed; `--json` carries the word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    Usage,
    /// Inventory, playbooks or templates.
    Configuration,
    Secrets,
    /// Not one host answers.
    Unreachable,
    /// Not one host can be used, and some show a host key that is not trusted.
    HostKey,
    /// It would do harm: cost a majority, or trust a key that nobody named.
    Unsafe,
    /// The hosts belong to more than one cluster.
    Divided,
    Locked,
    /// The hosts moved since the plan was shown.
    Stale,
    /// Files that are not hacluster's are in the way.
    Foreign,
    /// Nobody said yes.
    Declined,
    /// The reader of our output went away.
    BrokenPipe,
    Internal,
}

impl Reason {
    pub fn word(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::Configuration => "configuration",
            Self::Secrets => "secrets",
            Self::Unreachable => "unreachable",
            Self::HostKey => "host_key",
            Self::Unsafe => "unsafe",
            Self::Divided => "divided",
            Self::Locked => "locked",
            Self::Stale => "stale_plan",
            Self::Foreign => "foreign_file",
            Self::Declined => "declined",
            Self::BrokenPipe => "broken_pipe",
            Self::Internal => "internal",
        }
    }
}

/// One failure, as shown at the edge.
#[derive(Debug)]
pub struct Failure {
    pub reason: Reason,
    /// A sentence without a period.
    pub message: String,
    pub problems: Vec<Problem>,
    /// What to do next, a sentence each.
    pub hints: Vec<String>,
}

impl Failure {
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), problems: Vec::new(), hints: Vec::new() }
    }

    #[must_use]
    pub fn hint(mut self, text: impl Into<String>) -> Self {
        self.hints.push(text.into());
        self
    }

    pub fn exit(&self) -> Exit {
        match self.reason {
            Reason::BrokenPipe => Exit::Clean,
            Reason::Unreachable | Reason::HostKey => Exit::Unreachable,
            _ => Exit::Error,
        }
    }

    /// What people see.
    pub fn text(&self, paint: Paint) -> String {
        let mut text = problems::text(&self.problems, paint);
        if !self.message.is_empty() {
            put(&mut text, &format!("{} {}", paint.red("error:"), clean(&self.message)));
        }
        for hint in &self.hints {
            put(&mut text, &format!("{} {}", paint.cyan("hint:"), clean(hint)));
        }
        text
    }

    /// What programs see: the problems, then the error itself.
    pub fn json(&self) -> Vec<Value> {
        let error = json!({
            "type": "error",
            "reason": self.reason.word(),
            "exit": self.exit().code(),
            "message": self.message,
            "hints": self.hints,
        });
        self.problems.iter().map(problems::json).chain([error]).collect()
    }
}

impl From<Problems> for Failure {
    fn from(Problems(problems): Problems) -> Self {
        let errors = problems.iter().filter(|p| p.severity == crate::problem::Severity::Error).count();
        let message = if errors == 1 { "1 problem".to_owned() } else { format!("{errors} problems") };
        Self { problems, ..Self::new(Reason::Configuration, message) }
    }
}

impl From<Unknown> for Failure {
    fn from(unknown: Unknown) -> Self {
        Self::new(Reason::Usage, unknown.message).hint(unknown.hint)
    }
}

impl From<Outdated> for Failure {
    fn from(outdated: Outdated) -> Self {
        Self::new(Reason::Secrets, outdated.to_string()).hint(outdated.hint())
    }
}

impl From<SecretsError> for Failure {
    fn from(error: SecretsError) -> Self {
        let failure = Self::new(Reason::Secrets, error.to_string());
        match error.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::new(Reason::BrokenPipe, ""),
            _ => Self::new(Reason::Internal, format!("cannot write: {error}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of the design: 130 > 5 > 1 > 4 > 2 > 3 > 0.
    #[test]
    fn precedence() {
        let all = [130, 5, 1, 4, 2, 3, 0];
        let mut exits = [
            Exit::Clean,
            Exit::Differs,
            Exit::Aborted,
            Exit::Error,
            Exit::Pending,
            Exit::Interrupted,
            Exit::Unreachable,
        ];
        exits.sort_unstable();
        exits.reverse();
        assert_eq!(exits.map(Exit::code), all);
    }

    #[test]
    fn a_broken_pipe_is_no_failure() {
        let broken = Failure::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!(broken.exit(), Exit::Clean);
        let other = Failure::from(io::Error::other("disk full"));
        assert_eq!((other.exit(), other.json()[0]["reason"].as_str()), (Exit::Error, Some("internal")));
    }
}
