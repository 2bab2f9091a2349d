//! Owns the words of `hosts`: whose keys are trusted.
//! Must not know what a command does.

use clap::{Args, Subcommand};

/// Whose host keys are trusted.
#[derive(Debug, Subcommand)]
pub enum HostsCommand {
    Trust(TrustArgs),
}

/// Trust the keys that hosts show now: a new host, or one that was installed again.
///
/// Shows the keys with their fingerprints and what was pinned before, asks, and
/// replaces the pin in the `known_hosts` file of [ssh]; all its other lines stay as
/// they are. Unless you compare the fingerprint with what the host itself says on
/// its console (`ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub`), this is trust
/// on first use: whoever is in between now would be trusted too.
///
/// Where nobody can be asked, a key is taken by its fingerprint. No flag takes
/// whatever changed key a host may show.
#[derive(Debug, Default, Args)]
pub struct TrustArgs {
    /// Names of hosts in the inventory.
    #[arg(required = true, value_name = "NODE")]
    pub nodes: Vec<String>,
    /// Take the key with this fingerprint without asking; give one for each host.
    #[arg(long, value_name = "SHA256:...", value_parser = fingerprint)]
    pub fingerprint: Vec<String>,
    /// Take the keys of hosts that were never trusted without asking (trust on
    /// first use). Never takes a changed key.
    #[arg(long)]
    pub accept_new: bool,
}

/// As `ssh-keygen -l` prints it.
pub(super) fn fingerprint(text: &str) -> Result<String, String> {
    match text.strip_prefix("SHA256:").map(|hash| hash.trim_end_matches('=')) {
        Some(hash) if hash.len() == 43 => Ok(format!("SHA256:{hash}")),
        _ => {
            Err("a fingerprint is SHA256: and 43 characters, as `ssh-keygen -lf KEY.pub` prints it"
                .to_owned())
        }
    }
}
