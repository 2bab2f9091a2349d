//! Owns how a case says that nothing asks for its resource any more.
//! Must not know what follows from it.

use hacluster::resource::{Fate, Gone, Kind};
use serde::Deserialize;

/// What becomes of it; removed where neither is said.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ending {
    #[serde(default)]
    with: Vec<String>,
    kept: Option<String>,
    forgotten: Option<String>,
}

impl Ending {
    pub(super) fn of(&self, kind: Kind) -> Kind {
        let removed = || Fate::Removed { with: self.with.iter().cloned().collect() };
        let fate = self.kept.clone().map(Fate::Kept).or_else(|| self.forgotten.clone().map(Fate::Forgotten));
        let fate = fate.unwrap_or_else(removed);
        Kind::Gone(Gone { kind: Box::new(kind), reason: String::new(), fate })
    }
}
