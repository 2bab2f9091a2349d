//! Owns the kind `etcd_password`: what one of etcd's users logs in with. etcd tells
//! nobody, so a keyed mark on the host says what was set last. Must not know who
//! logs in with it.

use serde::{Deserialize, Serialize};

use super::change::{self, Change, Fields, Have, fields};
use super::etcd_member::{ETCD_API, json_quoted};
use super::file::sha256;
use super::{Manage, ResolveError, Resolver, Script};
use crate::facts::view::View;
use crate::facts::{ETCD_PASSWORDS, Fact, Facts, Needs};
use crate::pki::Authority;
use crate::scram::keyed;
use crate::secret::Secret;
use crate::shell::{quote, words};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EtcdPassword {
    pub user: String,
    /// Seconds until everybody who logs in as it knows the new one; until then their
    /// old login goes on. Nothing where nobody else does.
    #[serde(default)]
    pub settle: String,
    pub endpoints: String,
    pub ca: String,
    pub identity: String,
    /// Root's, the newest first.
    #[serde(skip)]
    pub root: Vec<Secret>,
    #[serde(skip)]
    pub password: Option<Secret>,
    /// What the host's mark shall be.
    #[serde(skip)]
    pub mark: Option<String>,
}

/// Several passwords as `etcd_login` tries them, a line each.
pub(super) fn json_lines(secrets: &[Secret]) -> String {
    secrets.iter().map(|secret| json_quoted(Some(secret))).collect::<Vec<_>>().join("\n")
}

/// Where the mark of a user lies.
pub(super) fn etcd_mark_path(user: &str) -> String {
    format!("{ETCD_PASSWORDS}{user}")
}

/// Says that a password is a user's, and only to those who have the authority.
pub(super) fn mark(authority: &Authority, user: &str, password: &Secret) -> String {
    let message = format!("hacluster etcd password\0{user}\0{}", password.expose());
    keyed(&authority.key_pem, &message)
}

/// What a probe tells of a mark.
fn hash(mark: &str) -> String {
    sha256(&format!("{mark}\n"))
}

/// The command that writes a mark down.
pub(super) fn put_mark(user: &str, mark: &str) -> String {
    format!("printf '%s\\n' {} | hac_put {} 0600 root root\n", quote(mark), quote(&etcd_mark_path(user)))
}

impl EtcdPassword {
    fn path(&self) -> String {
        etcd_mark_path(&self.user)
    }

    fn hash(&self) -> Option<String> {
        self.mark.as_deref().map(hash)
    }
}

impl Manage for EtcdPassword {
    fn needs(&self, needs: &mut Needs) {
        needs.hashes.insert(self.path());
    }

    fn want(&self) -> Option<Fields> {
        Some(self.hash().map(|hash| fields([("password", &hash)])).unwrap_or_default())
    }

    fn have(&self, host: &Facts, cluster: &View) -> Have {
        if cluster.etcd.auth != Some(true) {
            return Have::Late("etcd's accounts are not there yet".to_owned());
        }
        let known = cluster.etcd.passwords.get(&self.path());
        let set = |hash: &&String| known.is_some_and(|known| known.contains(*hash));
        // Whoever set it last may be the one that is away.
        let nobody_knows = known.is_none() && !cluster.unreachable.is_empty();
        let wanted = self.hash();
        let here = host.hashes.get(&self.path()).and_then(Fact::present).cloned();
        let found = wanted.filter(|hash| nobody_knows || set(&hash)).or(here);
        Have::Fields(found.map(|hash| fields([("password", &hash)])).unwrap_or_default())
    }

    /// A Patroni that was not told would be locked out as soon as it is back.
    fn diff(&self, host: &Facts, cluster: &View) -> Change {
        let change = change::compare(self.want(), self.have(host, cluster));
        let away = cluster.unreachable.join(", ");
        if self.settle.is_empty() || away.is_empty() || !matches!(change, Change::Update(_)) {
            return change;
        }
        Change::Unreadable(format!(
            "etcd's user {} gets its new password once all hosts answer: {away} would be locked out",
            self.user
        ))
    }

    fn apply(&self, _change: &Change) -> Script {
        let settle = if self.settle.is_empty() { "0" } else { &self.settle };
        Script::new(format!(
            "{ETCD_API}\netcd_login {ca} {identity} {root} {endpoints}\n\
             etcd_password {user} {password} {settle}\n{put}",
            ca = quote(&self.ca),
            identity = quote(&self.identity),
            root = quote(&json_lines(&self.root)),
            endpoints = words(self.endpoints.split_whitespace()),
            user = quote(&self.user),
            password = quote(&json_quoted(self.password.as_ref())),
            settle = quote(settle),
            put = put_mark(&self.user, self.mark.as_deref().unwrap_or_default()),
        ))
    }

    fn resolve(&mut self, with: &dyn Resolver) -> Result<(), ResolveError> {
        let secrets = with.secrets().ok_or(ResolveError::NoSecrets)?;
        let password = secrets.get(&format!("etcd.{}", self.user)).ok_or(ResolveError::NoSecrets)?;
        self.mark = Some(mark(&secrets.authority, &self.user, password));
        self.password = Some(password.clone());
        self.root = secrets.known("etcd.root");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(settle: &str) -> EtcdPassword {
        EtcdPassword {
            user: "patroni".into(),
            settle: settle.into(),
            endpoints: String::new(),
            ca: String::new(),
            identity: String::new(),
            root: Vec::new(),
            password: None,
            mark: Some("new".into()),
        }
    }

    /// A view in which one host has a mark, and others are away.
    fn view(mark: Option<&str>, away: &[&str]) -> View {
        let mut view =
            View { unreachable: away.iter().map(|h| (*h).to_owned()).collect(), ..View::default() };
        view.etcd.auth = Some(true);
        let marks = mark.map(|mark| (etcd_mark_path("patroni"), [hash(mark)].into()));
        view.etcd.passwords.extend(marks);
        view
    }

    fn host(mark: Option<&str>) -> Facts {
        let hash = mark.map_or(Fact::Absent, |mark| Fact::Present(hash(mark)));
        Facts { hashes: [(etcd_mark_path("patroni"), hash)].into(), ..Facts::default() }
    }

    #[test]
    fn any_host_may_know_that_it_was_set() {
        let diff = |here, known, away: &[&str]| password("10").diff(&host(here), &view(known, away));
        assert_eq!(diff(Some("new"), Some("new"), &[]), Change::None);
        // Another host set it.
        assert_eq!(diff(None, Some("new"), &[]), Change::None);
        assert_eq!(diff(Some("old"), Some("new"), &["nas"]), Change::None);
        // Whoever set it is away.
        assert_eq!(diff(None, None, &["nas"]), Change::None);
        assert!(matches!(diff(None, None, &[]), Change::Update(_)));
        assert!(matches!(diff(Some("old"), Some("old"), &[]), Change::Update(_)));
    }

    #[test]
    fn nobody_is_locked_out_who_is_away() {
        let diff = |settle| password(settle).diff(&host(Some("old")), &view(Some("old"), &["nas"]));
        let Change::Unreadable(why) = diff("10") else { panic!("{:?}", diff("10")) };
        assert!(why.ends_with("once all hosts answer: nas would be locked out"), "{why}");
        // Nobody else logs in with it.
        assert!(matches!(diff(""), Change::Update(_)));
    }
}
