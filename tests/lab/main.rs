//! The lab suite: the product on real hosts, one drill after the other. Owns the
//! arguments and the list of drills; must not know how a drill is done.
//!
//! Not part of `cargo nextest` or of the quick `cargo test` habits: it needs root
//! and an order of its own, so it answers `--list` with nothing.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::exit,
    reason = "a table for people and an exit code are what this program is for"
)]
#![allow(unreachable_pub, reason = "nothing of a program can be reached from outside")]

mod cluster;
mod command;
mod contend;
mod drills;
mod inserter;
mod lab;
mod product;
mod runner;
mod signals;
mod sql;
mod stage;
mod sweep;

use std::process::{Command, exit};

use runner::{Tier, run};

const HELP: &str = "cargo test --test lab [-- NAME...]

Runs the drills whose name contains one of NAME; all of the tier without NAME.
HACLUSTER_LAB=full      also the slow ones
HACLUSTER_LAB_KEEP=1    leave the lab as it is at the end
HACLUSTER_LAB_BINARY=F  another hacluster than the one just built";

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.iter().any(|a| a == "--list") {
        return;
    }
    if args.iter().any(|a| a == "--help" || a == "-h") {
        println!("{HELP}");
        return;
    }
    if let [mode, cache, times] = &args[..]
        && mode == "contend"
    {
        let times = times.parse().unwrap_or(0);
        contend::main(cache, times).unwrap_or_else(|why| refuse(&why));
        return;
    }
    let names: Vec<String> = args.into_iter().filter(|a| !a.starts_with("--")).collect();
    let tier = match std::env::var("HACLUSTER_LAB").as_deref() {
        Ok("full") => Tier::Full,
        Ok("quick" | "") | Err(_) => Tier::Quick,
        Ok(other) => refuse(&format!("HACLUSTER_LAB is quick or full, not '{other}'")),
    };
    let chosen =
        drills::all().into_iter().filter(|d| names.is_empty() || names.iter().any(|n| d.name.contains(n)));
    let chosen: Vec<_> = chosen.collect();
    if chosen.is_empty() {
        println!("no drill's name contains {}\n0 passed, 0 failed, 0 skipped", names.join(" or "));
        return;
    }
    if !is_root() {
        refuse(
            "the lab needs root: namespaces, overlay mounts and containers; run `sudo -E cargo test --test lab`",
        );
    }
    signals::watch();
    if !run(&chosen, tier) {
        exit(1);
    }
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|o| o.stdout == b"0\n")
}

fn refuse(why: &str) -> ! {
    eprintln!("lab suite: {why}");
    exit(1);
}
