//! Owns the kind `etcd_auth`: etcd's users and roles, and authentication on.
//! Must not know who logs in with them.

use data_encoding::BASE64;
use serde::{Deserialize, Serialize};

use super::change::{Change, Fields, Have, fields};
use super::etcd_member::{ETCD_API, json_quoted};
use super::etcd_password::{etcd_mark_path, mark, put_mark};
use super::{Manage, ResolveError, Resolver, Script};
use crate::facts::view::View;
use crate::facts::{Facts, Needs};
use crate::secret::Secret;
use crate::shell::quote;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EtcdAuth {
    #[serde(default)]
    pub name: String,
    /// The user that may read and write below `prefix`, and nothing else.
    pub user: String,
    pub prefix: String,
    pub endpoints: String,
    pub ca: String,
    pub identity: String,
    #[serde(skip)]
    pub root_password: Option<Secret>,
    #[serde(skip)]
    pub user_password: Option<Secret>,
    /// Marks of both, by user.
    #[serde(skip)]
    pub marks: Vec<(String, String)>,
}

/// The first key after every key that begins with `prefix` (etcd's range end).
fn range_end(prefix: &str) -> Vec<u8> {
    let mut end = prefix.as_bytes().to_vec();
    while let Some(last) = end.pop() {
        if last < 0xff {
            end.push(last + 1);
            return end;
        }
    }
    vec![0]
}

impl Manage for EtcdAuth {
    /// Marks say whether the secrets at hand are the newest.
    fn needs(&self, needs: &mut Needs) {
        needs.hashes.extend(["root", self.user.as_str()].map(etcd_mark_path));
    }

    fn want(&self) -> Option<Fields> {
        Some(fields([("authentication", "on")]))
    }

    fn have(&self, _host: &Facts, cluster: &View) -> Have {
        match cluster.etcd.auth {
            Some(true) => Have::Fields(fields([("authentication", "on")])),
            Some(false) => Have::Fields(fields([("authentication", "off")])),
            None => Have::Late("no etcd member answers yet".to_owned()),
        }
    }

    fn apply(&self, _change: &Change) -> Script {
        let password = |secret: &Option<Secret>| quote(&json_quoted(secret.as_ref()));
        let permission = format!(
            "{{\"name\":\"{}\",\"perm\":{{\"permType\":\"READWRITE\",\"key\":\"{}\",\"range_end\":\"{}\"}}}}",
            self.user,
            BASE64.encode(self.prefix.as_bytes()),
            BASE64.encode(&range_end(&self.prefix))
        );
        Script::new(format!(
            "{ETCD_API}\nroot={root} user={user}\netcd_login {ca} {identity} \"$root\" {endpoints}\n\
             etcd_ensure /v3/auth/user/add \"{{\\\"name\\\":\\\"root\\\",\\\"password\\\":\\\"$root\\\"}}\"\n\
             etcd_ensure /v3/auth/role/add '{{\"name\":\"root\"}}'\n\
             etcd_ensure /v3/auth/user/grant '{{\"user\":\"root\",\"role\":\"root\"}}'\n\
             etcd_ensure /v3/auth/role/add {role}\netcd_ensure /v3/auth/role/grant {permission}\n\
             etcd_ensure /v3/auth/user/add \"{{\\\"name\\\":\\\"{name}\\\",\\\"password\\\":\\\"$user\\\"}}\"\n\
             etcd_ensure /v3/auth/user/grant {grant}\netcd_ensure /v3/auth/enable '{{}}'\n{marks}",
            marks = self.marks.iter().map(|(user, mark)| put_mark(user, mark)).collect::<String>(),
            root = password(&self.root_password),
            user = password(&self.user_password),
            ca = quote(&self.ca),
            identity = quote(&self.identity),
            endpoints = crate::shell::words(self.endpoints.split_whitespace()),
            role = quote(&format!("{{\"name\":\"{}\"}}", self.user)),
            permission = quote(&permission),
            name = self.user,
            grant = quote(&format!("{{\"user\":\"{0}\",\"role\":\"{0}\"}}", self.user)),
        ))
    }

    fn resolve(&mut self, with: &dyn Resolver) -> Result<(), ResolveError> {
        let secrets = with.secrets().ok_or(ResolveError::NoSecrets)?;
        self.root_password = secrets.get("etcd.root").cloned();
        self.user_password = secrets.get(&format!("etcd.{}", self.user)).cloned();
        let both = [("root", &self.root_password), (self.user.as_str(), &self.user_password)];
        let marked = both.into_iter().filter_map(|(user, password)| {
            password.as_ref().map(|password| (user.to_owned(), mark(&secrets.authority, user, password)))
        });
        self.marks = marked.collect();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::range_end;

    #[test]
    fn the_range_ends_after_the_prefix() {
        assert_eq!(range_end("/hac/"), b"/hac0");
        assert_eq!(range_end("a\u{7f}"), b"a\x80");
    }
}
