//! Owns the words of `lock`: who is at work on the hosts.
//! Must not know what a command does.

use clap::Subcommand;

/// Who is at work on the hosts. A lock needs no unlocking: it is free when its run
/// ends, and 30 s after the machine it ran on vanished.
#[derive(Debug, Subcommand)]
pub enum LockCommand {
    /// Show who holds the lock of each host, and what a run that was cut left running.
    Status,
}
