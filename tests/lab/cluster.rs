//! Owns reading the database cluster with its own tools: patronictl, Patroni's
//! REST API, etcdctl. Must not know the product's commands.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use crate::command::{Result, ensure, wait_for};
use crate::lab::{HOSTS, Lab, Os, VIP, address, seconds};

/// The five voters: the NAS has two.
pub const VOTERS: [&str; 5] = ["nas-a", "nas-b", "node1", "node2", "node3"];

#[derive(Debug, Clone)]
pub struct Cluster {
    lab: Lab,
    ca: PathBuf,
    etcd_root: String,
}

/// A row of Patroni's table of members.
#[derive(Debug, Clone)]
pub struct Member {
    pub name: String,
    pub leads: bool,
    /// `running` of a leader, `streaming` of a replica that is well; before
    /// Patroni 3.0.4 also `running` of that.
    pub state: String,
    pub timeline: Option<u64>,
}

/// An etcd member as the others list it.
#[derive(Debug, Clone)]
pub struct Voter {
    pub name: String,
    pub id: u64,
    pub learner: bool,
    pub client_url: String,
}

impl Voter {
    /// `nas` of `nas-a`.
    pub fn host(&self) -> &str {
        self.name.split('-').next().unwrap_or(&self.name)
    }
}

impl Cluster {
    pub fn new(lab: Lab, ca: PathBuf, etcd_root: String) -> Self {
        Self { lab, ca, etcd_root }
    }

    /// The body of a page of Patroni's REST API; a status that is no 200 is an error.
    fn page(&self, address: &str, path: &str) -> Result<String> {
        let (url, ca) = (format!("https://{address}:8008{path}"), self.ca.to_string_lossy());
        let words = ["curl", "-sf", "-m", "2", "--cacert", &ca, &url];
        let output = self.lab.inside(seconds(5), &words).run()?;
        ensure!(output.status == 0, "{url}: curl ended with {}", output.status);
        Ok(output.stdout)
    }

    /// Members as `host`'s Patroni sees them.
    pub fn members(&self, host: &str) -> Result<Vec<Member>> {
        let page: Value = json(&self.page(address(host), "/cluster")?)?;
        let member = |row: &Value| Member {
            name: text(row, "name"),
            leads: text(row, "role") == "leader",
            state: text(row, "state"),
            timeline: row["timeline"].as_u64(),
        };
        Ok(page["members"].as_array().into_iter().flatten().map(member).collect())
    }

    /// What never changes in the life of a cluster: etcd's id, and PostgreSQL's.
    pub fn marks(&self, host: &str) -> Result<(u64, String)> {
        let status: Value = json(&self.etcdctl(host, "endpoint status -w json")?)?;
        let etcd = status[0]["Status"]["header"]["cluster_id"].as_u64().ok_or("etcd tells no cluster id")?;
        let page: Value = json(&self.page(address(host), "/patroni")?)?;
        Ok((etcd, text(&page, "database_system_identifier")))
    }

    /// The one leader `host` knows of.
    pub fn leader(&self, host: &str) -> Result<String> {
        let leader = self.members(host)?.into_iter().find(|m| m.leads && m.state == "running");
        leader.map(|m| m.name).ok_or_else(|| format!("{host} knows no running leader"))
    }

    /// `patronictl list` on `host`.
    pub fn patronictl(&self, host: &str) -> Result<Value> {
        json(&self.lab.sh(host, "patronictl -c /etc/patroni/config.yml list -f json")?)
    }

    /// Who takes over without losing anything.
    pub fn synchronous(&self, host: &str) -> Result<String> {
        wait_for("a synchronous standby", seconds(30), seconds(1), || {
            let rows = self.patronictl(host)?;
            let mut rows = rows.as_array().into_iter().flatten();
            let row = rows.find(|row| row["Role"] == "Sync Standby").ok_or("there is none")?;
            Ok(text(row, "Member"))
        })
    }

    /// etcdctl on `host` as etcd's root; whatever its exit status.
    pub fn etcdctl(&self, host: &str, words: &str) -> Result<String> {
        self.etcdctl_at(host, "https://127.0.0.1:2479", words)
    }

    fn etcdctl_at(&self, host: &str, endpoint: &str, words: &str) -> Result<String> {
        let script = format!(
            "{CLIENT}\nexport ETCDCTL_ENDPOINTS={endpoint} ETCDCTL_USER='root:{}'\netcdctl --command-timeout=4s {words}",
            self.etcd_root
        );
        Ok(self.lab.script(host, seconds(20), &script)?.stdout)
    }

    /// The same with the certificate alone: exit status and all that was said.
    pub fn etcdctl_without_user(&self, host: &str, words: &str) -> Result<(i32, String)> {
        let output =
            self.lab.script(host, seconds(20), &format!("{CLIENT}\netcdctl --command-timeout=4s {words}"))?;
        Ok((output.status, output.both()))
    }

