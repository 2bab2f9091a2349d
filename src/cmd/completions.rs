//! Owns `completions`. Must not read a file.

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::cli::Cli;
use crate::error::{Exit, Failure};
use crate::report::ui::Ui;

pub(super) fn run(ui: &Ui, shell: Shell) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "hacluster", &mut script);
    ui.write(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Clean)
}
