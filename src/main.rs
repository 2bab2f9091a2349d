//! Owns the process: arguments in, exit code out.
//! Must not know any command.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(hacluster::cmd::main(std::env::args_os()).code())
}
