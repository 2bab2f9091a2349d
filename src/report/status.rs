//! Owns the text and the JSON of `status`: members, leaders, votes, debts.
//! Must not know how any of it is found.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::clean::clean_line;
use super::page::{indented, put};
use super::plan::tagged;
use super::table::aligned;
use super::ui::Paint;
use crate::plan::Absence;

/// One host; an empty text where it has no such part.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Member {
    pub host: String,
    pub answers: bool,
    /// `healthy, leader`; of more than one member with their names.
    pub etcd: String,
    pub role: String,
    pub state: String,
    pub timeline: String,
    pub lag: String,
    pub holds_vip: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Votes {
    pub alive: usize,
    pub total: usize,
    /// There is a cluster whose votes count.
    pub formed: bool,
    /// Votes that can be lost before writes stop; negative when they have.
    pub margin: isize,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Status {
    pub cluster: String,
    pub members: Vec<Member>,
    pub etcd_leader: Option<String>,
    /// `None` without etcd.
    pub votes: Option<Votes>,
    pub patroni_leader: Option<String>,
    /// The address that follows the leader, and who carries it.
    pub vip: Option<(String, Vec<String>)>,
    /// Host, unit, and what it owes.
    pub debts: Vec<(String, String, String)>,
    /// PostgreSQL servers that wait for a restart.
    pub pending_restart: Vec<String>,
    /// What is wrong, a sentence each; none: healthy.
    pub troubles: Vec<String>,
    pub unreachable: Vec<(String, String)>,
    /// In which way each of them is away.
    pub absence: BTreeMap<String, Absence>,
}

impl Votes {
    fn words(&self) -> String {
        let Self { alive, total, margin, .. } = self;
        let margin = match margin {
            _ if !self.formed => "no cluster was formed yet".to_owned(),
            ..0 => "no majority: nothing can be decided, writes have stopped".to_owned(),
            0 => "the next loss stops writes".to_owned(),
            1 => "1 more vote can be lost".to_owned(),
            more => format!("{more} more votes can be lost"),
        };
        format!("{alive} of {total} alive: {margin}")
    }
}

impl Status {
    pub fn json(&self) -> Value {
        tagged("status", self)
    }

    pub fn text(&self, paint: Paint) -> String {
        let mut text = self.table();
        text.push('\n');
        let known =
            |name: &Option<String>| name.clone().map_or_else(|| paint.red("none"), |n| clean_line(&n));
        if let Some(votes) = &self.votes {
            put(&mut text, &format!("etcd leader     {}", known(&self.etcd_leader)));
            let words = votes.words();
            let words = if votes.margin <= 0 { paint.yellow(&words) } else { words };
            put(&mut text, &format!("votes           {words}"));
        }
        if self.members.iter().any(|member| !member.role.is_empty()) || self.patroni_leader.is_some() {
            put(&mut text, &format!("Patroni leader  {}", known(&self.patroni_leader)));
        }
        if let Some((address, holders)) = &self.vip {
            let on = if holders.is_empty() { paint.red("nobody") } else { clean_line(&holders.join(", ")) };
            put(&mut text, &format!("VIP             {address} on {on}"));
        }
        for (host, unit, word) in &self.debts {
            let line = format!("owes            {host}: {unit} owes a {word}");
            put(&mut text, &paint.yellow(&clean_line(&line)));
        }
        if !self.pending_restart.is_empty() {
            let hosts = clean_line(&self.pending_restart.join(", "));
            put(&mut text, &format!("owes            PostgreSQL waits for a restart on {hosts}"));
        }
        text + &self.verdict(paint)
    }

    fn table(&self) -> String {
        let cell = |text: &str| if text.is_empty() { "-".to_owned() } else { text.to_owned() };
        let row = |member: &Member| {
            let host = if member.answers { member.host.clone() } else { format!("{} (away)", member.host) };
            vec![
                host,
                cell(&member.etcd),
                cell(&member.role),
                cell(&member.state),
                cell(&member.timeline),
                cell(&member.lag),
                if member.holds_vip { "holds".to_owned() } else { "-".to_owned() },
            ]
        };
        let heads = ["HOST", "ETCD", "PATRONI", "STATE", "TIMELINE", "LAG", "VIP"];
        aligned(&heads, &self.members.iter().map(row).collect::<Vec<_>>())
    }

    fn verdict(&self, paint: Paint) -> String {
        let mut text = String::new();
        for (host, why) in &self.unreachable {
            let kind = self.absence.get(host).copied().unwrap_or(Absence::Silent);
            put(&mut text, &format!("\n{} {} {}", paint.yellow("!"), clean_line(host), kind.words()));
            text.push_str(&indented(why));
        }
        if self.troubles.is_empty() {
            let partial = if self.unreachable.is_empty() { "" } else { ", as far as hosts answered" };
            return format!("{text}\n{}: {}{partial}.\n", self.cluster, paint.green("healthy"));
        }
        put(&mut text, &format!("\n{}: {}", self.cluster, paint.red("unhealthy")));
        for trouble in &self.troubles {
            put(&mut text, &format!("  {}", clean_line(trouble)));
        }
        text
    }
}

/// `0 B`, `16.0 MiB`.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut tenths = u128::from(count) * 10;
    let mut unit = 0;
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    if unit == 0 { format!("{count} B") } else { format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words() {
        assert_eq!([0, 1023, 1536, 16 << 20].map(bytes), ["0 B", "1023 B", "1.5 KiB", "16.0 MiB"]);
        let say = |alive, margin| Votes { alive, total: 5, formed: true, margin }.words();
        assert_eq!(say(5, 2), "5 of 5 alive: 2 more votes can be lost");
        assert_eq!(say(3, 0), "3 of 5 alive: the next loss stops writes");
        assert!(say(2, -1).contains("writes have stopped"));
    }

    #[test]
    fn a_table_and_a_verdict() {
        let member = |host: &str, role: &str, vip| Member {
            host: host.into(),
            answers: true,
            etcd: "healthy".into(),
            role: role.into(),
            state: "running".into(),
            timeline: "3".into(),
            lag: String::new(),
            holds_vip: vip,
        };
        let mut status = Status {
            cluster: "cold".into(),
            members: vec![member("node1", "leader", true), member("node2", "replica", false)],
            etcd_leader: Some("node2".into()),
            votes: Some(Votes { alive: 2, total: 2, formed: true, margin: 0 }),
            patroni_leader: Some("node1".into()),
            vip: Some(("10.0.0.200".into(), vec!["node1".into()])),
            debts: vec![("node2".into(), "patroni.service".into(), "restart".into())],
            ..Status::default()
        };
        insta::assert_snapshot!(status.text(Paint::default()), @"
        HOST   ETCD     PATRONI  STATE    TIMELINE  LAG  VIP
        node1  healthy  leader   running  3         -    holds
        node2  healthy  replica  running  3         -    -

        etcd leader     node2
        votes           2 of 2 alive: the next loss stops writes
        Patroni leader  node1
        VIP             10.0.0.200 on node1
        owes            node2: patroni.service owes a restart

        cold: healthy.
        ");
        status.troubles.push("node2 is on timeline 2".into());
        assert!(status.text(Paint::default()).ends_with("cold: unhealthy\n  node2 is on timeline 2\n"));
    }
}
