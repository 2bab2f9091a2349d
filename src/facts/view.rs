//! Owns the view: a pure fold of all hosts' facts. The only way for a resource
//! to see another host or the clock. Must not know resources.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{ETCD_PASSWORDS, EtcdFact, EtcdRow, Fact, Facts, PatroniFact};

/// What is true of the cluster now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct View {
    /// Seconds since 1970, by the control program's clock.
    pub now: u64,
    pub reachable: Vec<String>,
    pub unreachable: Vec<String>,
    pub etcd: EtcdView,
    pub patroni: PatroniView,
    /// Hosts that carry each address.
    pub addresses: BTreeMap<String, Vec<String>>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EtcdView {
    /// Some member holds data.
    pub formed: bool,
    /// The longest member list that any member tells.
    pub members: Vec<EtcdRow>,
    /// Names of members that say they are healthy.
    pub healthy: Vec<String>,
    /// Name of the raft leader.
    pub leader: Option<String>,
    pub auth: Option<bool>,
    /// What stops its writes: `NOSPACE`, `CORRUPT`.
    pub alarms: BTreeSet<String>,
    /// Hashes of the marks that hosts have, by path.
    pub passwords: BTreeMap<String, BTreeSet<String>>,
    /// Hosts by the id of the etcd cluster they have a member of.
    pub clusters: BTreeMap<String, Vec<String>>,
    /// Names of members that were asked but could not be read.
    pub unread: Vec<String>,
    /// Host of each member that was asked.
    pub hosts: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PatroniView {
    /// Some member holds a database, or some Patroni knows of a cluster.
    pub formed: bool,
    pub members: Vec<PatroniRow>,
    pub config: Option<Value>,
    /// What each host's own Patroni says of itself.
    pub own: BTreeMap<String, Value>,
}

/// One row of `GET /cluster`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PatroniRow {
    pub name: String,
    pub role: String,
    pub state: String,
    pub timeline: Option<u64>,
    /// Bytes behind the leader; `None` where Patroni says `unknown`.
    pub lag: Option<u64>,
    pub host: String,
    pub pending_restart: bool,
}

impl View {
    /// Folds the facts of the hosts that answered.
    pub fn fold(facts: &BTreeMap<String, Facts>, unreachable: Vec<String>, now: u64) -> Self {
        let mut view =
            Self { now, unreachable, reachable: facts.keys().cloned().collect(), ..Self::default() };
        for (host, facts) in facts {
            for address in facts.identity.interfaces.iter().flat_map(|i| &i.addresses) {
                view.addresses.entry(address.clone()).or_default().push(host.clone());
            }
            for (name, fact) in &facts.etcd {
                view.etcd.hosts.insert(name.clone(), host.clone());
                match fact {
                    Fact::Present(fact) => view.etcd.add(name, host, fact),
                    _ => view.etcd.unread.push(name.clone()),
                }
            }
            for (path, hash) in facts.hashes.iter().filter(|(path, _)| path.starts_with(ETCD_PASSWORDS)) {
                if let Fact::Present(hash) = hash {
                    view.etcd.passwords.entry(path.clone()).or_default().insert(hash.clone());
                }
            }
            if let Some(Fact::Present(fact)) = &facts.patroni {
                view.patroni.add(host, fact);
            }
        }
        view
    }
}

impl EtcdView {
    fn add(&mut self, name: &str, host: &str, fact: &EtcdFact) {
        if let Some(id) = &fact.cluster_id {
            self.belongs(id, host);
        }
        self.formed |= fact.data || !fact.members.is_empty();
        if fact.healthy {
            self.healthy.push(name.to_owned());
        }
        if fact.members.len() > self.members.len() {
            self.members.clone_from(&fact.members);
        }
        if let Some(leader) = &fact.leader_id
            && let Some(row) = fact.members.iter().find(|m| &m.id == leader)
        {
            self.leader = Some(row.name.clone());
        }
        self.auth = self.auth.max(fact.auth);
        self.alarms.extend(fact.alarms.iter().cloned());
    }

    /// Its alarms with the way out: until then nobody can take over from a leader.
    pub fn alarm(&self) -> Option<String> {
        let alarms: Vec<&str> = self.alarms.iter().map(String::as_str).collect();
        (!alarms.is_empty()).then(|| {
            format!(
                "etcd takes no writes, its alarm is {}: make room with `etcdctl compact REVISION` and \
                 `etcdctl defrag --cluster`, then `etcdctl alarm disarm` (CORRUPT: remove that member, and \
                 `hacluster apply` joins it anew)",
                alarms.join(", ")
            )
        })
    }

