//! Owns the text and the JSON of `explain faults`.
//! Must not know where votes come from.

use serde::Serialize;
use serde_json::{Value, json};

use super::plan::tagged;
use super::table::aligned;
use super::ui::Paint;

/// Hosts lost at once, and what the others can still do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    pub lost: String,
    /// Votes left.
    pub left: u32,
    /// They are a majority.
    pub decides: bool,
    /// Servers left that may lead.
    pub candidates: usize,
}

#[derive(Debug, Clone, Default)]
pub struct Faults {
    pub cluster: String,
    pub layout: String,
    pub quorum: u32,
    pub total: u32,
    pub margin: u32,
    pub rows: Vec<Row>,
    /// Seconds Patroni's leader key lives without being renewed.
    pub ttl: u64,
    /// Seconds between two renewals.
    pub loop_wait: u64,
}

/// How long promotion and the VIP take after the key expired: measured 3.6 to
/// 4.5 s (`knowledge/postgres.md` 4.5).
const AFTERWARDS: u64 = 5;
/// How much longer it takes when etcd's leader died too: an election, and the
/// key gets its whole life again. Measured 30.0 s with a ttl of 20, 40.7 with 30.
const ELECTION: u64 = 11;

impl Faults {
    pub fn json(&self) -> Vec<Value> {
        let (soonest, latest, worst) = self.seconds();
        let summary = json!({
            "type": "faults_summary",
            "cluster": self.cluster,
            "votes": self.layout, "total": self.total, "quorum": self.quorum, "margin": self.margin,
            "failover_seconds": { "soonest": soonest, "latest": latest, "worst": worst },
        });
        self.rows.iter().map(|row| tagged("loss", row)).chain([summary]).collect()
    }

    /// Seconds without writes when the leader's host dies: from, to, and when
    /// etcd's leader dies with it.
    fn seconds(&self) -> (u64, u64, u64) {
        (self.ttl.saturating_sub(self.loop_wait), self.ttl + AFTERWARDS, self.ttl + ELECTION)
    }

    pub fn text(&self, paint: Paint) -> String {
        if self.total == 0 {
            return format!("{}: nothing votes here, so nothing fails over.\n", self.cluster);
        }
        let row = |row: &Row| {
            let then = match (row.decides, row.candidates) {
                (true, 0) => "no writes: votes remain, but no server that may lead",
                (true, _) => "survived: writes go on",
                (false, 0) => "no writes, no reads",
                (false, _) => "no writes until hosts return; reads go on",
            };
            vec![row.lost.clone(), format!("{} of {}", row.left, self.total), then.to_owned()]
        };
        let rows: Vec<Vec<String>> = self.rows.iter().map(row).collect();
        let (soonest, latest, worst) = self.seconds();
        format!(
            "{} votes {}: {} of {} decide, {} can be lost.\n\n{}\n\
             How: a plain majority of etcd's votes, nothing else. Hosts lost one after another\n\
             count together: a dead member keeps its vote until somebody removes it.\n\
             In what time: without the leader's host no writes for {soonest} to {latest} s; up to {worst} s\n\
             when etcd's leader dies with it (Patroni ttl {}, loop_wait {}). A replica lost costs nothing.\n",
            paint.bold(&format!("{}:", self.cluster)),
            self.layout,
            self.quorum,
            self.total,
            self.margin,
            aligned(&["LOST AT ONCE", "VOTES LEFT", "THEN"], &rows),
            self.ttl,
            self.loop_wait,
        )
    }
}
