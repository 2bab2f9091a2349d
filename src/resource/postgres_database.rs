//! Owns the kind `postgres_database`: a database and whose it is. Must not know
//! what is in it.

use serde::{Deserialize, Serialize};

use super::change::{Change, Fields, Have, fields};
use super::postgres_user::unlimited;
use super::psql::{leading, limit, reading, script};
use super::{Manage, Script};
use crate::facts::view::View;
use crate::facts::{Facts, Needs, PostgresServer};
use crate::sql::identifier;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostgresDatabase {
    pub name: String,
    pub owner: String,
    #[serde(default = "unlimited")]
    pub connection_limit: String,
    pub server: PostgresServer,
}

impl Manage for PostgresDatabase {
    fn needs(&self, needs: &mut Needs) {
        needs.postgres(&self.server).databases.insert(self.name.clone());
    }

    fn want(&self) -> Option<Fields> {
        Some(fields([("connection limit", &limit(&self.connection_limit)), ("owner", &self.owner)]))
    }

    fn have(&self, host: &Facts, _cluster: &View) -> Have {
        let found = leading(host).and_then(|facts| reading(facts.databases.get(&self.name), &self.name));
        match found {
            Ok(database) => Have::Fields(fields([
                ("connection limit", &limit(&database.connection_limit.to_string())),
                ("owner", &database.owner),
            ])),
            Err(have) => have,
        }
    }

    /// Outside of a transaction: `CREATE DATABASE` cannot be in one.
    fn apply(&self, change: &Change) -> Script {
        let (name, owner) = (identifier(&self.name), identifier(&self.owner));
        let mut text = String::new();
        if matches!(change, Change::Remove) {
            // Who is connected is told, and keeps it.
            text.push_str(&format!("\\set VERBOSITY default\nDROP DATABASE {name};\n"));
        } else if matches!(change, Change::Create(_)) {
            let limit = &self.connection_limit;
            text.push_str(&format!("CREATE DATABASE {name} WITH OWNER {owner} CONNECTION LIMIT {limit};\n"));
        } else {
            if change.to("owner").is_some() {
                text.push_str(&format!("ALTER DATABASE {name} OWNER TO {owner};\n"));
            }
            if change.to("connection limit").is_some() {
                text.push_str(&format!(
                    "ALTER DATABASE {name} CONNECTION LIMIT {};\n",
                    self.connection_limit
                ));
            }
        }
        script(&self.server, "postgres", &text)
    }
}
