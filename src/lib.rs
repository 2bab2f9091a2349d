//! `hacluster`: one `cluster.toml` becomes a dependency graph of idempotent
//! steps that run over SSH.
//!
//! Modules are listed in the order of who may know whom: each may use only
//! those above it (`tests/house.rs` keeps it so).

pub mod replace;
pub mod shell;
pub mod sql;
pub mod wildcard;
pub mod secret;
pub mod age;
pub mod scram;
pub mod span;
pub mod problem;
pub mod pki;
pub mod secrets;
pub mod inventory;
pub mod facts;
pub mod release;
pub mod lint;
pub mod resource;
pub mod render;
pub mod group;
pub mod playbook;
pub mod expand;
pub mod graph;
pub mod ledger;
pub mod prune;
pub mod plan;
pub mod transport;
pub mod exec;
pub mod report;
pub mod error;
pub mod cli;
pub mod cmd;