    pub fn voters(&self, host: &str) -> Result<Vec<Voter>> {
        let list: Value = json(&self.etcdctl(host, "member list -w json")?)?;
        let voter = |row: &Value| Voter {
            name: text(row, "name"),
            id: row["ID"].as_u64().unwrap_or_default(),
            learner: row["isLearner"].as_bool().unwrap_or(false),
            client_url: row["clientURLs"][0].as_str().unwrap_or_default().to_owned(),
        };
        Ok(list["members"].as_array().into_iter().flatten().map(voter).collect())
    }

    /// Names of the members that answer and of the one that leads.
    pub fn etcd_health(&self, host: &str) -> Result<(Vec<String>, String)> {
        let voters = self.voters(host)?;
        let status: Value = json(&self.etcdctl(host, "endpoint status --cluster -w json")?)?;
        let rows = || status.as_array().into_iter().flatten();
        let name = |id: Option<u64>| voters.iter().find(|v| Some(v.id) == id).map(|v| v.name.clone());
        let mut healthy: Vec<String> =
            rows().filter_map(|r| name(r["Status"]["header"]["member_id"].as_u64())).collect();
        healthy.sort();
        let leader = rows().find_map(|r| name(r["Status"]["leader"].as_u64())).ok_or("etcd has no leader")?;
        Ok((healthy, leader))
    }

    /// Hosts that have the database's address now.
    pub fn vip_holders(&self, hosts: &[&str]) -> Result<Vec<String>> {
        let said = self.lab.on_all(hosts, &format!("ip -o addr show | grep -cF ' {VIP}/' || :"))?;
        Ok(hosts.iter().zip(said).filter(|(_, n)| n.trim() != "0").map(|(h, _)| (*h).to_owned()).collect())
    }

    /// All of `hosts` are well and the address answers; else what is missing.
    fn look(&self, hosts: &[&str]) -> Result<String> {
        let first = hosts.first().ok_or("no hosts")?;
        let members = self.members(first)?;
        let well = |m: &&Member| hosts.contains(&m.name.as_str()) && m.timeline.is_some();
        let leaders: Vec<&Member> =
            members.iter().filter(|m| m.leads && m.state == "running").filter(well).collect();
        let state = if self.lab.os == Os::Bookworm { "running" } else { "streaming" };
        let replicas = members.iter().filter(|m| !m.leads && m.state == state).filter(well).count();
        ensure!(leaders.len() == 1 && replicas + 1 == hosts.len(), "Patroni: {}", show(&members));
        let voters = self.voters(first)?;
        let expected = VOTERS.iter().filter(|v| hosts.iter().any(|h| v.starts_with(h))).count();
        let (healthy, _) = self.etcd_health(first)?;
        let learners = voters.iter().filter(|v| v.learner).count();
        ensure!(healthy.len() >= expected && learners == 0, "etcd: {healthy:?} healthy, {learners} learners");
        self.page(VIP, "/primary")?;
        let holders = self.vip_holders(hosts)?;
        ensure!(holders == [leaders[0].name.clone()], "{VIP} is on {holders:?}, {} leads", leaders[0].name);
        Ok(leaders[0].name.clone())
    }

    /// Waits until all of `hosts` are well; the leader's name.
    pub fn wait_healthy(&self, hosts: &[&str], limit: Duration) -> Result<String> {
        wait_for("a healthy cluster", limit, Duration::from_millis(300), || self.look(hosts))
    }

    /// Moves etcd's leadership onto a member for which `wanted` holds.
    pub fn move_etcd_leader(&self, wanted: impl Fn(&Voter) -> bool) -> Result<String> {
        let host = HOSTS[0];
        let (_, leader) = self.etcd_health(host)?;
        let voters = self.voters(host)?;
        let now = voters.iter().find(|v| v.name == leader).ok_or("etcd's leader is no member")?;
        if wanted(now) {
            return Ok(leader);
        }
        let target = voters.iter().find(|v| wanted(v)).ok_or("no etcd member is where it is wanted")?;
        // Only the leader itself hands over.
        let said = self.etcdctl_at(host, &now.client_url, &format!("move-leader {:x} 2>&1", target.id))?;
        wait_for("etcd's leader", seconds(10), Duration::from_millis(200), || {
            let (_, leader) = self.etcd_health(host)?;
            if leader == target.name { Ok(leader) } else { Err(format!("{leader} leads; {said}")) }
        })
    }
}

/// How a host's own tools reach its etcd.
const CLIENT: &str = "export ETCDCTL_API=3 ETCDCTL_CACERT=/etc/hacluster/pki/ca.crt
export ETCDCTL_CERT=/etc/hacluster/pki/client.crt ETCDCTL_KEY=/etc/hacluster/pki/client.key
export ETCDCTL_ENDPOINTS=https://127.0.0.1:2479";

/// One line for people.
pub fn show(members: &[Member]) -> String {
    let role = |m: &Member| if m.leads { "leader" } else { "replica" };
    members.iter().map(|m| format!("{} {} {}", m.name, role(m), m.state)).collect::<Vec<_>>().join(", ")
}

pub fn json(said: &str) -> Result<Value> {
    serde_json::from_str(said)
        .map_err(|e| format!("no JSON ({e}): {}", said.chars().take(300).collect::<String>()))
}

pub fn text(row: &Value, name: &str) -> String {
    row[name].as_str().unwrap_or_default().to_owned()
}
