//! Owns SQL through the address that moves, as an application does it.
//! Must not know who leads.

use std::path::{Path, PathBuf};

use crate::command::{Call, Output, Result};
use crate::lab::{Lab, VIP, seconds};
use crate::stage::Stage;

#[derive(Debug, Clone)]
pub struct Sql {
    lab: Lab,
    user: String,
    database: String,
    pub ca: PathBuf,
    pub passwords: PathBuf,
}

impl Sql {
    pub fn new(lab: Lab, user: &str, database: &str, ca: PathBuf, passwords: PathBuf) -> Self {
        Self { lab, user: user.to_owned(), database: database.to_owned(), ca, passwords }
    }

    /// The same client, who trusts others.
    pub fn trusting(self, ca: PathBuf) -> Self {
        Self { ca, ..self }
    }

    /// How a client connects with full checks.
    pub fn target(&self, sslmode: &str) -> String {
        format!(
            "host={VIP} dbname={} user={} connect_timeout=2 sslmode={sslmode} sslrootcert={}",
            self.database,
            self.user,
            self.ca.display()
        )
    }

    fn psql(&self, sslmode: &str, passwords: &Path, statement: &str) -> Call {
        let target = self.target(sslmode);
        let words = ["psql", "-wqAtX", "-v", "ON_ERROR_STOP=1", "-d", &target, "-c", statement];
        self.lab.inside(seconds(10), &words).env("PGPASSFILE", passwords)
    }

    /// With password and a checked certificate.
    pub fn run(&self, statement: &str) -> Result<String> {
        Ok(self.tried(statement)?.ok()?.stdout.trim().to_owned())
    }

    /// The same, whatever comes of it.
    pub fn tried(&self, statement: &str) -> Result<Output> {
        self.psql("verify-full", &self.passwords, statement).run()
    }

    pub fn without_password(&self) -> Result<Output> {
        self.psql("verify-full", Path::new("/dev/null"), "select 1").run()
    }

    pub fn without_tls(&self) -> Result<Output> {
        self.psql("disable", &self.passwords, "select 1").run()
    }
}

impl Stage {
    /// As the superuser.
    pub fn sql(&self) -> Result<Sql> {
        self.sql_as("postgres", "postgres", "postgres.superuser")
    }

    /// Any user with the password that secrets.toml has by that name now.
    pub fn sql_as(&self, user: &str, database: &str, secret: &str) -> Result<Sql> {
        let secrets = self.secrets()?;
        let ca = self.folder.write("ca.crt", &secrets.authority)?;
        let password = secrets.value(secret)?.replace('\\', "\\\\").replace(':', "\\:");
        let line = format!("*:*:*:{user}:{password}\n");
        let passwords = self.folder.write(&format!("pgpass-{user}"), &line)?;
        Ok(Sql::new(self.lab.clone(), user, database, ca, passwords))
    }
}
