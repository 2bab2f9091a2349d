//! Owns the reading of what etcd's JSON gateway and Patroni's REST API answer:
//! one JSON text a line. Must not know how they were asked.

use serde_json::Value;

use super::rows::{EtcdFact, EtcdRow, PatroniFact};

/// What etcd says to a question without a token, or with a certificate whose
/// common name it takes for a user, once authentication is on.
const AUTH_ON: [&str; 2] = ["user name is empty", "permission denied"];

fn answers(body: &str) -> impl Iterator<Item = Value> {
    body.lines().filter_map(|line| serde_json::from_str(line).ok())
}

/// Reads health, status, member list and an anonymous read, in any order.
pub(super) fn etcd(body: &str) -> EtcdFact {
    let mut fact = EtcdFact { data: body.lines().any(|l| l == "data"), ..EtcdFact::default() };
    for json in answers(body) {
        if let Some(health) = json.get("health") {
            fact.healthy = health.as_str() == Some("true");
        } else if let Some(members) = json.get("members").and_then(Value::as_array) {
            fact.members = members.iter().filter_map(etcd_row).collect();
        } else if json.get("raftIndex").is_some() {
            fact.leader_id = id(&json, "leader").filter(|id| id != "0");
            fact.alarms = alarms(&json);
            fact.member_id = json.get("header").and_then(|h| id(h, "member_id"));
            fact.cluster_id = json.get("header").and_then(|h| id(h, "cluster_id"));
        } else if let Some(says) = text(&json, "error").or_else(|| text(&json, "message")) {
            // Upstream's gateway says `error` and `message`, Debian 13's only `message`.
            if AUTH_ON.iter().any(|on| says.contains(on)) {
                fact.auth = Some(true);
            }
        } else if json.get("header").is_some() {
            fact.auth = Some(false);
        }
    }
    fact
}

fn text(json: &Value, key: &str) -> Option<String> {
    json.get(key).and_then(Value::as_str).map(str::to_owned)
}

/// A number as etcd writes it. Another host's scripts may name it, so it is nothing else.
fn id(json: &Value, key: &str) -> Option<String> {
    text(json, key).filter(|id| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()))
}

/// `errors` of a status says other things, too: that nobody leads.
fn alarms(json: &Value) -> Vec<String> {
    let said = json.get("errors").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let words = said.filter_map(|said| said.split_once("alarm:")).map(|(_, word)| word.trim());
    words.filter(|word| word.bytes().all(|byte| byte.is_ascii_uppercase())).map(str::to_owned).collect()
}

fn etcd_row(json: &Value) -> Option<EtcdRow> {
    let urls = json.get("peerURLs").and_then(Value::as_array);
    Some(EtcdRow {
        id: id(json, "ID")?,
        name: text(json, "name").unwrap_or_default(),
        peer_urls: urls.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect(),
        learner: json.get("isLearner").and_then(Value::as_bool).unwrap_or(false),
    })
}

/// Reads `/patroni`, `/cluster` and `/config`, in any order.
pub(super) fn patroni(body: &str) -> PatroniFact {
    let mut fact = PatroniFact { data: body.lines().any(|l| l == "data"), ..PatroniFact::default() };
    for json in answers(body) {
        if json.get("members").is_some_and(Value::is_array) {
            fact.cluster = Some(json);
        } else if json.get("patroni").is_some() {
            fact.member = Some(json);
        } else if json.get("ttl").is_some() {
            fact.config = Some(json);
        }
    }
    fact
}
