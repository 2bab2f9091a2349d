//! Owns the parameters of PostgreSQL that must not be what they may be elsewhere,
//! because a leader shall be replaced and come back. Must not know timing.

use crate::inventory::{Inventory, Scalar};
use crate::problem::Problem;

/// A parameter, what it must not be, why, and what to do.
type Against = (&'static str, fn(&Scalar) -> bool, &'static str, &'static str);

const AGAINST: &[Against] = &[
    (
        "full_page_writes",
        off,
        "full_page_writes is off, and pg_rewind needs it to bring an old leader back",
        "remove the line, also on ZFS",
    ),
    (
        "wal_log_hints",
        off,
        "wal_log_hints is off, and pg_rewind needs it to bring an old leader back",
        "remove the line: Patroni sets it",
    ),
    (
        "fsync",
        off,
        "fsync is off, and after a power cut the database may be beyond repair",
        "remove the line; synchronous_commit = \"off\" is fast too and loses the last moment only",
    ),
    (
        "wal_level",
        minimal,
        "wal_level is minimal, and no replica can follow it",
        "remove the line; it is replica, and may be logical",
    ),
];

fn off(value: &Scalar) -> bool {
    match value {
        Scalar::Flag(on) => !on,
        Scalar::Text(text) => ["off", "false", "no", "0"].contains(&text.to_lowercase().as_str()),
        Scalar::Whole(number) => *number == 0,
        Scalar::Decimal(_) => false,
    }
}

fn minimal(value: &Scalar) -> bool {
    matches!(value, Scalar::Text(text) if text.to_lowercase() == "minimal")
}

pub(super) fn parameters(inventory: &Inventory) -> Vec<Problem> {
    let set = &inventory.postgres.parameters;
    let wrong = AGAINST.iter().filter(|(name, is, ..)| set.get(*name).is_some_and(is));
    let problem = |(name, _, message, help): &Against| {
        inventory.problem("HAC-E052", &format!("postgres.parameters.{name}"), *message).help(*help)
    };
    wrong.map(problem).collect()
}
