//! Owns what one host must hold: the closed list of resource kinds and their
//! dispatch. Must not know how a script reaches a host, nor in which order.

mod certificate;
mod change;
mod command;
mod directory;
mod etcd_auth;
mod etcd_leave;
mod etcd_member;
mod etcd_members;
mod etcd_password;
mod file;
mod gone;
mod group;
mod link;
mod nature;
mod package;
mod patroni_config;
mod patroni_rest;
mod patroni_restart;
mod restart_settings;
mod postgres_database;
mod postgres_extension;
mod postgres_grant;
mod postgres_password;
mod postgres_user;
mod psql;
mod resolve;
mod script;
mod sysctl;
mod undo;
mod unit;
mod update;
mod user;
mod wait;

pub use certificate::Certificate;
pub use change::{Change, Field, Fields, Have, owed, owed_for, sealed};
pub use command::Command;
pub use directory::Directory;
pub use etcd_auth::EtcdAuth;
pub use etcd_member::EtcdMember;
pub use etcd_members::EtcdMembers;
pub use etcd_password::EtcdPassword;
pub use file::File;
pub(crate) use file::sha256;
pub use gone::{Fate, Gone};
pub use group::Group;
pub use link::Link;
pub use package::Package;
pub use patroni_config::PatroniConfig;
pub use patroni_restart::PatroniRestart;
pub use postgres_database::PostgresDatabase;
pub use postgres_extension::PostgresExtension;
pub use postgres_grant::PostgresGrant;
pub use postgres_password::PostgresPassword;
pub use postgres_user::PostgresUser;
pub use resolve::{ResolveError, Resolver};
pub use restart_settings::{binding_default, needs_restart};
pub use script::{PRELUDE, Script};
pub use sysctl::Sysctl;
pub use unit::{OnChange, Unit};
pub use user::User;
pub use wait::Wait;

use serde::{Deserialize, Serialize};

use crate::facts::view::View;
use crate::facts::{Facts, Needs};

/// The pure functions every kind has. Plan and apply share them, so that a plan
/// cannot lie.
pub trait Manage {
    /// Which facts decide whether this is converged.
    fn needs(&self, needs: &mut Needs);

    /// What must be true, by name; `None` where the thing must be absent.
    fn want(&self) -> Option<Fields>;

    /// What is true, by the same names.
    fn have(&self, host: &Facts, cluster: &View) -> Have;

    /// Whether it is this host's business at all: names may differ by system.
    fn concerns(&self, _host: &Facts) -> bool {
        true
    }

    fn diff(&self, host: &Facts, cluster: &View) -> Change {
        if !self.concerns(host) {
            return Change::None;
        }
        change::compare(self.want(), self.have(host, cluster))
    }

    /// The script that makes `change` true.
    fn apply(&self, change: &Change) -> Script;

    /// The script by which leadership goes from one member to another, before the
    /// one on this host is disturbed; `None` where this kind knows of none.
    fn hand_over(&self, _from: &str, _to: &str) -> Option<Script> {
        None
    }

    /// Fills in what needs facts, templates or secrets.
    fn resolve(&mut self, _with: &dyn Resolver) -> Result<(), ResolveError> {
        Ok(())
    }

    /// Name of a secret that is made for it where there is none yet.
    fn secret(&self) -> Option<&str> {
        None
    }
}

/// One resource of one kind.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    File(File),
    Directory(Directory),
    Link(Link),
    Package(Package),
    User(User),
    Group(Group),
    Unit(Unit),
    Sysctl(Sysctl),
    Certificate(Box<Certificate>),
    Command(Command),
    Wait(Wait),
    EtcdMember(EtcdMember),
    EtcdMembers(EtcdMembers),
    EtcdAuth(EtcdAuth),
    EtcdPassword(EtcdPassword),
    PatroniConfig(PatroniConfig),
    PatroniRestart(PatroniRestart),
    PostgresPassword(PostgresPassword),
    PostgresUser(PostgresUser),
    PostgresDatabase(PostgresDatabase),
    PostgresExtension(PostgresExtension),
    PostgresGrant(PostgresGrant),
    /// What is no more asked for, of any kind.
    #[serde(skip)]
    Gone(Gone),
}

