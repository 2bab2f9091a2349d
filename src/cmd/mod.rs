//! Owns the commands: one file each, and how a failure is shown.
//! Must not hold what a command does.

mod apply;
mod completions;
mod describe;
mod drift_check;
mod explain;
mod fit;
mod graph;
mod handover;
mod hosts;
mod keys;
mod limits;
mod lock;
mod node;
mod node_remove;
mod ownership;
mod pins;
mod plan;
mod preflight;
mod reach;
mod reading;
mod render;
mod saved;
mod secrets;
mod status;
mod strangers;
mod unlock;
mod validate;
mod vault;
mod world;

#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::future::Future;

use clap::Parser as _;

use crate::cli::{Cli, Command, Globals, NodeCommand};
use crate::error::{Exit, Failure, Reason};
use crate::report::ui::{Ui, Wishes};

/// Parses the arguments and runs the command.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // A reader that went away is no error of ours.
            let _ = error.print();
            return if error.use_stderr() { Exit::Error } else { Exit::Clean };
        }
    };
    let ui = Ui::new(wishes(&cli.globals));
    match run(&ui, &cli) {
        Ok(exit) => exit,
        Err(failure) => {
            show(&ui, &failure);
            failure.exit()
        }
    }
}

fn wishes(globals: &Globals) -> Wishes {
    Wishes {
        color: globals.color.decide(|name| std::env::var(name).ok()),
        json: globals.json,
        verbose: globals.verbose,
        quiet: globals.quiet,
    }
}

fn run(ui: &Ui, cli: &Cli) -> Result<Exit, Failure> {
    let globals = &cli.globals;
    match &cli.command {
        Command::Validate => validate::run(ui, globals),
        Command::Plan(args) => plan::run(ui, globals, args),
        Command::Apply(args) => apply::run(ui, globals, args),
        Command::DriftCheck(args) => drift_check::run(ui, globals, args),
        Command::Status => status::run(ui, globals),
        Command::Lock(command) => lock::run(ui, globals, command),
        Command::Hosts(command) => hosts::run(ui, globals, command),
        Command::Node(NodeCommand::Add(args)) => node::add(ui, globals, args),
        Command::Node(NodeCommand::Remove(args)) => node_remove::run(ui, globals, args),
        Command::Secrets(command) => secrets::run(ui, globals, command),
        Command::Graph(args) => graph::run(ui, globals, args),
        Command::Render(args) => render::run(ui, globals, args),
        Command::Explain(args) => explain::run(ui, globals, args),
        Command::Completions { shell } => completions::run(ui, *shell),
    }
}

fn show(ui: &Ui, failure: &Failure) {
    if failure.reason == Reason::BrokenPipe {
        return;
    }
    if ui.is_json() {
        for line in failure.json() {
            // With nobody to read it there is nobody to tell.
            let _ = ui.json(&line);
        }
        return;
    }
    ui.complain(&failure.text(ui.error_paint()));
}

/// Runs what contacts hosts.
fn block_on<T>(future: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime =
        runtime.map_err(|error| Failure::new(Reason::Internal, format!("cannot start: {error}")))?;
    Ok(runtime.block_on(future))
}
