//! `hacluster`: one `cluster.toml` becomes a dependency graph of idempotent
//! steps that run over SSH.
//!
//! Modules are listed in the order of who may know whom: each may use only
//! those above it (`tests/arrows.rs` keeps it so).

pub mod shell;
pub mod secret;
pub mod span;
pub mod problem;
pub mod transport;
