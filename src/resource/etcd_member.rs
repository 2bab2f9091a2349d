//! Owns the kind `etcd_member`: one member of the etcd cluster, first start,
//! join or rejoin, decided from the view. Must not know systemd's unit files.

use serde::{Deserialize, Serialize};

use super::change::{Change, Field, Fields, Have, fields};
use super::etcd_password::json_lines;
use super::file::sha256;
use super::{Manage, ResolveError, Resolver, Script};
use crate::facts::view::{EtcdView, View};
use crate::facts::{EtcdEndpoint, EtcdRow, Fact, Facts, Needs};
use crate::secret::Secret;
use crate::shell::quote;

pub(super) const ETCD_API: &str = include_str!("etcd_api.sh");

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
    /// The whole cluster goes: there is nobody to tell.
    #[serde(skip)]
    pub last: bool,
    #[serde(skip)]
    pub token: Option<String>,
    #[serde(skip)]
    pub password: Vec<Secret>,
}

/// A secret as it stands inside the quotes of a JSON string.
pub(super) fn json_quoted(secret: Option<&Secret>) -> String {
    let text = serde_json::Value::from(secret.map_or("", Secret::expose)).to_string();
    text[1..text.len() - 1].to_owned()
}

impl EtcdMember {
    /// Planned members whose data nobody could look at. While there are any, an
    /// empty member must not start as a first one: it would forget the votes it
    /// gave, or make a second cluster.
    fn unknown<'a>(&'a self, etcd: &EtcdView) -> Vec<&'a str> {
        let names = self.cluster.split(',').filter_map(|pair| pair.split('=').next());
        names.filter(|&n| !etcd.hosts.contains_key(n) || etcd.unread.iter().any(|u| u == n)).collect()
    }

    /// This member's row: one that was never started has no name yet.
    pub(super) fn row<'a>(&self, etcd: &'a EtcdView) -> Option<&'a EtcdRow> {
        etcd.members.iter().find(|m| m.name == self.name || m.peer_urls.contains(&self.peer))
    }

    /// The member that a join replaces: same name, or same peer address. With it
    /// go the others of this host that lost their data too: etcd takes
    /// no new member while a voter is away.
    fn stale<'a>(&self, etcd: &'a EtcdView, host: &Facts) -> Vec<&'a str> {
        let own = self.row(etcd).map(|m| m.id.as_str());
        let lost = |name: &String| matches!(host.etcd.get(name), Some(Fact::Present(fact)) if !fact.data);
        let others = etcd.members.iter().filter(|m| lost(&m.name)).map(|m| m.id.as_str());
        own.into_iter().chain(others.filter(|id| Some(*id) != own)).collect()
    }

    fn join_plan(&self, etcd: &EtcdView, host: &Facts) -> Change {
        if etcd.members.is_empty() {
            return Change::Late("no etcd member answers, so nothing can be joined".to_owned());
        }
        let stale = self.stale(etcd, host);
        let kept = etcd.members.iter().filter(|m| !stale.contains(&m.id.as_str()));
        let mut cluster: Vec<String> =
            kept.flat_map(|m| m.peer_urls.iter().map(|url| format!("{}={url}", m.name))).collect();
        cluster.push(format!("{}={}", self.name, self.peer));
        let field =
            |name: &str, to: &str| Field { name: name.to_owned(), from: String::new(), to: to.to_owned() };
        let mut rows = vec![field("start", "join"), field("cluster", &cluster.join(","))];
        if !stale.is_empty() {
            rows.push(field("replaces", &stale.join(" ")));
        }
        Change::Create(rows)
    }

    /// The other members' client URLs, quoted.
    fn others(&self) -> String {
        crate::shell::words(self.endpoints.split_whitespace().filter(|e| *e != self.client))
    }

    pub(super) fn login(&self) -> String {
        let (ca, identity) = (quote(&self.ca), quote(&self.identity));
        let password = quote(&json_lines(&self.password));
        format!("{ETCD_API}\netcd_login {ca} {identity} {password} {}\n", self.others())
    }

    /// The initial values live in /run: etcd reads them once, without data.
    fn initial(&self, state: &str, cluster: &str) -> String {
        let token = self.token.as_deref().unwrap_or_default();
        let lines = format!(
            "ETCD_INITIAL_CLUSTER={cluster}\nETCD_INITIAL_CLUSTER_STATE={state}\nETCD_INITIAL_CLUSTER_TOKEN={token}\nETCD_INITIAL_ADVERTISE_PEER_URLS={}\n",
            self.peer
        );
        let path = format!("/run/hacluster/etcd-{}.initial", self.name);
        format!(
            "mkdir -p /run/hacluster; chmod 0755 /run/hacluster\n(umask 077; printf %s {} >{})\n",
            quote(&lines),
            quote(&path)
        )
    }

    fn join(&self, change: &Change) -> String {
        let body = |id: &str| quote(&format!("{{\"ID\":\"{id}\"}}"));
        let remove = |id: &str| format!("etcd_retry /v3/cluster/member/remove {}\n", body(id));
        let stale = change.to("replaces").unwrap_or_default();
        let remove: String = stale.split_whitespace().map(remove).collect();
        let unit = quote(&self.unit);
        format!(
            "{login}systemctl stop {unit}\n{remove}rm -rf -- {data}/member\n\
             etcd_retry /v3/cluster/member/add {add}\n\
             id=$(printf %s \"$etcd_answer\" | sed -n 's/.*\"member\": *{{\"ID\": *\"\\([0-9]*\\)\".*/\\1/p')\n\
             {initial}hac_reload_units {unit}\nsystemctl enable {unit}\nsystemctl start --no-block {unit}\n\
             etcd_promote \"$id\" {others}\nhac_paid {unit}\n",
            login = self.login(),
            others = self.others(),
            data = quote(&self.data),
            remove = remove,
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
        let row = self.row(&cluster.etcd);
        let moved = row.filter(|m| !m.peer_urls.contains(&self.peer)).and_then(|m| m.peer_urls.first());
        let peer = moved.unwrap_or(&self.peer);
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
                let id = self.row(&cluster.etcd).map(|m| m.id.clone()).unwrap_or_default();
                let field =
                    |name: &str, from: &str, to| Field { name: name.to_owned(), from: from.to_owned(), to };
                Change::Update(vec![field("start", LEARNER, "promote".to_owned()), field("id", "", id)])
            }
            _ if cluster.etcd.split() => Change::Refused(
                "two disjoint etcd clusters answer: which one to join is not known".to_owned(),
            ),
            _ if cluster.etcd.formed => self.join_plan(&cluster.etcd, host),
            _ if !self.unknown(&cluster.etcd).is_empty() => Change::Unreadable(format!(
                "whether there is an etcd cluster is not known: {} could not be read",
                self.unknown(&cluster.etcd).join(", ")
            )),
            _ => Change::Create(vec![Field {
                name: "start".to_owned(),
                from: String::new(),
                to: "first".to_owned(),
            }]),
        }
    }

    fn apply(&self, change: &Change) -> Script {
        if matches!(change, Change::Remove) {
            return self.leave();
        }
        match change.to("start") {
            Some("join") => Script::new(self.join(change)),
            Some("promote") => {
                let id = quote(change.to("id").unwrap_or_default());
                Script::new(format!("{}etcd_promote {id} {}\n", self.login(), self.others()))
            }
            _ => Script::new(self.initial("new", &self.cluster)),
        }
    }

    /// `to` is a member's id. Only the leader itself hands over, so it is asked.
    fn hand_over(&self, _from: &str, to: &str) -> Option<Script> {
        let (ca, identity, own) = (quote(&self.ca), quote(&self.identity), quote(&self.client));
        let password = quote(&json_lines(&self.password));
        let body = quote(&format!("{{\"targetID\":\"{to}\"}}"));
        Some(Script::new(format!(
            "{ETCD_API}\netcd_login {ca} {identity} {password} {own}\n\
             etcd_call /v3/maintenance/transfer-leadership {body} || {{ echo \"etcd: $etcd_answer\" >&2; exit 1; }}\n"
        )))
    }

    fn resolve(&mut self, with: &dyn Resolver) -> Result<(), ResolveError> {
        let secrets = with.secrets().ok_or(ResolveError::NoSecrets)?;
        // No secret: etcd logs it. The authority names this cluster and no other.
        self.token = Some(sha256(&secrets.authority.cert_pem)[..16].to_owned());
        self.password = secrets.known("etcd.root");
        Ok(())
    }
}
