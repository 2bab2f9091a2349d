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

pub fn all() -> Vec<Drill> {
    [
        // On hosts as new: what comes after them would have to make its cluster again.
        strangers::DRILLS,
        killed::DRILLS,
        database::DRILLS,
        idempotent::DRILLS,
        readonly::DRILLS,
        wrong::DRILLS,
        speed::DRILLS,
        drift::DRILLS,
        databases::DRILLS,
        selected::DRILLS,
        unreachable::DRILLS,
        lock::DRILLS,
        stopped::DRILLS,
        skew::DRILLS,
        reach::DRILLS,
        ports::DRILLS,
        power::DRILLS,
        rebuilt::DRILLS,
        prune::DRILLS,
        rolling::DRILLS,
        updates::DRILLS,
        apt::DRILLS,
        guard::DRILLS,
        rotate::DRILLS,
        authority::DRILLS,
        canary::DRILLS,
        members::DRILLS,
        put_back::DRILLS,
        lockout::DRILLS,
        scanners::DRILLS,
        divided::DRILLS,
        &faults::drills(),
        secret::DRILLS,
        bookworm::DRILLS,
    ]
    .concat()
}
