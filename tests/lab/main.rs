//! The lab suite: the product on real hosts, one drill after the other. Owns the
//! arguments and the list of drills; must not know how a drill is done.
//!
//! No drill is part of `cargo nextest` or of the quick `cargo test` habits: they need
//! root and an order of their own. It answers `--list` with the one test that needs no
//! lab: that each case of the matrix of faults is in exactly one place.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::exit,
    reason = "a table for people and an exit code are what this program is for"
)]
#![allow(unreachable_pub, reason = "nothing of a program can be reached from outside")]

mod capture;
mod cluster;
mod command;
mod contend;
mod drills;
mod forms;
mod inserter;
mod lab;
mod matrix;
mod observed;
mod operator;
mod product;
mod runner;
mod signals;
mod sql;
mod stage;
mod sweep;
mod table;
mod watch;

use std::process::{Command, exit};

use runner::{Drill, Tier, kept, misplaced, run};

const HELP: &str = "cargo test --test lab [-- NAME...]

Runs the drills whose name contains one of NAME, or that show a case of the matrix
of faults of that NAME (F23); all of the tier without NAME.
HACLUSTER_LAB=full      also the slow ones
HACLUSTER_LAB_KEEP=1    leave the lab as it is at the end
HACLUSTER_LAB_FROM=DIR  start from the snapshot in a lab that was left; DIR has its secrets
HACLUSTER_LAB_BINARY=F  another hacluster than the one just built";

const PLACES: &str = "every_case_of_the_matrix_is_in_one_place";

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.iter().any(|a| a == "--list") {
        if !args.iter().any(|a| a == "--ignored") {
            println!("{PLACES}: test");
        }
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
    let misplaced = misplaced(&[drills::lanes().concat(), drills::LAST.to_vec()].concat());
    if !misplaced.is_empty() {
        refuse(&format!("the matrix of faults:\n{}", misplaced.join("\n")));
    }
    if names != [PLACES] {
        drill(&names);
    }
}

/// The drills of these names, or that show these cases; all of them without names.
fn drill(names: &[String]) {
    let asked = |text: &str| names.iter().any(|name| text.contains(name.as_str()));
    let wanted = |d: &Drill| names.is_empty() || asked(d.name) || d.cases.iter().any(|case| asked(case));
    let (tier, mut lanes) = (tier(), drills::lanes().to_vec());
    let whole = names.is_empty() && tier == Tier::Full;
    if !whole || kept() {
        lanes = vec![lanes.concat()];
    }
    for lane in &mut lanes {
        lane.extend(drills::LAST);
        lane.retain(wanted);
    }
    if lanes.concat().is_empty() {
        println!("no drill's name contains {}\n0 passed, 0 failed, 0 skipped", names.join(" or "));
        return;
    }
    if !is_root() {
        refuse(
            "the lab needs root: namespaces, overlay mounts and containers; run `sudo -E cargo test --test lab`",
        );
    }
    signals::watch(lanes.len());
    if !run(&lanes, tier, whole) {
        exit(1);
    }
}

fn tier() -> Tier {
    match std::env::var("HACLUSTER_LAB").as_deref() {
        Ok("full") => Tier::Full,
        Ok("quick" | "") | Err(_) => Tier::Quick,
        Ok(other) => refuse(&format!("HACLUSTER_LAB is quick or full, not '{other}'")),
    }
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|o| o.stdout == b"0\n")
}

fn refuse(why: &str) -> ! {
    eprintln!("lab suite: {why}");
    exit(1);
}
