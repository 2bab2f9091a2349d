//! Owns the kind `postgres_extension`: that a database has an extension. Must not
//! know its version: that comes with the package.

use serde::{Deserialize, Serialize};

use super::change::{Change, Fields, Have, fields};
use super::psql::{leading, reading, script};
use super::{Manage, Script};
use crate::facts::view::View;
use crate::facts::{Facts, Needs, PostgresServer};
use crate::sql::identifier;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostgresExtension {
    pub name: String,
    pub database: String,
    pub server: PostgresServer,
}

impl PostgresExtension {
    fn key(&self) -> (String, String) {
        (self.database.clone(), self.name.clone())
    }
}

impl Manage for PostgresExtension {
    fn needs(&self, needs: &mut Needs) {
        needs.postgres(&self.server).extensions.insert(self.key());
    }

    fn want(&self) -> Option<Fields> {
        Some(fields([("installed", "yes")]))
    }

    fn have(&self, host: &Facts, _cluster: &View) -> Have {
        let found = leading(host).and_then(|facts| reading(facts.extensions.get(&self.key()), &self.name));
        found.map_or_else(|have| have, |_version| Have::Fields(fields([("installed", "yes")])))
    }

    /// With those it needs itself, and the hint where its package is missing.
    /// What needs it keeps it.
    fn apply(&self, change: &Change) -> Script {
        let name = identifier(&self.name);
        let statement = match change {
            Change::Remove => format!("DROP EXTENSION {name}"),
            _ => format!("CREATE EXTENSION {name} CASCADE"),
        };
        let text = format!("\\set VERBOSITY default\n{statement};\n");
        script(&self.server, &self.database, &text)
    }
}
