//! Owns the command line: its words, their help, their environment variables.
//! Must not know what a command does.

mod hosts;
mod lock;
mod node;
mod secrets;
mod select;
mod show;

use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

pub use hosts::{HostsCommand, TrustArgs};
pub use lock::LockCommand;
pub use node::{AddArgs, NodeCommand, RemoveArgs};
pub use secrets::SecretsCommand;
pub use select::{AllowArgs, SelectArgs};
pub use show::{ExplainArgs, GraphArgs, GraphFormat, RenderArgs, Topic};

/// Turns one cluster.toml into a highly available cluster, over SSH.
///
/// Edit cluster.toml, read the plan, say yes, put drift-check into cron.
#[derive(Debug, Parser)]
#[command(
    name = "hacluster",
    version,
    propagate_version = true,
    subcommand_required = true,
    arg_required_else_help = false,
    after_help = "Exit codes: 0 nothing to report, 1 error, 2 changes, drift or an unhealthy cluster, \
                  3 only unapplied configuration, 4 some host unreachable, 5 interrupted and resumable, \
                  130 a second Ctrl-C."
)]
pub struct Cli {
    #[command(flatten)]
    pub globals: Globals,
    #[command(subcommand)]
    pub command: Command,
}

/// What every command takes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub struct Globals {
    /// The inventory.
    #[arg(short, long, global = true, value_name = "FILE", env = "HACLUSTER_FILE", hide_env_values = true)]
    #[arg(default_value = "cluster.toml")]
    pub file: PathBuf,

    /// Your own templates; a file replaces the built-in one of its name
    /// [default: templates/ beside the inventory].
    #[arg(long, global = true, value_name = "DIR", env = "HACLUSTER_TEMPLATES", hide_env_values = true)]
    pub templates: Option<PathBuf>,

    /// Your own playbooks; a file replaces the built-in one of its name
    /// [default: playbooks/ beside the inventory].
    #[arg(long, global = true, value_name = "DIR", env = "HACLUSTER_PLAYBOOKS", hide_env_values = true)]
    pub playbooks: Option<PathBuf>,

    /// The private key that opens secrets.age: an age key file or an OpenSSH ed25519 key
    /// [default: hacluster/age.txt in your configuration folder, then `~/.ssh/id_ed25519`].
    #[arg(long, global = true, value_name = "FILE", env = "HACLUSTER_AGE_KEY_FILE", hide_env_values = true)]
    pub identity: Option<PathBuf>,

    /// When to colour. `auto` obeys `NO_COLOR` and `CLICOLOR_FORCE`.
    #[arg(long, global = true, value_name = "WHEN", env = "HACLUSTER_COLOR", hide_env_values = true)]
    #[arg(default_value = "auto")]
    pub color: Color,

    /// Print versioned JSON lines instead of text.
    #[arg(long, global = true, env = "HACLUSTER_JSON", hide_env_values = true)]
    #[arg(value_parser = BoolishValueParser::new(), action = ArgAction::SetTrue)]
    pub json: bool,

    /// Print more: new files in full, every output line of a step.
    #[arg(short, long, global = true, env = "HACLUSTER_VERBOSE", hide_env_values = true)]
    #[arg(value_parser = BoolishValueParser::new(), action = ArgAction::SetTrue, conflicts_with = "quiet")]
    pub verbose: bool,

    /// Print less: no progress, no remarks, nothing at all when all is well.
    #[arg(short, long, global = true, env = "HACLUSTER_QUIET", hide_env_values = true)]
    #[arg(value_parser = BoolishValueParser::new(), action = ArgAction::SetTrue)]
    pub quiet: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    Auto,
    Always,
    Never,
}

