//! Owns the end of a run: all hosts read once more, what still differs named.
//! Must not change anything else than the ledgers.

use super::gather::probe_all;
use super::journal::Record;
use super::summary::{ApplyError, Summary, now};
use super::work::{Worker, lock};
use crate::resource::Change;

impl Worker<'_> {
    /// Reads everything again: after a run the whole plan must be empty.
    pub(super) async fn finish(self, summary: &mut Summary) -> Result<(), ApplyError> {
        self.withdraw().await;
        let gathered =
            probe_all(&self.links.probers(), &crate::expand::needs(self.planner.resources), &*self.sink)
                .await;
        let plan = {
            let mut observed = lock(&self.observed);
            let asked = |host: &String| self.selection.concerns(host, self.planner.resources);
            summary.unreachable |= gathered.failed.keys().any(asked);
            observed.lose(gathered.failed);
            observed.update(gathered.ok, now());
            self.planner.plan(&observed)?
        };
        let moved: Vec<_> = plan.changes().map(|a| (a.index, a.host.clone())).collect();
        self.recount(&moved, summary);
        let untouched = |id: &str| {
            let among = |list: &[(String, String)]| list.iter().any(|(other, _)| other == id);
            among(&summary.failed) || among(&summary.skipped) || among(&summary.deferred)
        };
        // What is only known after another one that differs is not at fault.
        let differs = plan.changes().filter(|a| a.change.is_work() && !matches!(a.change, Change::Late(_)));
        let left: Vec<String> = differs.map(|a| a.id.clone()).filter(|id| !untouched(id)).collect();
        summary.left = if summary.interrupted { Vec::new() } else { left };
        self.write_ledgers(&plan).await;
        self.record(&Record::RunEnded { time: now() });
        Ok(())
    }
}
