//! Owns the words that say which part of a plan is meant.
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
