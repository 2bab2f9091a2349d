//! Owns the inventory: a `cluster.toml` as typed tables, what follows from
//! them, and what is wrong with them. Must not know playbooks, hosts or plans.

mod address;
mod check;
mod choice;
mod codes;
mod component;
mod computed_postgres;
mod context;
mod database;
mod declared;
mod document;
mod edge;
mod edit;
mod file;
mod host;
mod jump;
mod mismatch;
mod model;
mod path;
mod port_map;
mod ports;
mod preset;
mod quorum;
mod reader;
mod redact;
mod referred;
mod roles;
mod suggest;
mod syntax;
mod syntax_line;
mod table;
mod system_names;
mod text;
mod value;

pub use address::{AddressRange, Cidr};
pub use choice::{Period, Scalar};
pub use codes::{codes, explain};
pub use component::{Component, components};
pub use database::{
    Backup, Dcs, Etcd, Packages, Postgres, Preset, Redis, Repository, TimescaleMode, Timescaledb, Watchdog,
};
pub use declared::{GrantOn, HbaType, PostgresDatabase, PostgresGrant, PostgresHba, PostgresUser, Privilege};
pub use edge::{
    Certificate, Cloudflare, Dns, Firewall, FirewallAllow, Ingress, K3s, Metallb, Protocol, Resolver,
    Transport,
};
pub use edit::node_block;
pub use file::{Inventory, load, parse};
pub use host::{EtcdMember, Host, hosts};
pub use jump::JumpHost;
pub use model::{Cluster, HostKeys, Network, Node, Platform, Secrets, Ssh, Tables, Truenas, Vip, schema};
pub use port_map::{PORT_MAP, Row, Who};
pub use ports::{Port, ports};
pub use preset::Timing;
pub use quorum::{HostVotes, Votes};
pub use referred::Referred;
pub use roles::all_roles;
pub use suggest::nearest;
pub use table::Key;
pub use text::{
    DnsName, HostPath, Interface, LocalPath, Name, PostgresName, Recipient, RoleChange, SecretName, Text,
    User, Word,
};
pub use value::Switch;
