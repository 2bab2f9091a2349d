//! Owns SQL through the address that moves, as an application does it.
//! Must not know who leads.

use std::path::{Path, PathBuf};

use crate::command::{Call, Output, Result};
use crate::lab::{Lab, VIP, seconds};

#[derive(Debug, Clone)]
pub struct Sql {
    lab: Lab,
    pub ca: PathBuf,
    pub passwords: PathBuf,
}

impl Sql {
    pub fn new(lab: Lab, ca: PathBuf, passwords: PathBuf) -> Self {
        Self { lab, ca, passwords }
    }

    /// How a client connects with full checks.
    pub fn target(&self, sslmode: &str) -> String {
        format!(
            "host={VIP} dbname=postgres user=postgres connect_timeout=2 sslmode={sslmode} sslrootcert={}",
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
        Ok(self.psql("verify-full", &self.passwords, statement).run()?.ok()?.stdout.trim().to_owned())
    }

    pub fn without_password(&self) -> Result<Output> {
        self.psql("verify-full", Path::new("/dev/null"), "select 1").run()
    }

    pub fn without_tls(&self) -> Result<Output> {
        self.psql("disable", &self.passwords, "select 1").run()
    }
}
