//! Owns what a probe's answer may be at its worst: noise, cut anywhere, or
//! written to deceive. Must not know any single section's form.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use hacluster::facts::{Fact, Facts, Needs, PathType, parse, probe_body};

use super::answer::{NONCE, answer};
use super::everything::everything;

/// An answer in which some of everything is there and some is not.
pub(crate) fn whole() -> String {
    let sections = r#"
        debts = "one.service=restart"
        ledger = '{"version":1}'
        paths = { text = "regular file|0644|root|root|/etc/a b", status = 1 }
        hashes = "2c8b08da5ce60398e1f19af0e5dccc744df274b826abe585eaba68c525434806  /etc/a b"
        packages = { text = "one|ii |1.0", status = 1 }
        units = "Id=one.service\nLoadState=loaded\n\nId=two.service\nLoadState=not-found"
        users = { text = "one:x:1:1::/:/bin/sh", status = 2 }
        groups = { text = "one:x:1:", status = 2 }
        sysctls = { text = "vm.one=1", status = 1 }
        contents = { "/etc/a b" = "text" }
        public_keys = { "/etc/a b" = "00  -" }
        checks = { "test -e '/etc/a b'" = 0, "test -e '/etc/it's'" = 1, 'test -e ''/etc/x\x2dy''' = 124 }
        "etcd:one" = "data"
        "etcd:two" = ""
        patroni = "data"
    "#;
    let sections = sections.replace("'test -e ''/etc/x\\x2dy'''", r#""test -e '/etc/x\\x2dy'""#);
    answer(&toml::from_str(&sections).unwrap(), &everything())
}

/// What the fuzz target begins with.
#[test]
fn the_fuzz_seed_is_a_whole_answer() {
    let seed = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/seeds/probe/whole");
    if std::env::var("HACLUSTER_CASES").as_deref() == Ok("update") {
        fs::write(&seed, whole()).unwrap();
    }
    assert_eq!(fs::read_to_string(seed).unwrap(), whole());
}

fn same_or_unread<T: Debug + PartialEq>(cut: &BTreeMap<String, Fact<T>>, full: &BTreeMap<String, Fact<T>>) {
    assert_eq!(cut.len(), full.len(), "a key that was asked has no answer at all");
    for (key, fact) in cut {
        assert!(matches!(fact, Fact::Unreadable(_)) || fact == &full[key], "{key}: {fact:?}");
    }
}

pub(crate) fn no_more_than(cut: &Facts, full: &Facts) {
    same_or_unread(&cut.paths, &full.paths);
    same_or_unread(&cut.hashes, &full.hashes);
    same_or_unread(&cut.contents, &full.contents);
    same_or_unread(&cut.packages, &full.packages);
    same_or_unread(&cut.units, &full.units);
    same_or_unread(&cut.users, &full.users);
    same_or_unread(&cut.groups, &full.groups);
    same_or_unread(&cut.sysctls, &full.sysctls);
    same_or_unread(&cut.checks, &full.checks);
    same_or_unread(&cut.public_keys, &full.public_keys);
    same_or_unread(&cut.etcd, &full.etcd);
    assert!(matches!(cut.patroni, Some(Fact::Unreadable(_))) || cut.patroni == full.patroni);
    assert_eq!((&cut.debts, &cut.ledger), (&full.debts, &full.ledger));
}

#[test]
fn an_answer_cut_anywhere_never_makes_anything_absent() {
    let (text, needs) = (whole(), everything());
    let full = parse(&text, &needs, NONCE).unwrap();
    assert_eq!(full.checks.len(), 3);
    for at in (0..text.len()).filter(|at| text.is_char_boundary(*at)) {
        if let Ok(cut) = parse(&text[..at], &needs, NONCE) {
            no_more_than(&cut, &full);
        }
    }
}

#[test]
fn ten_megabytes_of_nonsense_are_read_in_time() {
    let needs = everything();
    let rows = "\u{1b}[2Jregular file|0644|root|root|/x\nstat: cannot statx '/x': Input/output error\n";
    let places = [
        ("data\n", "\n"),
        ("text\n", "b7c1e begin paths\n"),
        ("regular file|0644|root|root|/etc/a b\n", rows),
    ];
    for (place, line) in places {
        let body = line.repeat(10_000_000 / line.len());
        let start = worked();
        assert!(parse(&body, &needs, NONCE).is_err());
        parse(&whole().replacen(place, &format!("{body}\n"), 1), &needs, NONCE).unwrap();
        let took = worked().saturating_sub(start);
        assert!(took < Duration::from_secs(20), "{line:?}: {took:?}");
    }
}

/// Time this thread has had on a processor: others' load does not count.
fn worked() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}

fn probed(needs: &Needs) -> String {
    let mut child =
        Command::new("sh").arg("-s").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(probe_body(needs, NONCE).as_bytes()).unwrap();
    String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
}

/// The probe itself, run here: what it asks is what is read.
#[test]
fn a_real_probe_of_awkward_files_is_read_right() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let mut needs = Needs::default();
    for name in ["a b", r"back\x2dslash", "it's", "x -> y", "pi|pe", "$(false)"] {
        fs::write(at(name), "one\n").unwrap();
        needs.file(&at(name));
    }
    symlink("/a -> c", at("l -> m")).unwrap();
    Command::new("mkfifo").arg(at("pipe")).status().unwrap();
    for name in ["l -> m", "pipe", "none", "it's/below"] {
        needs.file(&at(name));
    }
    needs.contents.extend(["pipe", "none", "a b"].map(at));
    needs.public_keys.extend(["pipe", "none", "a b"].map(at));
    needs.checks.extend(["exit 3".to_owned(), "true".to_owned()]);
    needs.users.extend(["root".to_owned(), "nobody-here".to_owned()]);
    let start = worked();
    let output = probed(&needs);
    assert!(worked().saturating_sub(start) < Duration::from_secs(5), "the pipe was read");
    let facts = parse(&output, &needs, NONCE).unwrap_or_else(|e| panic!("{e}:\n{output}"));
    for name in ["a b", r"back\x2dslash", "it's", "x -> y", "pi|pe", "$(false)"] {
        assert_eq!(facts.paths[&at(name)].present().map(|p| p.kind), Some(PathType::File), "{name}");
        assert!(facts.hashes[&at(name)].present().unwrap().starts_with("2c8b08da"), "{name}");
    }
    let link = facts.paths[&at("l -> m")].present().unwrap();
    assert_eq!((link.kind, link.target.as_deref()), (PathType::Link, Some("/a -> c")));
    assert_eq!(facts.paths[&at("pipe")].present().map(|p| p.kind), Some(PathType::Other));
    assert_eq!(facts.paths[&at("none")], Fact::Absent);
    assert_eq!(facts.paths[&at("it's/below")], Fact::Absent);
    assert_eq!(facts.contents[&at("a b")], Fact::Present("one\n".to_owned()));
    assert_eq!(facts.contents[&at("none")], Fact::Absent);
    assert!(matches!(facts.contents[&at("pipe")], Fact::Unreadable(_)));
    assert_eq!(facts.public_keys[&at("none")], Fact::Absent);
    assert!(matches!(facts.public_keys[&at("pipe")], Fact::Unreadable(_)));
    assert_eq!((&facts.checks["exit 3"], &facts.checks["true"]), (&Fact::Present(3), &Fact::Present(0)));
    assert_eq!(facts.users["nobody-here"], Fact::Absent);
    assert!(!facts.identity.hostname.is_empty());
}