impl Color {
    /// `None`: wherever there is a terminal. See <https://no-color.org> and
    /// <https://bixense.com/clicolors/>.
    pub fn decide(self, variable: impl Fn(&str) -> Option<String>) -> Option<bool> {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        match self {
            Self::Always => Some(true),
            Self::Never => Some(false),
            Self::Auto if set("NO_COLOR").is_some() => Some(false),
            Self::Auto => set("CLICOLOR_FORCE").filter(|value| value != "0").map(|_| true),
        }
    }
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check the inventory, the playbooks and the templates. Contacts no host.
    Validate,
    Plan(PlanArgs),
    Apply(ApplyArgs),
    /// Say what moved away from what was last applied. Writes nowhere.
    ///
    /// Exit codes: 0 nothing, 2 drift, 3 only configuration that was not applied yet,
    /// 4 some host did not answer or not whole (then the result is partial), 1 error.
    /// Without secrets, what holds some is compared with what was last applied only.
    DriftCheck(DriftCheckArgs),
    /// Show members, leaders, votes, and what they still owe.
    ///
    /// Exit codes: 0 healthy, 2 unhealthy, 4 some host did not answer.
    Status,
    /// Say who is at work on the hosts.
    #[command(subcommand)]
    Lock(LockCommand),
    /// Say whose host keys are trusted.
    #[command(subcommand)]
    Hosts(HostsCommand),
    /// Add a machine to the file, or take one out of service.
    #[command(subcommand)]
    Node(NodeCommand),
    /// The cluster's passwords and keys: who may read them, new values.
    #[command(subcommand)]
    Secrets(SecretsCommand),
    Graph(GraphArgs),
    Render(RenderArgs),
    Explain(ExplainArgs),
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
}

/// Show what `apply` would do, and why. Changes nothing on any host.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// Exit with 2 when there are changes.
    #[arg(long)]
    pub detailed_exitcode: bool,
    /// Leave out how the content of files would change.
    #[arg(long)]
    pub no_diff: bool,
    /// Keep the plan in this file, for `apply FILE`. It holds no secrets.
    #[arg(short, long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub allow: AllowArgs,
    #[command(flatten)]
    pub select: SelectArgs,
}

/// Show the plan, ask, carry it out. A second run has nothing to do.
///
/// With FILE, a plan that `plan --out FILE` kept: it was reviewed, so nobody is
/// asked. It is refused when the configuration changed or when one of its
/// resources is otherwise than it was; changes elsewhere do not matter. What
/// `plan` was allowed is kept with it.
#[derive(Debug, Default, Args)]
pub struct ApplyArgs {
    /// A saved plan.
    #[arg(value_name = "FILE", conflicts_with_all = ["target", "exclude", "on", "allow_destroy", "adopt"])]
    pub plan: Option<PathBuf>,
    /// Do not ask.
    #[arg(long)]
    pub auto_approve: bool,
    /// Begin nothing more, on no host, once a step failed; what runs is waited for.
    #[arg(long)]
    pub fail_fast: bool,
    #[command(flatten)]
    pub allow: AllowArgs,
    /// Leave out how the content of files would change.
    #[arg(long)]
    pub no_diff: bool,
    /// Hosts worked on at once [default: hosts in [limits], else 64].
    #[arg(long, value_name = "N", env = "HACLUSTER_PARALLELISM", hide_env_values = true)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    pub parallelism: Option<u32>,
    #[command(flatten)]
    pub select: SelectArgs,
}

#[derive(Debug, Args)]
pub struct DriftCheckArgs {
    /// Run the `unless` guards of playbooks also where nothing keeps them from
    /// writing: on hosts that allow no read-only mount namespace.
    #[arg(long)]
    pub trust_guards: bool,
    #[command(flatten)]
    pub select: SelectArgs,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        use clap::CommandFactory as _;
        Cli::command().debug_assert();
    }

    #[test]
    fn colours() {
        let decide = |color: Color, set: &[(&str, &str)]| {
            color.decide(|name| set.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()))
        };
        assert_eq!(decide(Color::Auto, &[]), None);
        assert_eq!(decide(Color::Auto, &[("NO_COLOR", ""), ("CLICOLOR_FORCE", "0")]), None);
        assert_eq!(decide(Color::Auto, &[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")]), Some(false));
        assert_eq!(decide(Color::Auto, &[("CLICOLOR_FORCE", "1")]), Some(true));
        assert_eq!(decide(Color::Always, &[("NO_COLOR", "1")]), Some(true));
    }
}
