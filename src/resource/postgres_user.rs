//! Owns the kind `postgres_user`: a role, what it may do, what it is a member of,
//! and its password as a SCRAM verifier. Must not know what was granted to it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::change::{Change, Fields, Have, fields};
use super::file::sha256;
use super::psql::{leading, limit, reading, script};
use super::{Manage, ResolveError, Resolver, Script};
use crate::facts::view::View;
use crate::facts::{Fact, Facts, Needs, PostgresServer, RoleFact};
use crate::scram;
use crate::secret::Secret;
use crate::sql::{identifier, literal, literals};

/// An attribute and whether a role has it.
type Attribute = (&'static str, fn(&RoleFact) -> bool);

/// What a role may, in the order of `CREATE ROLE`.
const ATTRIBUTES: [Attribute; 5] = [
    ("login", |role| role.login),
    ("superuser", |role| role.superuser),
    ("createdb", |role| role.createdb),
    ("createrole", |role| role.createrole),
    ("replication", |role| role.replication),
];

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostgresUser {
    pub name: String,
    /// Name of the secret that is its password; empty where it has none.
    #[serde(default)]
    pub password: String,
    /// What it may, with spaces between: `login createdb`.
    #[serde(default)]
    pub attributes: String,
    #[serde(default = "unlimited")]
    pub connection_limit: String,
    /// Roles it is a member of, with spaces between.
    #[serde(default)]
    pub member_of: String,
    pub server: PostgresServer,
    #[serde(default)]
    pub absent: bool,
    #[serde(skip)]
    pub verifier: Option<Secret>,
}

pub(super) fn unlimited() -> String {
    "-1".to_owned()
}

fn yes(is: bool) -> &'static str {
    if is { "yes" } else { "no" }
}

fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: BTreeSet<&str> = names.into_iter().collect();
    if names.is_empty() { "none".to_owned() } else { names.into_iter().collect::<Vec<_>>().join(", ") }
}

impl PostgresUser {
    fn may(&self, attribute: &str) -> bool {
        self.attributes.split_whitespace().any(|word| word == attribute)
    }

    /// Everything of a new role, else what changes.
    fn options(&self, change: &Change) -> Vec<String> {
        let mut options: Vec<String> = Vec::new();
        for (name, _) in ATTRIBUTES.iter().filter(|(name, _)| change.to(name).is_some()) {
            let no = if self.may(name) { "" } else { "NO" };
            options.push(format!("{no}{}", name.to_uppercase()));
        }
        if change.to("connection limit").is_some() {
            options.push(format!("CONNECTION LIMIT {}", self.connection_limit));
        }
        if let Some(verifier) = self.verifier.as_ref().filter(|_| change.to("password").is_some()) {
            options.push(format!("PASSWORD {}", literal(verifier.expose())));
        }
        options
    }

    /// Leaves every other role, where it is in one, then joins those it shall be in.
    fn memberships(&self, new: bool) -> String {
        let user = identifier(&self.name);
        let wanted: Vec<&str> = self.member_of.split_whitespace().collect();
        let others = if wanted.is_empty() {
            String::new()
        } else {
            format!(" AND g.rolname NOT IN ({})", literals(wanted.iter().copied()))
        };
        let leave = format!(
            "SELECT DISTINCT format('REVOKE %I FROM %I', g.rolname, r.rolname) FROM pg_auth_members m \
             JOIN pg_roles g ON g.oid = m.roleid JOIN pg_roles r ON r.oid = m.member \
             WHERE r.rolname = {}{others} \\gexec\n",
            literal(&self.name)
        );
        let join = wanted.iter().map(|group| format!("GRANT {} TO {user};\n", identifier(group)));
        Some(leave).filter(|_| !new).into_iter().chain(join).collect()
    }
}

