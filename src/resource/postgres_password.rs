//! Owns the kind `postgres_password`: the password of a role that Patroni made, as
//! a SCRAM verifier. Must not know what the role may.

use serde::{Deserialize, Serialize};

use super::change::{Change, Fields, Have, fields};
use super::file::sha256;
use super::postgres_user::verifier;
use super::psql::{leading, reading, script};
use super::{Manage, ResolveError, Resolver, Script};
use crate::facts::view::View;
use crate::facts::{Facts, Needs, PostgresServer};
use crate::secret::Secret;
use crate::sql::{identifier, literal};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostgresPassword {
    pub name: String,
    /// Name of the secret.
    pub password: String,
    pub server: PostgresServer,
    #[serde(skip)]
    pub verifier: Option<Secret>,
}

fn hashed(verifier: Option<&Secret>) -> Fields {
    verifier.map(|v| fields([("password", &sha256(v.expose()))])).unwrap_or_default()
}

impl Manage for PostgresPassword {
    fn needs(&self, needs: &mut Needs) {
        needs.postgres(&self.server).roles.insert(self.name.clone());
    }

    fn want(&self) -> Option<Fields> {
        Some(hashed(self.verifier.as_ref()))
    }

    fn have(&self, host: &Facts, _cluster: &View) -> Have {
        match leading(host).and_then(|facts| reading(facts.roles.get(&self.name), &self.name)) {
            Ok(role) => Have::Fields(hashed(role.verifier.as_ref())),
            Err(Have::Absent) => Have::Late(format!("Patroni did not make {} yet", self.name)),
            Err(have) => have,
        }
    }

    fn apply(&self, _change: &Change) -> Script {
        let verifier = self.verifier.as_ref().map_or("", Secret::expose);
        let statement = format!("ALTER ROLE {} PASSWORD {};\n", identifier(&self.name), literal(verifier));
        script(&self.server, "postgres", &statement)
    }

    fn resolve(&mut self, with: &dyn Resolver) -> Result<(), ResolveError> {
        self.verifier = Some(verifier(&self.name, &self.password, with)?);
        Ok(())
    }
}