impl Kind {
    /// Kind and name as they stand in a resource's id: `file:/etc/hosts`.
    pub fn label(&self) -> String {
        match self {
            Self::File(r) => format!("file:{}", r.path),
            Self::Directory(r) => format!("directory:{}", r.path),
            Self::Link(r) => format!("link:{}", r.path),
            Self::Package(r) => format!("package:{}", r.name),
            Self::User(r) => format!("user:{}", r.name),
            Self::Group(r) => format!("group:{}", r.name),
            Self::Unit(r) => format!("unit:{}", r.name),
            Self::Sysctl(r) => format!("sysctl:{}", r.key),
            Self::Certificate(r) => format!("certificate:{}", r.cert),
            Self::Command(r) => format!("command:{}", r.name),
            Self::Wait(r) => format!("wait:{}", r.name),
            Self::EtcdMember(r) => format!("etcd_member:{}", r.name),
            Self::EtcdMembers(r) => format!("etcd_members:{}", r.name),
            Self::EtcdAuth(r) => format!("etcd_auth:{}", r.name),
            Self::EtcdPassword(r) => format!("etcd_password:{}", r.user),
            Self::PatroniConfig(r) => format!("patroni_config:{}", r.name),
            Self::PatroniRestart(r) => format!("patroni_restart:{}", r.name),
            Self::PostgresPassword(r) => format!("postgres_password:{}", r.name),
            Self::PostgresUser(r) => format!("postgres_user:{}", r.name),
            Self::PostgresDatabase(r) => format!("postgres_database:{}", r.name),
            Self::PostgresExtension(r) => format!("postgres_extension:{}/{}", r.database, r.name),
            Self::PostgresGrant(r) => format!("postgres_grant:{}", r.label()),
            Self::Gone(r) => r.kind.label(),
        }
    }

    pub fn manage(&self) -> &dyn Manage {
        match self {
            Self::File(r) => r,
            Self::Directory(r) => r,
            Self::Link(r) => r,
            Self::Package(r) => r,
            Self::User(r) => r,
            Self::Group(r) => r,
            Self::Unit(r) => r,
            Self::Sysctl(r) => r,
            Self::Certificate(r) => r.as_ref(),
            Self::Command(r) => r,
            Self::Wait(r) => r,
            Self::EtcdMember(r) => r,
            Self::EtcdMembers(r) => r,
            Self::EtcdAuth(r) => r,
            Self::EtcdPassword(r) => r,
            Self::PatroniConfig(r) => r,
            Self::PatroniRestart(r) => r,
            Self::PostgresPassword(r) => r,
            Self::PostgresUser(r) => r,
            Self::PostgresDatabase(r) => r,
            Self::PostgresExtension(r) => r,
            Self::PostgresGrant(r) => r,
            Self::Gone(r) => r,
        }
    }

    pub fn manage_mut(&mut self) -> &mut dyn Manage {
        match self {
            Self::File(r) => r,
            Self::Directory(r) => r,
            Self::Link(r) => r,
            Self::Package(r) => r,
            Self::User(r) => r,
            Self::Group(r) => r,
            Self::Unit(r) => r,
            Self::Sysctl(r) => r,
            Self::Certificate(r) => r.as_mut(),
            Self::Command(r) => r,
            Self::Wait(r) => r,
            Self::EtcdMember(r) => r,
            Self::EtcdMembers(r) => r,
            Self::EtcdAuth(r) => r,
            Self::EtcdPassword(r) => r,
            Self::PatroniConfig(r) => r,
            Self::PatroniRestart(r) => r,
            Self::PostgresPassword(r) => r,
            Self::PostgresUser(r) => r,
            Self::PostgresDatabase(r) => r,
            Self::PostgresExtension(r) => r,
            Self::PostgresGrant(r) => r,
            Self::Gone(r) => r,
        }
    }
}
