//! Owns packets that do not arrive, for as long as a value lives. Must not know who
//! sends them.

use crate::command::Result;
use crate::lab::{Lab, seconds};

/// Rules in the lab's network, gone when it is dropped.
#[derive(Debug)]
pub(super) struct Barrier {
    lab: Lab,
    family: &'static str,
}

impl Barrier {
    /// Between this machine and hosts: `rule` names packets and what becomes of them,
    /// with ADDRESS for the other side's, of either direction.
    pub(super) fn ours(lab: &Lab, rule: &str) -> Result<Self> {
        let (there, here) = (rule.replace("ADDRESS", "daddr"), rule.replace("ADDRESS", "saddr"));
        let chains = format!(
            "chain out {{ type filter hook output priority 0; {there}; }}\n\
             chain in {{ type filter hook input priority 0; {here}; }}"
        );
        Self::raise(lab, "inet", &chains)
    }

    /// Between hosts.
    pub(super) fn theirs(lab: &Lab, rule: &str) -> Result<Self> {
        Self::raise(lab, "bridge", &format!("chain over {{ type filter hook forward priority 0; {rule}; }}"))
    }

    fn raise(lab: &Lab, family: &'static str, chains: &str) -> Result<Self> {
        let table = format!("table {family} drill_barrier");
        let rules = format!("{table}\ndelete {table}\n{table} {{\n{chains}\n}}\n");
        let barrier = Self { lab: lab.clone(), family };
        barrier.lab.inside(seconds(10), &["nft", "-f", "-"]).stdin(rules).run()?.ok()?;
        Ok(barrier)
    }
}

impl Drop for Barrier {
    fn drop(&mut self) {
        let words = ["nft", "delete", "table", self.family, "drill_barrier"];
        let _ = self.lab.inside(seconds(10), &words).run();
    }
}
