//! Owns the kind `etcd_member`: one member of the etcd cluster, first start,
//! join or rejoin, decided from the view. Must not know systemd's unit files.

use serde::{Deserialize, Serialize};

use super::change::{Change, Field, Fields, Have, fields};
use super::{Manage, ResolveError, Resolver, Script};
use crate::facts::view::{EtcdView, View};
use crate::facts::{EtcdEndpoint, Fact, Facts, Needs};
use crate::secret::Secret;
use crate::shell::quote;

const ETCD_API: &str = include_str!("etcd_api.sh");

/// What a member is whose join was cut off: it has the data and no vote.
const LEARNER: &str = "only learns";

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EtcdMember {
    pub name: String,
    /// `https://192.168.15.101:2480`
    pub peer: String,
    pub client: String,
    /// `http://127.0.0.1:2481`
    pub metrics: String,
    pub data: String,
    /// systemd unit that runs it.
    pub unit: String,
    /// Every first member: `name=peer,...`
    pub cluster: String,
    /// Client URLs of all planned members, with spaces between.
    pub endpoints: String,
    pub ca: String,
    /// Path stem of a client certificate.
    pub identity: String,
    #[serde(skip)]
    pub token: Option<Secret>,
    #[serde(skip)]
    pub password: Option<Secret>,
}

impl EtcdMember {
    /// The member that a join replaces: same name, or same peer address.
    fn stale<'a>(&self, etcd: &'a EtcdView) -> Option<&'a str> {
        let same = etcd.members.iter().find(|m| m.name == self.name || m.peer_urls.contains(&self.peer));
        same.map(|m| m.id.as_str())
    }

    fn join_plan(&self, etcd: &EtcdView) -> Change {
        if etcd.members.is_empty() {
            return Change::Late("no etcd member answers, so nothing can be joined".to_owned());
        }
        let stale = self.stale(etcd);
        let kept = etcd.members.iter().filter(|m| Some(m.id.as_str()) != stale);
        let mut cluster: Vec<String> =
            kept.flat_map(|m| m.peer_urls.iter().map(|url| format!("{}={url}", m.name))).collect();
        cluster.push(format!("{}={}", self.name, self.peer));
        let field =
            |name: &str, to: &str| Field { name: name.to_owned(), from: String::new(), to: to.to_owned() };
        let mut rows = vec![field("start", "join"), field("cluster", &cluster.join(","))];
        rows.extend(stale.map(|id| field("replaces", id)));
        Change::Create(rows)
    }

    /// The other members' client URLs, quoted.
    fn others(&self) -> String {
        crate::shell::words(self.endpoints.split_whitespace().filter(|e| *e != self.client))
    }

    fn login(&self) -> String {
        let (ca, identity) = (quote(&self.ca), quote(&self.identity));
        let password = quote(self.password.as_ref().map_or("", Secret::expose));
        format!("{ETCD_API}\netcd_login {ca} {identity} {password} {}\n", self.others())
    }

    /// The initial values live in /run: etcd reads them once, without data.
    fn initial(&self, state: &str, cluster: &str) -> String {
        let token = self.token.as_ref().map_or("", Secret::expose);
        let lines = format!(
            "ETCD_INITIAL_CLUSTER={cluster}\nETCD_INITIAL_CLUSTER_STATE={state}\nETCD_INITIAL_CLUSTER_TOKEN={token}\nETCD_INITIAL_ADVERTISE_PEER_URLS={}\n",
            self.peer
        );
        let path = format!("/run/hacluster/etcd-{}.initial", self.name);
        format!(
            "mkdir -p -m 0755 /run/hacluster\n(umask 077; printf %s {} >{})\n",
            quote(&lines),
            quote(&path)
        )
    }

    fn join(&self, change: &Change) -> String {
        let replaces = change.to("replaces").unwrap_or_default();
        let unit = quote(&self.unit);
        format!(
            "{login}systemctl stop {unit}\nrm -rf -- {data}/member\n\
             [ -z {replaces} ] || etcd_retry /v3/cluster/member/remove {remove}\n\
             etcd_retry /v3/cluster/member/add {add}\n\
             id=$(printf %s \"$etcd_answer\" | sed -n 's/.*\"member\":{{\"ID\":\"\\([0-9]*\\)\".*/\\1/p')\n\
             {initial}hac_reload_units {unit}\nsystemctl enable {unit}\nsystemctl start --no-block {unit}\n\
             etcd_promote \"$id\" {others}\nhac_paid {unit}\n",
            login = self.login(),
            others = self.others(),
            data = quote(&self.data),
            replaces = quote(replaces),
            remove = quote(&format!("{{\"ID\":\"{replaces}\"}}")),
            add = quote(&format!("{{\"peerURLs\":[\"{}\"],\"isLearner\":true}}", self.peer)),
            initial = self.initial("existing", change.to("cluster").unwrap_or_default()),
        )
    }
}

