//! Owns the restart that a server owes to an update of its packages: it runs
//! with what was there before. Must not know who updated them, nor when it pays.

use crate::facts::{Fact, Facts, PackageFact};

/// The package among `packages` whose files are newer than the start of the
/// server that runs them, in a clause. In whole seconds: a package's own script
/// may restart its server in the very second.
pub(super) fn overdue(packages: &[String], started: Option<u64>, host: &Facts) -> Option<String> {
    let started = started?;
    let newer = |name: &&String| {
        host.packages.get(*name).and_then(Fact::present).is_some_and(|p| late(p, started, host))
    };
    let name = packages.iter().find(newer)?;
    let version = &host.packages.get(name)?.present()?.version;
    Some(format!("{name} was updated to {version} after it started"))
}

/// A time that is still to come was stamped by a clock that went wrong.
fn late(package: &PackageFact, started: u64, host: &Facts) -> bool {
    let passed = |time: &u64| host.identity.time == 0 || *time <= host.identity.time;
    package.installed() && package.unpacked.filter(passed).is_some_and(|unpacked| unpacked > started)
}
