//! Owns what a run must know of a kind before it does anything: what it waits for,
//! what it disturbs. Must not know how a run goes.

use super::change::Change;
use super::{Field, Kind, Unit, owed};

impl Kind {
    /// The facts of this kind come from what other steps make: with one of them
    /// pending, a diff would be a guess.
    pub fn is_late(&self) -> bool {
        matches!(self, Self::Command(_) | Self::Wait(_) | Self::EtcdAuth(_) | Self::EtcdPassword(_))
    }

    /// Packages that it runs, or makes a server run.
    pub fn packages(&self) -> &[String] {
        match self {
            Self::Unit(unit) => &unit.packages,
            Self::PatroniRestart(restart) => &restart.packages,
            _ => &[],
        }
    }

    /// What serves stops for a moment when `change` is made.
    pub fn disturbs(&self, change: &Change) -> bool {
        let owes = |f: &Field| f.name == Unit::CONFIGURATION && owed(&f.from) == Some("restart");
        let unit = || change.to("state") == Some("inactive") || change.fields().iter().any(owes);
        matches!(self, Self::PatroniRestart(_)) || (matches!(self, Self::Unit(_)) && unit())
    }
}
