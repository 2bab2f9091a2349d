//! Owns the typed rows that facts are made of.
//! Must not know the text they were read from.

use serde_json::Value;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathType {
    File,
    Directory,
    Link,
    Other,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathFact {
    pub kind: PathType,
    /// Four octal digits: `0640`.
    pub mode: String,
    pub owner: String,
    pub group: String,
    /// Where a link points, as written in it.
    pub target: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageFact {
    pub version: String,
    /// dpkg's two letters and flag: `ii`, `rc`, `iF`.
    pub status: String,
    /// When its files were put there last: seconds since 1970, by the host's clock.
    pub unpacked: Option<u64>,
}

impl PackageFact {
    pub fn installed(&self) -> bool {
        self.status == "ii" || self.status == "hi"
    }
}

/// As `systemctl show` prints it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnitFact {
    pub load: String,
    pub active: String,
    pub sub: String,
    pub file_state: String,
    pub need_reload: bool,
    /// When its main process was started last: seconds since 1970, by the host's clock.
    pub started: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserFact {
    pub uid: u32,
    pub gid: u32,
    pub home: String,
    pub shell: String,
}

/// One etcd member as its own host sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EtcdFact {
    /// The data directory holds a member.
    pub data: bool,
    /// `/health` on the metrics port says true.
    pub healthy: bool,
    pub member_id: Option<String>,
    pub leader_id: Option<String>,
    pub cluster_id: Option<String>,
    /// What the member knows of the cluster; empty when it does not answer.
    pub members: Vec<EtcdRow>,
    /// Authentication is on; `None` when the member does not answer.
    pub auth: Option<bool>,
    /// What stops etcd's writes, in its own words; every member knows all of them.
    pub alarms: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EtcdRow {
    pub id: String,
    pub name: String,
    pub peer_urls: Vec<String>,
    pub learner: bool,
}

/// Patroni as its own host sees it: the JSON of three REST endpoints.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PatroniFact {
    /// The data directory holds a cluster.
    pub data: bool,
    pub member: Option<Value>,
    pub cluster: Option<Value>,
    pub config: Option<Value>,
}
