//! Owns the sight of several clusters where there must be one: two etcd
//! clusters, two databases, two leaders. Must not know what follows from it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::view::{EtcdView, PatroniView, View};

/// Hosts by the mark of the cluster they are in.
type Sides = BTreeMap<String, Vec<String>>;

impl View {
    /// A sentence for everything that is there more than once: which hosts belong
    /// to which. Nothing may be changed then: one of the sides is lost by it.
    pub fn divided(&self) -> Vec<String> {
        let identifiers = self.patroni.identifiers();
        let leaders = self.patroni.leaders();
        let leaders = (leaders.len() > 1 && identifiers.len() < 2)
            .then(|| format!("{} leaders of PostgreSQL run at once: {}", leaders.len(), leaders.join(", ")));
        [
            several("disjoint etcd clusters answer, by id", &self.etcd.clusters),
            several("databases answer, by system identifier", &identifiers),
            leaders,
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

fn several(what: &str, sides: &Sides) -> Option<String> {
    let side = |(mark, hosts): (&String, &Vec<String>)| format!("{mark} on {}", hosts.join(", "));
    let all = sides.iter().map(side).collect::<Vec<_>>().join("; ");
    (sides.len() > 1).then(|| format!("{} {what}: {all}", sides.len()))
}

impl EtcdView {
    /// `host` has a member of the cluster with this id, which etcd's own tools
    /// show as hexadecimal.
    pub(super) fn belongs(&mut self, id: &str, host: &str) {
        let id = id.parse::<u64>().map_or_else(|_| id.to_owned(), |id| format!("{id:x}"));
        let hosts = self.clusters.entry(id).or_default();
        if !hosts.iter().any(|known| known == host) {
            hosts.push(host.to_owned());
        }
    }

    /// Disjoint clusters answer.
    pub fn split(&self) -> bool {
        self.clusters.len() > 1
    }
}

impl PatroniView {
    fn identifiers(&self) -> Sides {
        let mut sides = Sides::new();
        for (host, own) in &self.own {
            let mark = match own.get("database_system_identifier") {
                Some(Value::String(mark)) => mark.clone(),
                Some(Value::Number(mark)) => mark.to_string(),
                _ => continue,
            };
            sides.entry(mark).or_default().push(host.clone());
        }
        sides
    }

    /// Hosts whose own Patroni says that PostgreSQL runs there as the leader.
    fn leaders(&self) -> Vec<&str> {
        let says = |own: &Value, key: &str, words: &[&str]| {
            own.get(key).and_then(Value::as_str).is_some_and(|word| words.contains(&word))
        };
        let leads =
            |own: &Value| says(own, "role", &["primary", "master"]) && says(own, "state", &["running"]);
        self.own.iter().filter(|(_, own)| leads(own)).map(|(host, _)| host.as_str()).collect()
    }
}