impl PostgresUser {
    /// What it owns and what does not go with it, in words.
    pub(super) fn held(&self, with: &BTreeSet<String>, host: &Facts) -> Result<Vec<String>, String> {
        let facts = host.postgres.as_ref().and_then(|facts| facts.holdings.get(&self.name));
        let held = match facts {
            Some(Fact::Present(held)) => held,
            Some(Fact::Unreadable(why)) => return Err(why.clone()),
            Some(Fact::Absent) => return Ok(Vec::new()),
            None => return Err(format!("what {} owns was not asked for", self.name)),
        };
        let stays = |name: &&String| !with.contains(*name);
        let whole = held.databases.iter().filter(stays).map(|name| format!("database {name}"));
        let inside = held.inside.iter().filter(|(name, _)| stays(name));
        Ok(whole.chain(inside.map(|(name, count)| format!("{count} things in database {name}"))).collect())
    }
}

impl Manage for PostgresUser {
    fn needs(&self, needs: &mut Needs) {
        needs.postgres(&self.server).roles.insert(self.name.clone());
    }

    fn want(&self) -> Option<Fields> {
        if self.absent {
            return None;
        }
        let mut want = fields([
            ("connection limit", &limit(&self.connection_limit)),
            ("member of", &listed(self.member_of.split_whitespace())),
        ]);
        want.extend(ATTRIBUTES.map(|(name, _)| (name.to_owned(), yes(self.may(name)).to_owned())));
        want.extend(self.verifier.as_ref().map(|v| ("password".to_owned(), sha256(v.expose()))));
        Some(want)
    }

    fn have(&self, host: &Facts, _cluster: &View) -> Have {
        let role = match leading(host).and_then(|facts| reading(facts.roles.get(&self.name), &self.name)) {
            Ok(role) => role,
            Err(have) => return have,
        };
        let mut have = fields([
            ("connection limit", &limit(&role.connection_limit.to_string())),
            ("member of", &listed(role.member_of.iter().map(String::as_str))),
        ]);
        have.extend(ATTRIBUTES.map(|(name, has)| (name.to_owned(), yes(has(role)).to_owned())));
        have.extend(role.verifier.as_ref().map(|v| ("password".to_owned(), sha256(v.expose()))));
        Have::Fields(have)
    }

    /// One transaction: a role is never there without its limits.
    fn apply(&self, change: &Change) -> Script {
        let user = identifier(&self.name);
        let run =
            |statements: &str| script(&self.server, "postgres", &format!("BEGIN;\n{statements}COMMIT;\n"));
        if matches!(change, Change::Remove) {
            return run(&format!("\\set VERBOSITY default\nDROP ROLE {user};\n"));
        }
        let new = matches!(change, Change::Create(_));
        let verb = if new { "CREATE" } else { "ALTER" };
        let options = self.options(change);
        let mut text = String::new();
        if !options.is_empty() {
            text.push_str(&format!("{verb} ROLE {user} WITH {};\n", options.join(" ")));
        }
        if change.to("member of").is_some() {
            text.push_str(&self.memberships(new));
        }
        run(&text)
    }

    fn resolve(&mut self, with: &dyn Resolver) -> Result<(), ResolveError> {
        if self.absent || self.password.is_empty() {
            return Ok(());
        }
        self.verifier = Some(verifier(&self.name, &self.password, with)?);
        Ok(())
    }

    fn secret(&self) -> Option<&str> {
        Some(self.password.as_str()).filter(|name| !name.is_empty() && !self.absent)
    }
}

/// What the server keeps of the secret `password` of role `name`: with the salt found
/// there, so that the same password gives the same text.
pub(super) fn verifier(name: &str, password: &str, with: &dyn Resolver) -> Result<Secret, ResolveError> {
    let secrets = with.secrets().ok_or(ResolveError::NoSecrets)?;
    let value = secrets.get(password).ok_or(ResolveError::NoSecrets)?;
    let role = with.facts().postgres.as_ref().and_then(|facts| facts.roles.get(name)?.present());
    let found = role.and_then(|role| role.verifier.as_ref());
    let verifier = scram::verifier(value, name, &secrets.authority.key_pem, found);
    verifier.map_err(|why| ResolveError::Password(password.to_owned(), why))
}