impl Manage for EtcdMember {
    fn needs(&self, needs: &mut Needs) {
        let endpoint = EtcdEndpoint {
            client_url: self.client.clone(),
            metrics_url: self.metrics.clone(),
            data: self.data.clone(),
            identity: self.identity.clone(),
            ca: self.ca.clone(),
        };
        needs.etcd.insert(self.name.clone(), endpoint);
    }

    fn want(&self) -> Option<Fields> {
        Some(fields([("member", "has its data"), ("peer", &self.peer)]))
    }

    fn have(&self, host: &Facts, cluster: &View) -> Have {
        let fact = match host.etcd.get(&self.name) {
            Some(Fact::Present(fact)) => fact,
            Some(Fact::Unreadable(why)) => return Have::Unreadable(why.clone()),
            _ => return Have::Unreadable(format!("{} was not asked for", self.name)),
        };
        if !fact.data {
            return Have::Absent;
        }
        let row = cluster.etcd.members.iter().find(|m| m.name == self.name);
        let peer = row.and_then(|m| m.peer_urls.first()).unwrap_or(&self.peer);
        // Data of a member that the others removed is worth nothing.
        let gone = row.is_none() && !cluster.etcd.members.is_empty();
        let member = match row {
            _ if gone => "was removed",
            Some(row) if row.learner => LEARNER,
            _ => "has its data",
        };
        Have::Fields(fields([("member", member), ("peer", peer)]))
    }

    fn diff(&self, host: &Facts, cluster: &View) -> Change {
        match self.have(host, cluster) {
            Have::Fields(have) if Some(&have) == self.want().as_ref() => Change::None,
            Have::Unreadable(why) => Change::Unreadable(why),
            Have::Fields(have) if have.get("member").is_some_and(|m| m == LEARNER) => {
                let id = self.stale(&cluster.etcd).unwrap_or_default().to_owned();
                let field =
                    |name: &str, from: &str, to| Field { name: name.to_owned(), from: from.to_owned(), to };
                Change::Update(vec![field("start", LEARNER, "promote".to_owned()), field("id", "", id)])
            }
            _ if cluster.etcd.formed => self.join_plan(&cluster.etcd),
            _ => Change::Create(vec![Field {
                name: "start".to_owned(),
                from: String::new(),
                to: "first".to_owned(),
            }]),
        }
    }

    fn apply(&self, change: &Change) -> Script {
        match change.to("start") {
            Some("join") => Script::new(self.join(change)),
            Some("promote") => {
                let id = quote(change.to("id").unwrap_or_default());
                Script::new(format!("{}etcd_promote {id} {}\n", self.login(), self.others()))
            }
            _ => Script::new(self.initial("new", &self.cluster)),
        }
    }

    fn resolve(&mut self, with: &dyn Resolver) -> Result<(), ResolveError> {
        let secrets = with.secrets().ok_or(ResolveError::NoSecrets)?;
        self.token = secrets.get("etcd.token").cloned();
        self.password = secrets.get("etcd.root").cloned();
        Ok(())
    }
}
