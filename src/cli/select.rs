//! Owns the words that say which part of a plan is meant, and what it may do.
//! Must not know what they mean.

use clap::Args;

/// Lists may be given with commas, or by giving the flag again.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Selection")]
pub struct SelectArgs {
    /// Only this and what it stands on: an id as plan prints it, KIND:NAME, a
    /// playbook, PLAYBOOK/STEP. * and ? stand for any text.
    #[arg(long, value_name = "PATTERN", env = "HACLUSTER_TARGET", hide_env_values = true)]
    #[arg(value_delimiter = ',')]
    pub target: Vec<String>,
    /// Not this, nor what stands on it; named like a target.
    #[arg(long, value_name = "PATTERN", env = "HACLUSTER_EXCLUDE", hide_env_values = true)]
    #[arg(value_delimiter = ',')]
    pub exclude: Vec<String>,
    /// Only on these hosts: a name, a pattern, or @ROLE.
    #[arg(long, value_name = "NODE", env = "HACLUSTER_ON", hide_env_values = true)]
    #[arg(value_delimiter = ',')]
    pub on: Vec<String>,
}

/// What a plan does only where it is told to. A plan that is kept remembers it.
#[derive(Debug, Clone, Default, Args)]
pub struct AllowArgs {
    /// Remove also data that nothing asks for any more. It is gone for good.
    #[arg(long)]
    pub allow_destroy: bool,
    /// Take over this file, or `all` files, that are there and are not hacluster's.
    #[arg(long, value_name = "PATH")]
    pub adopt: Vec<String>,
}
