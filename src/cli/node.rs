//! Owns the words of `node`: machines that come and go.
//! Must not know what a command does.

use std::net::Ipv4Addr;

use clap::{Args, Subcommand};

use super::TrustArgs;

/// Machines that come and go.
#[derive(Debug, Subcommand)]
pub enum NodeCommand {
    Add(AddArgs),
    Remove(RemoveArgs),
}

/// Write a machine into the file, and trust its host key.
///
/// Adds a [[node]] after the last one; comments and everything else in the file
/// stay as they are. A file that would not be valid is not written. `apply` then
/// makes the machine a member.
#[derive(Debug, Args)]
pub struct AddArgs {
    /// Its name.
    pub name: String,
    /// Its IPv4 address on the LAN.
    pub address: Ipv4Addr,
    /// A role to add, or with a leading - to leave out: `--role=-etcd` adds a
    /// machine without a vote.
    #[arg(long, value_name = "ROLE", allow_hyphen_values = true)]
    pub role: Vec<String>,
    /// Take the host key with this fingerprint without asking.
    #[arg(long, value_name = "SHA256:...", value_parser = super::hosts::fingerprint)]
    pub fingerprint: Option<String>,
    /// Take the host key without asking (trust on first use). Never takes a
    /// changed one.
    #[arg(long)]
    pub accept_new: bool,
}

impl AddArgs {
    pub fn trust(&self) -> TrustArgs {
        TrustArgs {
            nodes: vec![self.name.clone()],
            fingerprint: self.fingerprint.clone().into_iter().collect(),
            accept_new: self.accept_new,
        }
    }
}

/// Take a machine out of service, and out of the file.
///
/// If it answers, its database, its vote and its address are stopped there and do
/// not start again; its data stays on its disk. Its [[node]] is taken out of the
/// file unless you did that already, and `apply` shows and does the rest through
/// the machines that stay. A dead machine needs nothing but that.
///
/// One vote less is often one too few: then edit the file yourself, all of it in
/// one go (another machine in its place, or one vote less elsewhere), and run
/// this again for the machine.
#[derive(Debug, Args)]
pub struct RemoveArgs {
    /// Its name.
    pub name: String,
    /// Do not ask.
    #[arg(long)]
    pub auto_approve: bool,
}
