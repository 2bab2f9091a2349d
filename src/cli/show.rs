//! Owns the words of what only shows: `graph`, `render`, `explain`.
//! Must not know what a command does.

use clap::{Args, ValueEnum};

use super::SelectArgs;

/// Print the graph of all steps, each edge with its reason. Contacts no host.
#[derive(Debug, Args)]
pub struct GraphArgs {
    /// The language of the graph.
    #[arg(long, value_name = "FORMAT", default_value = "dot")]
    pub format: GraphFormat,
    #[command(flatten)]
    pub select: SelectArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum GraphFormat {
    /// Graphviz: `hacluster graph | dot -Tsvg`.
    Dot,
    /// For Markdown.
    Mermaid,
}

/// Print one template as one host would get it, secrets masked.
///
/// The host is contacted only if the template reads what is true on it.
#[derive(Debug, Args)]
pub struct RenderArgs {
    /// Name of the template, such as `etcd/member.env.j2`.
    #[arg(required_unless_present = "probe")]
    pub template: Option<String>,
    /// Print the script that reads the host instead: what `plan` asks it.
    #[arg(long, value_name = "NODE", conflicts_with_all = ["template", "host"])]
    pub probe: Option<String>,
    /// The host.
    #[arg(long, value_name = "NODE", required_unless_present = "probe")]
    pub host: Option<String>,
}

/// Explain what follows from the inventory. Contacts no host.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// What to explain.
    pub topic: Topic,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Topic {
    /// Which losses the cluster survives, how, and in what time.
    Faults,
}
