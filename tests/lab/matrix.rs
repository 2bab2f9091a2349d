//! Owns the matrix of faults (`knowledge/reliability.md` §5.3): what is expected of
//! each case, and where it is shown. Must not know how a drill is done.
//!
//! Where that page and `design.md` differ (exit codes, times), the design counts
//! and the row says so.

use std::path::Path;
use std::{fs, io};

use Place::{Drill, Later, Test};

/// Where a case is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// By the one drill that has its id in `cases`.
    Drill,
    /// By a unit or integration test of this name.
    Test(&'static str),
    /// By nothing: what it is about comes later.
    Later(&'static str),
}

#[derive(Debug, Clone, Copy)]
pub struct Case {
    pub id: &'static str,
    /// Marked by a star: it must be shown before a first release.
    pub first: bool,
    pub expected: &'static str,
    pub place: Place,
}

const fn star(id: &'static str, expected: &'static str, place: Place) -> Case {
    Case { id, first: true, expected, place }
}

const fn case(id: &'static str, expected: &'static str, place: Place) -> Case {
    Case { id, first: false, expected, place }
}

/// In the order of the page.
pub const MATRIX: [Case; 58] = [
    star("F01", "control killed at every boundary: resumed, equal to a twin", Drill),
    star("F02", "Ctrl-C: no new steps, exit 5, lock free, resumable", Drill),
    case("F04", "terminal closed: as Ctrl-C; a closed pipe is no panic", Drill),
    case("F05", "control's disk full: nothing is done that no journal holds", Drill),
    star("F07", "two operators at once: one runs, the other names him (exit 1)", Drill),
    star("F08", "stale lock: free in 35 s, the next run adopts and says so", Drill),
    star("F10", "host edited after the plan: refused (exit 1), named, 0 effects", Drill),
    case("F11", "saved plan tampered with: refused, 0 effects", Drill),
    case("F13", "holder returns as a zombie: 0 effects by it", Drill),
    case("F14", "leader moves after the plan: order recomputed, leader last", Drill),
    star("F16", "link drops in a silent step: found again, done once", Drill),
    star("F17", "link drops in a printing step: found again, done once", Drill),
    case("F19", "sshd restarted by our own step: reconnected, confirmed, gone on", Drill),
    star("F20", "sshd locks us out: taken back, login works in <= 40 s", Drill),
    star("F22", "many steps at once: one connection a host, 0 refused", Drill),
    star("F23", "changed host key: refused (exit 4), both prints, way to pin", Drill),
    case("F25", "unknown host: refused (exit 4), way to pin", Drill),
    case("F26", "revoked host key: refused (exit 4)", Drill),
    case("F28", "10 % of packets lost: done, or a clean second try", Drill),
    case("F29", "sudo broken: that host left out (exit 4), the line that helps", Drill),
    case("F31", "hostile output: capped, escaped", Test("a_hundred_megabytes_cost_no_memory")),
    star("F32", "host reboots in a step: seen, read again, resumed", Drill),
    star("F34", "disk full: refused before; in the middle the old file stays", Drill),
    case("F35", "no inodes: as with a full disk", Drill),
    case("F37", "/tmp full and noexec: no matter", Drill),
    star("F38", "apt locked: waited for with the holder named, given up in time", Drill),
    star("F40", "mirror down: told, no service's file before its package", Drill),
    case("F41", "repository's signature wrong or expired: refused, 0 packages", Drill),
    case("F43", "a package asks about its file: no question, ours stays", Drill),
    star("F44", "download cut or flipped: never executed", Later("downloads come with K3s and cloudflared")),
    case("F46", "clock wrong: refused; no time server: no matter", Drill),
    star("F47", "DNS dead on hosts: no write missed, apply goes on", Drill),
    case(
        "F49",
        "cloned machines: refused before anything",
        Test("what_stands_against_a_change_is_told_with_its_fix"),
    ),
    case("F50", "immutable file: the attribute is named", Test("what_cannot_be_changed_is_named")),
    case("F52", "mask 000: modes exact", Drill),
    case("F53", "leftovers of a run: gone or adopted", Drill),
    star("F55", "invalid keepalived file: stopped before the swap, gap 0", Drill),
    star("F56", "keepalived file cut at any line: never swapped", Drill),
    star("F58", "service does not start: old file and process in 15 s, exit 1", Drill),
    case("F59", "starts, crashes in the 3 s it is watched (page: 8 s): put back", Drill),
    case("F61", "reload is enough: same process, 0 connections dropped", Drill),
    case("F62", "bad Redis directive: caught before", Later("Redis")),
    star("F64", "member dies in a rolling change: the next is not touched", Drill),
    star("F65", "restart of all: standbys, switchover, old leader; gap <= 5 s", Drill),
    case("F67", "nobody to switch over to: refused, leader untouched", Drill),
    case("F68", "Patroni paused: refused with the way to resume", Drill),
    star("F70", "wiped node, same address: key refused, pinned, member again", Drill),
    star("F71", "address in use by a stranger: refused with his MAC", Drill),
    star("F73", "NAS away: the rest converges (exit 4), gap 0", Drill),
    case("F74", "Cloudflare's errors: waited out; a bad token told early", Later("Cloudflare")),
    star("F76", "primary frozen: another leads, the old one steps back, 0 lost", Drill),
    case("F77", "etcd's alarm: refused with the way out", Drill),
    star("F79", "corrupt backup: does not count", Later("backups")),
    case("F80", "restore onto a running cluster: refused", Later("backups")),
    star("F82", "power cut of all: the address answers in 75 s, nothing lost", Drill),
    case("F83", "certificates expired: renewed without losing quorum", Drill),
    star("F85", "malicious inventory and facts: rejected or inert, nothing run", Drill),
    case(
        "F86",
        "age: wrong key, tampered file, open key: refused",
        Test("what_cannot_be_read_is_told_apart"),
    ),
];

/// What is wrong with the matrix, given which cases the drills say they show.
pub fn wrong(claims: &[(&'static str, &'static str)]) -> io::Result<Vec<String>> {
    let mut wrong = Vec::new();
    for pair in MATRIX.windows(2).filter(|pair| pair[0].id >= pair[1].id) {
        wrong.push(format!("{} comes after {}", pair[1].id, pair[0].id));
    }
    for (drill, id) in claims.iter().filter(|(_, id)| MATRIX.iter().all(|case| case.id != *id)) {
        wrong.push(format!("{drill} shows {id}, which is no case"));
    }
    let sources = [sources(Path::new("src"))?, sources(Path::new("tests"))?].concat();
    for case in MATRIX {
        let drills: Vec<&str> =
            claims.iter().filter(|(_, id)| *id == case.id).map(|(drill, _)| *drill).collect();
        match case.place {
            Drill if drills.len() == 1 => {}
            Test(name) if drills.is_empty() && sources.contains(&format!("fn {name}(")) => {}
            Later(why) if drills.is_empty() && !why.is_empty() => {}
            place => {
                wrong.push(format!("{}: {place:?}, and these drills say they show it: {drills:?}", case.id));
            }
        }
    }
    Ok(wrong)
}

/// All Rust below a folder of the project.
fn sources(folder: &Path) -> io::Result<String> {
    let mut text = String::new();
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder))? {
        let path = entry?.path();
        if path.is_dir() {
            text.push_str(&sources(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&fs::read_to_string(&path)?);
        }
    }
    Ok(text)
}