    /// Voters of the cluster as it stands, or as planned while it is not formed.
    pub fn voters(&self) -> usize {
        self.votes(&self.members).0
    }

    /// Votes that can be lost before writes stop; negative when they have.
    pub fn margin(&self) -> isize {
        self.votes(&self.members).1
    }

    /// The same two of a cluster with these members.
    pub fn votes<'a>(&self, members: impl IntoIterator<Item = &'a EtcdRow>) -> (usize, isize) {
        let voters: Vec<&EtcdRow> = members.into_iter().filter(|m| !m.learner).collect();
        let alive = voters.iter().filter(|m| self.healthy.contains(&m.name)).count();
        (voters.len(), alive.cast_signed() - (voters.len() / 2 + 1).cast_signed())
    }
}

impl PatroniView {
    fn add(&mut self, host: &str, fact: &PatroniFact) {
        let rows = fact.cluster.as_ref().and_then(|c| c.get("members")).and_then(Value::as_array);
        let rows: Vec<PatroniRow> = rows.into_iter().flatten().map(row).collect();
        self.formed |= fact.data || !rows.is_empty();
        if rows.len() > self.members.len() {
            self.members = rows;
        }
        if self.config.is_none() {
            self.config.clone_from(&fact.config);
        }
        if let Some(own) = &fact.member {
            self.own.insert(host.to_owned(), own.clone());
        }
    }

    /// Name of the leader that runs.
    pub fn leader(&self) -> Option<&str> {
        let leads = |m: &&PatroniRow| matches!(m.role.as_str(), "leader" | "master") && m.state == "running";
        self.members.iter().find(leads).map(|m| m.name.as_str())
    }

    /// Host of the leader that runs: its own Patroni says its name, which need
    /// not be the host's.
    pub fn leader_host(&self) -> Option<&str> {
        let leader = self.leader()?;
        let own = self.own.keys().find(|host| self.name(host) == leader);
        Some(own.map_or(leader, String::as_str))
    }

    /// What Patroni on `host` calls its member.
    pub fn name<'a>(&'a self, host: &'a str) -> &'a str {
        self.own.get(host).and_then(|own| own.get("patroni")?.get("name")?.as_str()).unwrap_or(host)
    }

    /// How much the member on `host` should lead: Patroni's `failover_priority`.
    pub fn priority(&self, host: &str) -> u64 {
        self.own.get(host).and_then(|own| own["tags"]["failover_priority"].as_u64()).unwrap_or(1)
    }

    /// The member on `host` runs: it leads, or it streams, with a known timeline.
    pub fn well(&self, host: &str) -> bool {
        let Some(own) = self.own.get(host) else { return false };
        let timeline = own.get("timeline").is_some_and(Value::is_number);
        text(own, "state") == "running" && timeline && (leads(own) || self.streams(host, own))
    }

    /// Patroni before 3.0.4 does not say so of itself, nor its name, which is the
    /// host's: then its leader tells.
    fn streams(&self, host: &str, own: &Value) -> bool {
        if let Some(state) = own.get("replication_state") {
            return state == "streaming";
        }
        let name = own.get("patroni").and_then(|patroni| patroni.get("name")?.as_str()).unwrap_or(host);
        let sends = |leader: &&Value| leads(leader);
        let rows = self.own.values().find(sends).and_then(|leader| leader.get("replication")?.as_array());
        let mut rows = rows.into_iter().flatten();
        rows.any(|row| text(row, "application_name") == name && text(row, "state") == "streaming")
    }
}

fn text<'a>(json: &'a Value, key: &str) -> &'a str {
    json.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// Before 4.0 the role of a leader is `master`.
fn leads(own: &Value) -> bool {
    matches!(text(own, "role"), "primary" | "master")
}

fn row(json: &Value) -> PatroniRow {
    let text = |key: &str| text(json, key).to_owned();
    PatroniRow {
        name: text("name"),
        role: text("role"),
        state: text("state"),
        timeline: json.get("timeline").and_then(Value::as_u64),
        lag: json.get("lag").and_then(Value::as_u64),
        host: text("host"),
        pending_restart: json.get("pending_restart").and_then(Value::as_bool).unwrap_or(false),
    }
}
