//! Owns the cases of groups: who is up, and what may be disturbed.
//! Must not know any single case.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use hacluster::facts::view::View;
use hacluster::facts::{EtcdFact, EtcdRow, Fact, Facts, PatroniFact};
use hacluster::group::{GroupName, Move, course};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Case, NOW, line};

/// `etcd = { members, leader }`, and a word for each member on each host:
/// `healthy`, `alone` (data, but no quorum), `other` (of another cluster),
/// `empty`, `unread`. Patroni's words: `leader`, `streaming`, `lagging` (not
/// streaming), `starting`, `silent` (data, but no answer), `stranger` (leads another
/// database), `empty`, `unread`. Of Patroni 3.0.2: `master`, which tells who streams,
/// and `told`, which it tells of.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    #[serde(default)]
    members: Vec<String>,
    #[serde(default)]
    learners: Vec<String>,
    #[serde(default)]
    leader: String,
    /// Patroni's name of a host, where it is not the host's.
    #[serde(default)]
    names: BTreeMap<String, String>,
    /// What each host's member waits to restart for: setting, from, to.
    #[serde(default)]
    pending: BTreeMap<String, BTreeMap<String, [String; 2]>>,
    /// Tags of Patroni's member on a host.
    #[serde(default)]
    tags: BTreeMap<String, Value>,
    /// Bytes; 0 where none is named.
    #[serde(default)]
    lag: BTreeMap<String, u64>,
    #[serde(default)]
    config: Option<Value>,
    #[serde(default)]
    synchronous: Vec<String>,
    #[serde(default)]
    unreachable: Vec<String>,
    hosts: BTreeMap<String, BTreeMap<String, String>>,
}

impl Given {
    fn etcd(&self, name: &str, word: &str) -> Fact<EtcdFact> {
        let row = |name: &String| EtcdRow {
            id: format!("id-{name}"),
            name: name.clone(),
            peer_urls: vec![format!("https://{name}:2480")],
            learner: self.learners.contains(name),
        };
        let healthy = word == "healthy" || word == "other";
        let known = if healthy { self.members.iter().map(row).collect() } else { Vec::new() };
        match word {
            "unread" => Fact::Unreadable("not read".to_owned()),
            "empty" => Fact::Present(EtcdFact::default()),
            _ => Fact::Present(EtcdFact {
                data: true,
                healthy,
                member_id: Some(format!("id-{name}")),
                leader_id: (healthy && !self.leader.is_empty()).then(|| format!("id-{}", self.leader)),
                cluster_id: Some(if word == "other" { "2" } else { "1" }.to_owned()),
                members: known,
                auth: healthy.then_some(true),
                alarms: Vec::new(),
            }),
        }
    }

    fn name<'a>(&'a self, host: &'a str) -> &'a str {
        self.names.get(host).map_or(host, String::as_str)
    }

    fn rows(&self) -> Value {
        let row = |(host, words): (&String, &BTreeMap<String, String>)| {
            let (role, state) = match words.get("patroni")?.as_str() {
                "leader" | "stranger" | "master" => ("leader", "running"),
                "streaming" if self.synchronous.contains(host) => ("sync_standby", "streaming"),
                "streaming" => ("replica", "streaming"),
                "lagging" | "told" => ("replica", "running"),
                "starting" => ("replica", "starting"),
                "silent" => ("replica", "unknown"),
                _ => return None,
            };
            let lag = self.lag.get(host).copied().unwrap_or_default();
            let mut row =
                json!({ "name": self.name(host), "role": role, "state": state, "timeline": 2, "host": host });
            if role != "leader" {
                row["lag"] = json!(lag);
            }
            Some(row)
        };
        self.hosts.iter().filter_map(row).collect()
    }

