//! Owns the kind `certificate`: a leaf of the cluster's authority and its key.
//! Judged by what it says, not by its bytes: a fresh clone sees no change.
//! Must not know who serves with it.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::change::{Change, Field, Fields, Have, fields};
use super::{Manage, ResolveError, Resolver, Script, file};
use crate::facts::view::View;
use crate::facts::{Fact, Facts, Needs};
use crate::pki::{self, Authority, Described, LeafSpec};
use crate::shell::{quote, words};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    pub cert: String,
    pub key: String,
    #[serde(default)]
    pub common_name: Option<String>,
    pub names: Vec<String>,
    pub usages: Vec<String>,
    #[serde(default = "file::root")]
    pub owner: String,
    #[serde(default = "file::root")]
    pub group: String,
    /// Mode of the key; the certificate is 0644.
    #[serde(default = "mode")]
    pub mode: String,
    /// Days a new one is valid.
    #[serde(default = "days")]
    pub days: u64,
    /// Renewed when fewer days than this are left.
    #[serde(default = "renew")]
    pub renew: u64,
    #[serde(skip)]
    pub authority: Option<Authority>,
    /// The other one while one follows another.
    #[serde(skip)]
    pub other: Option<Authority>,
    /// Seconds since 1970, set when the diff is made.
    #[serde(skip)]
    pub now: u64,
}

fn mode() -> String {
    "0640".to_owned()
}

fn days() -> u64 {
    825
}

fn renew() -> u64 {
    30
}

impl Certificate {
    fn leaf(&self) -> LeafSpec {
        // An address as it is read back: `fd00:0::1` is `fd00::1`.
        let plain = |name: &String| name.parse::<IpAddr>().map_or_else(|_| name.clone(), |ip| ip.to_string());
        let mut names: Vec<String> = self.names.iter().map(plain).collect();
        names.sort();
        names.dedup();
        let mut usages = self.usages.clone();
        usages.sort();
        LeafSpec { common_name: self.common_name.clone(), names, usages, days: self.days }
    }

    /// Whether one of its two files is there.
    pub(super) fn remains(&self, host: &Facts) -> Have {
        for path in [&self.cert, &self.key] {
            match host.paths.get(path) {
                Some(Fact::Present(_)) => return Have::Fields(fields([("path", path)])),
                Some(Fact::Unreadable(why)) => return Have::Unreadable(why.clone()),
                _ => {}
            }
        }
        Have::Absent
    }

    fn describe(&self, found: &Described, host: &Facts, now: u64) -> Fields {
        let left = found.not_after.saturating_sub(now) / 86_400;
        let fits = host.public_keys.get(&self.key).and_then(Fact::present) == Some(&found.public_key);
        let mut known = self.authority.iter().chain(&self.other);
        let ours = self.authority.is_none() || known.any(|authority| authority.signed(found));
        let valid = if left > self.renew { "yes".to_owned() } else { format!("{left} days left") };
        fields([
            ("issuer", if ours { "this cluster" } else { "another authority" }),
            ("authority", found.authority.as_deref().unwrap_or("none")),
            ("common_name", found.common_name.as_deref().unwrap_or("none")),
            ("names", &found.names.join(", ")),
            ("usages", &found.usages.join(", ")),
            ("valid", &valid),
            ("key", if fits { "fits" } else { "does not fit" }),
        ])
    }
}

impl Manage for Certificate {
    fn needs(&self, needs: &mut Needs) {
        needs.contents.insert(self.cert.clone());
        needs.public_keys.insert(self.key.clone());
        needs.path(&self.cert);
        needs.path(&self.key);
    }

    fn want(&self) -> Option<Fields> {
        let leaf = self.leaf();
        let mut want = fields([
            ("issuer", "this cluster"),
            ("common_name", leaf.common_name.as_deref().unwrap_or("none")),
            ("names", &leaf.names.join(", ")),
            ("usages", &leaf.usages.join(", ")),
            ("valid", "yes"),
            ("key", "fits"),
            ("cert_file", &format!("0644 {}:{}", self.owner, self.group)),
            ("key_file", &format!("{} {}:{}", file::octal(&self.mode), self.owner, self.group)),
        ]);
        // Which one it is only the secrets say.
        let id = self.authority.as_ref().and_then(Authority::id);
        want.extend(id.map(|id| ("authority".to_owned(), id)));
        Some(want)
    }

    fn have(&self, host: &Facts, cluster: &View) -> Have {
        let text = match host.contents.get(&self.cert) {
            None => return Have::Unreadable(format!("{} was not asked for", self.cert)),
            Some(Fact::Unreadable(why)) => return Have::Unreadable(why.clone()),
            Some(Fact::Absent) => return Have::Absent,
            Some(Fact::Present(text)) => text,
        };
        if let Some(Fact::Unreadable(why)) = host.public_keys.get(&self.key) {
            return Have::Unreadable(why.clone());
        }
        let Some(found) = pki::describe(text) else {
            return Have::Fields(fields([("issuer", "no certificate")]));
        };
        let mut have = self.describe(&found, host, cluster.now);
        for (field, path) in [("cert_file", &self.cert), ("key_file", &self.key)] {
            match host.paths.get(path) {
                Some(Fact::Present(file)) => {
                    have.insert(field.to_owned(), format!("{} {}:{}", file.mode, file.owner, file.group));
                }
                Some(Fact::Unreadable(why)) => return Have::Unreadable(why.clone()),
                _ => {}
            }
        }
        Have::Fields(have)
    }

    fn apply(&self, change: &Change) -> Script {
        if matches!(change, Change::Remove) {
            return Script::new(format!("rm -f -- {}", words([&*self.key, &self.cert])));
        }
        let there = |f: &Field| f.name.ends_with("_file") && !f.from.is_empty();
        if matches!(change, Change::Update(fields) if fields.iter().all(there)) {
            let owner = quote(&format!("{}:{}", self.owner, self.group));
            let (cert, key) = (quote(&self.cert), quote(&self.key));
            let mode = quote(&self.mode);
            return Script::new(format!("chown {owner} {cert} {key}\nchmod 0644 {cert}\nchmod {mode} {key}"));
        }
        let issued = self.authority.as_ref().map(|authority| authority.issue(&self.leaf(), self.now));
        let Some(Ok((cert, key))) = issued else {
            return Script::new("echo 'the certificate authority is not at hand' >&2; exit 1");
        };
        let key_file = words([&*self.key, &self.mode, &self.owner, &self.group]);
        let cert_file = words([&*self.cert, "0644", &self.owner, &self.group]);
        Script::new(format!(
            "printf %s {} | hac_put {key_file}\nprintf %s {} | hac_put {cert_file}",
            quote(key.expose()),
            quote(&cert)
        ))
    }

    fn resolve(&mut self, with: &dyn Resolver) -> Result<(), ResolveError> {
        let secrets = with.secrets().ok_or(ResolveError::NoSecrets)?;
        self.authority = Some(secrets.authority.clone());
        self.other = secrets.other_authority().cloned();
        self.now = with.now();
        Ok(())
    }
}
