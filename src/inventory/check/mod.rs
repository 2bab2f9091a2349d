//! Owns the list of rules an inventory must keep.
//! Must not know how a file is read or a problem drawn.

use crate::problem::Problem;

use super::Inventory;

/// A rule: pure, and silent when all is well.
type Rule = fn(&Inventory) -> Vec<Problem>;

const RULES: &[Rule] = &[];

/// Every problem of every rule.
pub(super) fn all(inventory: &Inventory) -> Vec<Problem> {
    RULES.iter().flat_map(|rule| rule(inventory)).collect()
}
