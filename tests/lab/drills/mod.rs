//! Owns the list of drills, in the order in which they run. Each file holds the
//! functions of one subject; none may rely on what another left.

mod apt;
mod authority;
mod bookworm;
mod canary;
mod database;
mod databases;
mod divided;
mod drift;
mod faults;
mod guard;
mod idempotent;
mod killed;
mod lock;
mod lockout;
mod members;
mod ports;
mod power;
mod prune;
mod put_back;
mod reach;
mod readonly;
mod rebuilt;
mod rolling;
mod rotate;
mod scanners;
mod secret;
mod selected;
mod skew;
mod speed;
mod stopped;
mod strangers;
mod unreachable;
mod updates;
mod wrong;

use crate::runner::Drill;

/// Drills by the lab they run in where two work side by side; both take about as long.
pub fn lanes() -> [Vec<Drill>; 2] {
    [[FIRST.concat(), faults::drills()].concat(), SECOND.concat()]
}

/// Looks at what all others in the same lab said.
pub const LAST: &[Drill] = secret::DRILLS;

const FIRST: [&[Drill]; 19] = [
    database::DRILLS,
    idempotent::DRILLS,
    readonly::DRILLS,
    wrong::DRILLS,
    speed::DRILLS,
    drift::DRILLS,
    unreachable::DRILLS,
    selected::DRILLS,
    lock::DRILLS,
    skew::DRILLS,
    rebuilt::DRILLS,
    ports::DRILLS,
    stopped::DRILLS,
    reach::DRILLS,
    apt::DRILLS,
    scanners::DRILLS,
    divided::DRILLS,
    canary::DRILLS,
    rolling::DRILLS,
];

/// Those on hosts as new come first: what comes after them would have to make its
/// cluster again.
const SECOND: [&[Drill]; 13] = [
    bookworm::DRILLS,
    killed::DRILLS,
    strangers::DRILLS,
    power::DRILLS,
    databases::DRILLS,
    prune::DRILLS,
    lockout::DRILLS,
    put_back::DRILLS,
    rotate::DRILLS,
    authority::DRILLS,
    members::DRILLS,
    updates::DRILLS,
    guard::DRILLS,
];
