//! Owns the kind `postgres_grant`: exactly which privileges a user was granted on
//! a database, a schema, or all tables or sequences of one, those made later too.
//! Must not know what the user may by other ways: as owner, member or PUBLIC.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::change::{Change, Fields, Have, fields};
use super::psql::{leading, reading, script};
use super::{Manage, Script};
use crate::facts::view::View;
use crate::facts::{Facts, GrantFact, GrantKey, GrantOn, Needs, PostgresServer};
use crate::sql::{identifier, literal};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostgresGrant {
    pub user: String,
    pub database: String,
    /// Empty for the database itself.
    #[serde(default)]
    pub schema: String,
    /// `database`, `schema`, `tables` or `sequences`.
    pub on: String,
    /// With spaces between.
    pub privileges: String,
    /// Whose later tables count: the database's owner.
    pub owner: String,
    pub server: PostgresServer,
    #[serde(default)]
    pub absent: bool,
}

/// Field of what is granted on things made later.
const LATER: &str = "privileges later on";

fn listed<'a>(privileges: impl IntoIterator<Item = &'a str>) -> String {
    let sorted: BTreeSet<&str> = privileges.into_iter().collect();
    sorted.into_iter().collect::<Vec<_>>().join(", ")
}

impl PostgresGrant {
    /// What it is about, in its id.
    pub(super) fn label(&self) -> String {
        let Self { user, database, schema, on, .. } = self;
        match on.as_str() {
            "database" => format!("{user} on {database}"),
            "schema" => format!("{user} on {database}/{schema}"),
            _ => format!("{user} on {database}/{schema} {on}"),
        }
    }

    fn key(&self) -> Option<GrantKey> {
        Some(GrantKey {
            user: self.user.clone(),
            database: self.database.clone(),
            schema: self.schema.clone(),
            on: GrantOn::parse(&self.on)?,
            owner: self.owner.clone(),
        })
    }

    /// Privileges are words of SQL, which no quoting covers.
    fn wanted(&self) -> String {
        let word = |word: &&str| word.chars().all(|c| c.is_ascii_uppercase());
        listed(self.privileges.split_whitespace().filter(word))
    }

    /// Tables and sequences have a later; databases and schemas are one thing.
    fn has_later(&self) -> bool {
        matches!(self.on.as_str(), "tables" | "sequences")
    }

    /// Where there is nothing to have privileges on, all is as wanted.
    fn held(&self, grant: &GrantFact) -> String {
        if grant.total == 0 {
            return self.wanted();
        }
        let say = |(name, count): (&String, &u64)| {
            if *count == grant.total { name.clone() } else { format!("{name} on {count} of {}", grant.total) }
        };
        grant.held.iter().map(say).collect::<Vec<_>>().join(", ")
    }

    fn judge(&self, grant: &GrantFact) -> Have {
        let nothing = grant.held.is_empty() && grant.future.is_empty();
        if nothing && (self.absent || self.has_later() || grant.total > 0) {
            return Have::Absent;
        }
        let mut have = fields([("privileges", &self.held(grant))]);
        if self.has_later() {
            have.insert(LATER.to_owned(), listed(grant.future.iter().map(String::as_str)));
        }
        Have::Fields(have)
    }

    /// Takes everything and gives what is wanted, within one transaction.
    fn statements(&self, removes: bool) -> String {
        let (user, schema) = (identifier(&self.user), identifier(&self.schema));
        let wanted = if removes { String::new() } else { self.wanted() };
        let on = |what: &str| {
            let revoke = format!("REVOKE ALL PRIVILEGES ON {what} FROM {user};\n");
            let grant = format!("GRANT {wanted} ON {what} TO {user};\n");
            if wanted.is_empty() { revoke } else { revoke + &grant }
        };
        match self.on.as_str() {
            "database" => on(&format!("DATABASE {}", identifier(&self.database))),
            "schema" => on(&format!("SCHEMA {schema}")),
            "tables" => self.all(&wanted, "TABLE", "'r', 'p', 'v', 'm', 'f'"),
            _ => self.all(&wanted, "SEQUENCE", "'S'"),
        }
    }

    /// Every table or sequence but the user's own, then the owner's later ones.
    fn all(&self, wanted: &str, kind: &str, relations: &str) -> String {
        let each = |verb: &str, word: &str| {
            format!(
                "SELECT format('{verb} ON {kind} %I.%I {word} %I', n.nspname, c.relname, r.rolname) \
                 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
                 JOIN pg_roles r ON r.rolname = {} AND r.oid <> c.relowner \
                 WHERE n.nspname = {} AND c.relkind IN ({relations}) \\gexec\n",
                literal(&self.user),
                literal(&self.schema)
            )
        };
        let later = |what: &str| {
            format!(
                "ALTER DEFAULT PRIVILEGES FOR ROLE {} IN SCHEMA {} {what} {};\n",
                identifier(&self.owner),
                identifier(&self.schema),
                identifier(&self.user)
            )
        };
        let mut text = each("REVOKE ALL PRIVILEGES", "FROM");
        text.push_str(&later(&format!("REVOKE ALL PRIVILEGES ON {kind}S FROM")));
        if !wanted.is_empty() {
            text.push_str(&each(&format!("GRANT {wanted}"), "TO"));
            text.push_str(&later(&format!("GRANT {wanted} ON {kind}S TO")));
        }
        text
    }
}

impl Manage for PostgresGrant {
    fn needs(&self, needs: &mut Needs) {
        needs.postgres(&self.server).grants.extend(self.key());
    }

    fn want(&self) -> Option<Fields> {
        if self.absent {
            return None;
        }
        let mut want = fields([("privileges", &self.wanted())]);
        if self.has_later() {
            want.insert(LATER.to_owned(), self.wanted());
        }
        Some(want)
    }

    fn have(&self, host: &Facts, _cluster: &View) -> Have {
        let Some(key) = self.key() else {
            let says = format!("`on` is {:?}; it can be database, schema, tables or sequences", self.on);
            return Have::Unreadable(says);
        };
        match leading(host).and_then(|facts| reading(facts.grants.get(&key), &self.label())) {
            Ok(grant) => self.judge(grant),
            Err(have) => have,
        }
    }

    fn apply(&self, change: &Change) -> Script {
        let text = self.statements(matches!(change, Change::Remove));
        let database = if self.on == "database" { "postgres" } else { &self.database };
        script(&self.server, database, &format!("BEGIN;\n{text}COMMIT;\n"))
    }
}
