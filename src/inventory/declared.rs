//! Owns the tables of what is declared inside `PostgreSQL`: users, databases,
//! grants, who may connect. Must not know what follows from them.

use super::address::Cidr;
use super::choice::choice;
use super::table::table;
use super::text::{PostgresName, SecretName, Word};

choice! {
    /// What a privilege is granted on.
    GrantOn: "\"database\", \"schema\", \"tables\" or \"sequences\"" {
        Database = "database", Schema = "schema", Tables = "tables", Sequences = "sequences",
    }
    /// A privilege, in SQL's word.
    Privilege: "a privilege in quotes, such as \"SELECT\"" {
        All = "ALL", Connect = "CONNECT", Create = "CREATE", Temporary = "TEMPORARY", Usage = "USAGE",
        Select = "SELECT", Insert = "INSERT", Update = "UPDATE", Delete = "DELETE",
        Truncate = "TRUNCATE", References = "REFERENCES", Trigger = "TRIGGER",
    }
    /// How a client comes: with TLS, over the local socket, or as it likes.
    HbaType: "\"hostssl\", \"local\", \"host\" or \"hostnossl\"" {
        Hostssl = "hostssl", Local = "local", Host = "host", Hostnossl = "hostnossl",
    }
}

table! {
    /// `[[postgres.user]]`: a role of `PostgreSQL`.
    PostgresUser {
        /// name of the role
        name: PostgresName;
        /// where its password is kept; by default a secret of its name, made where it is missing
        password: Option<SecretName>;
        /// may log in; false for a role that only has members
        login: bool = true;
        /// may do everything
        superuser: bool = false;
        /// may make databases
        createdb: bool = false;
        /// may make roles
        createrole: bool = false;
        /// may stream the write-ahead log
        replication: bool = false;
        /// most connections at a time; no limit by default
        connection_limit: Option<u32>;
        /// roles whose privileges it has
        member_of: Vec<PostgresName>;
    }
}

table! {
    /// `[[postgres.database]]`
    PostgresDatabase {
        /// name of the database
        name: PostgresName;
        /// a declared user; postgres by default
        owner: PostgresName = "postgres".into();
        /// extensions it has
        extensions: Vec<PostgresName>;
        /// most connections at a time; no limit by default
        connection_limit: Option<u32>;
    }
}

table! {
    /// `[[postgres.grant]]`: all that a user is granted on one thing.
    PostgresGrant {
        /// who gets the privileges
        user: PostgresName;
        /// in which database, and on it where no schema is named
        database: PostgresName;
        /// on which schema, or on what is in it
        schema: Option<PostgresName>;
        /// on the schema itself, or on all its tables or sequences, those made later too
        on: Option<GrantOn>;
        /// what it may
        privileges: Vec<Privilege>;
    }
}

table! {
    /// `[[postgres.hba]]`: who may connect from where, before the general rules.
    PostgresHba {
        /// with TLS, over the local socket, or as the client likes
        r#type: HbaType = HbaType::Hostssl;
        /// a declared database, "all", "postgres" or "replication"
        database: Word;
        /// a declared user, "all", or "+role" for its members
        user: Word;
        /// network that the rule is about
        address: Option<Cidr>;
        /// how the client proves who it is
        method: Word = "scram-sha-256".into();
    }
}

impl PostgresGrant {
    pub fn target(&self) -> GrantOn {
        self.on.unwrap_or(if self.schema.is_some() { GrantOn::Schema } else { GrantOn::Database })
    }

    /// Each privilege once, ALL spelled out.
    pub fn spelled(&self) -> Vec<&'static str> {
        let all = self.privileges.contains(&Privilege::All);
        let own = || self.privileges.iter().map(|privilege| privilege.as_str());
        let known = self.target().privileges().iter().copied();
        known.filter(|name| all || own().any(|privilege| privilege == *name)).collect()
    }
}

impl GrantOn {
    /// The privileges there are on it, but those of single versions.
    pub fn privileges(self) -> &'static [&'static str] {
        match self {
            Self::Database => &["CONNECT", "CREATE", "TEMPORARY"],
            Self::Schema => &["CREATE", "USAGE"],
            Self::Tables => &["DELETE", "INSERT", "REFERENCES", "SELECT", "TRIGGER", "TRUNCATE", "UPDATE"],
            Self::Sequences => &["SELECT", "UPDATE", "USAGE"],
        }
    }
}

impl PostgresHba {
    /// The rule as a line of `pg_hba.conf`.
    pub fn line(&self) -> String {
        let Self { r#type, database, user, address, method } = self;
        let address = address.map(|address| format!("{address} ")).unwrap_or_default();
        format!("{type} {database} {user} {address}{method}")
    }
}
