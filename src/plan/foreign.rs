//! Owns whose a file is that is about to get another content. Must not know how
//! somebody allows that it is taken over.

use crate::facts::{Fact, Facts};
use crate::ledger::Ledger;
use crate::resource::{Change, Field, Kind};

use super::Assessment;

/// Whose the thing is that would be overwritten.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Foreign {
    /// Nothing is overwritten, or what is ours, or what a package brought.
    #[default]
    No,
    /// Somebody else's, and its step or the user says that it may go.
    TakenOver,
    /// Somebody else's.
    InTheWay,
}

/// Judges a change of a file or a link.
pub(super) fn foreign(assessment: &Assessment, ledger: Option<&Ledger>, facts: &Facts) -> Foreign {
    let Some((path, replaces)) = target(&assessment.kind) else { return Foreign::No };
    let Change::Update(fields) = &assessment.change else { return Foreign::No };
    let overwrites = |f: &Field| matches!(f.name.as_str(), "content" | "type" | "target");
    let label = assessment.kind.label();
    if !fields.iter().any(overwrites) || ledger.is_some_and(|ledger| ledger.knows(&label)) {
        return Foreign::No;
    }
    match facts.shipped.get(path) {
        Some(Fact::Present(true)) => Foreign::No,
        _ if replaces => Foreign::TakenOver,
        _ => Foreign::InTheWay,
    }
}

/// Its path, and whether it may take over what is there.
pub(super) fn target(kind: &Kind) -> Option<(&str, bool)> {
    match kind {
        Kind::File(file) if !file.absent => Some((&file.path, file.replaces)),
        Kind::Link(link) => Some((&link.path, link.replaces)),
        _ => None,
    }
}
