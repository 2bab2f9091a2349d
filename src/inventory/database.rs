//! Owns the tables about data: etcd, PostgreSQL, TimescaleDB, Redis, backups.
//! Must not know how any of them is installed or checked.

use std::collections::BTreeMap;

use super::address::Cidr;
use super::choice::{Period, Scalar, choice};
use super::declared::{PostgresDatabase, PostgresGrant, PostgresHba, PostgresUser};
use super::table::table;
use super::text::{HostPath, Name, SecretName, Text, Word};
use super::value::Switch;

choice! {
    /// How fast a failure is noticed, against how much jitter is forgiven.
    Preset: "\"norm\" or \"fast\"" { Norm = "norm", Fast = "fast" }
    /// Whose packages of `PostgreSQL` and Patroni a host gets.
    Packages: "\"debian\" or \"pgdg\"" { Debian = "debian", Pgdg = "pgdg" }
    /// Where Patroni keeps its lock.
    Dcs: "\"etcd\"" { Etcd = "etcd" }
    /// Use of a hardware or software watchdog by Patroni.
    Watchdog: "\"automatic\", \"required\" or \"off\"" {
        Automatic = "automatic", Required = "required", Off = "off",
    }
    /// Where `TimescaleDB` runs.
    TimescaleMode: "\"cluster\" or \"separate\"" { Cluster = "cluster", Separate = "separate" }
    /// How the backup repository is reached.
    Repository: "\"sftp\", \"posix\" or \"s3\"" { Sftp = "sftp", Posix = "posix", S3 = "s3" }
}

table! {
    /// `[etcd]`: Patroni's own; K3s keeps another one on 2379-2382.
    Etcd {
        /// on when PostgreSQL is
        enabled: Switch;
        /// port for clients; the second member on the NAS takes 10 more
        client_port: u16 = 2479;
        /// port between members
        peer_port: u16 = 2480;
        /// port for metrics and health, plain HTTP
        metrics_port: u16 = 2481;
        /// milliseconds; by preset
        heartbeat_interval: Option<u32>;
        /// milliseconds; by preset
        election_timeout: Option<u32>;
        /// data directory; one below it per member
        data: HostPath = "/var/lib/etcd-patroni".into();
    }
}

table! {
    /// `[postgres]`
    Postgres {
        /// off without the table
        enabled: Switch;
        /// major version
        version: u32 = 17;
        /// "debian" for those of the host's own system, "pgdg" for the PostgreSQL project's repository
        packages: Packages = Packages::Debian;
        /// port of PostgreSQL
        port: u16 = 5432;
        /// port of Patroni's REST API
        rest_port: u16 = 8008;
        /// where the leader lock is kept
        dcs: Dcs = Dcs::Etcd;
        /// timing: "norm" forgives jitter, "fast" fails over sooner
        preset: Preset = Preset::Norm;
        /// seconds a leader lock lives; by preset
        ttl: Option<u32>;
        /// seconds between two looks of Patroni; by preset
        loop_wait: Option<u32>;
        /// seconds Patroni retries etcd and PostgreSQL; by preset
        retry_timeout: Option<u32>;
        /// commit only when a second member has the data
        synchronous: bool = false;
        /// bytes a member may lag and still become leader
        maximum_lag_on_failover: u64 = 33_554_432;
        /// connections, the same on every member
        max_connections: u32 = 100;
        /// further parameters of PostgreSQL
        parameters: BTreeMap<String, Scalar>;
        /// networks that may connect; the LAN by default
        allow: Vec<Cidr>;
        /// whether a watchdog resets a host whose Patroni hangs
        watchdog: Watchdog = Watchdog::Automatic;
        /// data directory; /var/lib/postgresql/VERSION/CLUSTER by default
        data: Option<HostPath>;
        /// roles that are made, and kept as they are declared
        user: Vec<PostgresUser>;
        /// databases that are made, and never dropped
        database: Vec<PostgresDatabase>;
        /// what users may do with databases that are not theirs
        grant: Vec<PostgresGrant>;
        /// who may connect from where, before the general rules
        hba: Vec<PostgresHba>;
    }
}

impl Postgres {
    /// Something inside of it is declared.
    pub fn declares(&self) -> bool {
        !(self.user.is_empty() && self.database.is_empty() && self.grant.is_empty())
    }
}

table! {
    /// `[timescaledb]`
    Timescaledb {
        /// off without the table
        enabled: Switch;
        /// "cluster" on every member of the PostgreSQL cluster, "separate" as an instance of its own
        mode: TimescaleMode = TimescaleMode::Cluster;
        /// host of a separate instance; the first node by default
        host: Option<Name>;
        /// port of a separate instance
        port: u16 = 5433;
        /// database with the extension
        database: Word = "metrics".into();
    }
}

impl Timescaledb {
    /// It is an instance of its own.
    pub fn separate(&self) -> bool {
        self.mode == TimescaleMode::Separate
    }
}

table! {
    /// `[redis]`
    Redis {
        /// off without the table
        enabled: Switch;
        /// its host; the first node by default
        host: Option<Name>;
        /// port of Redis
        port: u16 = 6379;
        /// memory limit, as Redis writes it
        maxmemory: Word = "256mb".into();
        /// what goes when memory is full
        policy: Word = "allkeys-lru".into();
        /// password; generated
        password: SecretName = "secret://redis".into();
    }
}

table! {
    /// `[backup]`: pgBackRest.
    Backup {
        /// off without the table
        enabled: Switch;
        /// how the repository is reached
        repository: Repository = Repository::Sftp;
        /// host with the repository; the NAS by default
        host: Option<Name>;
        /// directory of the repository
        path: HostPath = "/mnt/tank/backups/postgres".into();
        /// full backups, as systemd writes a calendar
        full: Text = "Sun 02:00".into();
        /// differential backups
        differential: Text = "Mon..Sat 02:00".into();
        /// days a full backup is kept
        retention_days: u32 = 30;
        /// longest time before WAL is sent away
        archive_timeout: Period = Period::seconds(60);
        /// data loss that is acceptable after a total loss
        rpo: Period = Period::seconds(300);
        /// passphrase of the repository; generated
        cipher: SecretName = "secret://backup-cipher".into();
    }
}
