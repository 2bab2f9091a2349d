//! Rebuilds the crate when a built-in playbook or template is added: the macro
//! that compiles them in notices changed files only.
#![allow(clippy::print_stdout)] // Cargo reads a build script's standard output.

fn main() {
    println!("cargo:rerun-if-changed=playbooks");
    println!("cargo:rerun-if-changed=templates");
}