    fn patroni(&self, host: &str, word: &str) -> Fact<PatroniFact> {
        let own = |role: &str, state: &str| json!({ "role": role, "state": state, "timeline": 2, "database_system_identifier": "7412", "patroni": { "name": self.name(host) } });
        let member = match word {
            "stranger" => {
                let mut own = own("primary", "running");
                own["database_system_identifier"] = json!("9000");
                Some(own)
            }
            "leader" => Some(own("primary", "running")),
            "lagging" => Some(own("replica", "running")),
            "told" => Some(json!({ "role": "replica", "state": "running", "timeline": 2 })),
            "master" => {
                let told =
                    self.hosts.iter().filter(|(_, words)| words.get("patroni").is_some_and(|w| w == "told"));
                let row = |(host, _): (&String, _)| json!({ "application_name": self.name(host), "state": "streaming" });
                let mut own = own("master", "running");
                own["replication"] = told.map(row).collect();
                Some(own)
            }
            "starting" => Some(json!({ "role": "replica", "state": "starting" })),
            "streaming" => {
                let mut own = own("replica", "running");
                own["replication_state"] = json!("streaming");
                Some(own)
            }
            _ => None,
        };
        if word == "unread" {
            return Fact::Unreadable("not read".to_owned());
        }
        let member = member.map(|own| self.told(host, own));
        let cluster = member.is_some().then(|| json!({ "members": self.rows() }));
        Fact::Present(PatroniFact { data: word != "empty", member, cluster, config: self.config.clone() })
    }

    fn told(&self, host: &str, mut own: Value) -> Value {
        own["tags"] = self.tags.get(host).cloned().unwrap_or_default();
        if let Some(settings) = self.pending.get(host) {
            let reason = |(name, [old, new]): (&String, &[String; 2])| {
                (name.clone(), json!({ "old_value": old, "new_value": new }))
            };
            own["pending_restart"] = json!(true);
            own["pending_restart_reason"] = settings.iter().map(reason).collect();
        }
        own
    }

    fn view(&self) -> View {
        let facts = self.hosts.iter().map(|(host, words)| {
            let mut facts = Facts::default();
            for (name, word) in words {
                if name == "patroni" {
                    facts.patroni = Some(self.patroni(host, word));
                } else {
                    facts.etcd.insert(name.clone(), self.etcd(name, word));
                }
            }
            (host.clone(), facts)
        });
        View::fold(&facts.collect(), self.unreachable.clone(), NOW)
    }
}

pub(super) fn actual(case: &Case) -> String {
    let given: Given = case.given();
    let group = if case.folder == "etcd" { GroupName::Etcd } else { GroupName::Patroni };
    let view = given.view();
    let hosts: Vec<String> = given.hosts.keys().cloned().collect();
    let list = |hosts: &[String]| hosts.iter().map(|h| line(h)).collect::<Vec<_>>().join(", ");
    let well: Vec<String> = hosts.iter().filter(|h| group.member_healthy(h, None, &view)).cloned().collect();
    let mut out = format!("[expect]\nformed = {}\nhealthy = {}\n", group.formed(&view), group.healthy(&view));
    if let Some(margin) = group.margin(&view) {
        let _ = writeln!(out, "margin = {margin} # votes");
    }
    let _ = writeln!(out, "well = [{}]", list(&well));
    let _ = writeln!(out, "order = [{}]", list(&group.order(hosts.clone(), &view)));
    for host in &hosts {
        match group.hands_over(host, None, &view) {
            Ok(None) => {}
            Ok(Some(to)) => {
                let _ = writeln!(out, "hands_over.{host} = {}", line(&format!("{} to {}", to.word, to.to)));
            }
            Err(why) => {
                let _ = writeln!(out, "hands_over.{host} = {}", line(&format!("cannot: {why}")));
            }
        }
        if let Some(why) = group.refuses(host, None, &view) {
            let _ = writeln!(out, "refuses.{host} = {}", line(&why));
        }
        // Where it differs: a host with several votes.
        if let Some(why) = group.misses(host, &view).filter(|_| group.refuses(host, None, &view).is_none()) {
            let _ = writeln!(out, "misses.{host} = {}", line(&why));
        }
    }
    let divided: Vec<String> = view.divided().iter().map(|said| line(said)).collect();
    if !divided.is_empty() {
        let _ = writeln!(out, "divided = [{}]", divided.join(", "));
    }
    let pending: Vec<String> =
        hosts.iter().filter(|host| given.pending.contains_key(*host)).cloned().collect();
    if !pending.is_empty() {
        let moves: Vec<String> = course(pending, &view, false).iter().map(word).collect();
        let _ = writeln!(out, "course = [{}]", list(&moves));
    }
    out
}

fn word(one: &Move) -> String {
    match one {
        Move::Restart(host) => format!("restart {host}"),
        Move::InPlace(host) => format!("restart {host} in place"),
        Move::Handover(to) => format!("{} from {} to {}", to.word, to.from, to.to),
        Move::Stop(why) => format!("stop: {why}"),
    }
}
