//! Inventories as data: every file of `cases/inventory` says itself which
//! problems it must have, in lines `#! CODE LINE:COLUMN message`, `#? help`,
//! `#& LINE:COLUMN second place`; a file without such lines must be fine.

#![expect(clippy::unwrap_used, reason = "data that cannot be read is a failed test")]

mod damage;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use hacluster::inventory::{self, Inventory};
use hacluster::problem::{Problem, Problems};
use proptest::prelude::*;

pub(crate) fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/inventory");
    let mut cases: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    cases
}

fn expected(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let told = text.trim_start_matches('\u{feff}').lines().take_while(|line| line.starts_with('#'));
    let told = told.filter(|line| line.starts_with("#!") || line.starts_with("#?") || line.starts_with("#&"));
    told.flat_map(|line| [line, "\n"]).collect()
}

fn shown(problem: &Problem) -> String {
    let at = |offset| {
        let (line, column) = problem.source.line_column(offset);
        format!("{line}:{column}")
    };
    let mut text = format!("#! {} {} {}\n", problem.code, at(problem.place().span.start), problem.message);
    if let Some(help) = &problem.help {
        writeln!(text, "#?   {help}").unwrap();
    }
    for (span, note) in &problem.labels[1..] {
        writeln!(text, "#&   {} {note}", at(span.start)).unwrap();
    }
    text
}

fn problems(result: &Result<Inventory, Problems>) -> &[Problem] {
    match result {
        Ok(inventory) => inventory.warnings(),
        Err(problems) => &problems.0,
    }
}

#[test]
fn every_case_has_the_problems_it_names() {
    let mut wrong = String::new();
    for case in cases() {
        let (name, bytes) =
            (case.file_name().unwrap().to_string_lossy().into_owned(), fs::read(&case).unwrap());
        let result = inventory::parse(&name, &bytes);
        let found: String = problems(&result).iter().map(shown).collect();
        if found != expected(&bytes) {
            writeln!(wrong, "{name}: expected\n{}found\n{found}", expected(&bytes)).unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// The bar for every message: a stable code, a fix, one line, no words of ours.
#[test]
fn every_problem_helps() {
    let mut bad = 0;
    for case in cases() {
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        let result = inventory::parse(&name, &fs::read(&case).unwrap());
        bad += usize::from(!problems(&result).is_empty());
        for problem in problems(&result) {
            let text = shown(problem);
            let inner = ["struct", "enum", "Option", "expected", "DeValue", "serde", "hunter2", "\u{1b}"];
            assert!(problem.help.as_deref().is_some_and(|help| !help.is_empty()), "{name}: no help: {text}");
            assert!(!inner.iter().any(|word| text.contains(word)), "{name}: {text}");
            assert!(
                (!problem.message.ends_with('.') || problem.message.ends_with(".."))
                    && !problem.message.contains('\n'),
                "{name}: {text}"
            );
            assert!(
                !problem.source.text.contains("hunter2") || !text.contains("E060"),
                "{name}: secret in source"
            );
            assert!(inventory::explain(problem.code).is_some(), "{name}: {} is not explained", problem.code);
        }
    }
    assert!(bad >= 40, "only {bad} bad cases");
}

/// The corpus of knowledge/reliability.md §6.2: each of its cases is a file here,
/// a test elsewhere, or of something that is not built yet.
#[test]
fn the_corpus_is_covered() {
    let list =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/inventory.md")).unwrap();
    let rows: Vec<Vec<&str>> = list
        .lines()
        .filter(|l| l.starts_with("| B"))
        .map(|l| l.split('|').map(str::trim).collect())
        .collect();
    assert_eq!(rows.len(), 56);
    let there: BTreeSet<String> =
        cases().iter().map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).collect();
    for row in rows.into_iter().filter(|row| !row[3].starts_with("not built")) {
        let words = row[3].split('`').skip(1).step_by(2);
        let missing: Vec<&str> =
            words.filter(|word| !word.contains("::") && !there.contains(*word)).collect();
        assert!(missing.is_empty(), "{}: {missing:?}", row[1]);
        assert!(row[3].contains('`'), "{row:?}");
    }
}

/// What would make large files in the repository.
#[test]
fn limits() {
    let first = |text: &str| problems(&inventory::parse("big.toml", text.as_bytes()))[0].clone();
    let head = "[cluster]\nname = \"big\"\n[network]\nsubnet = \"10.0.0.0/8\"\n";
    let node =
        |at: u32| format!("[[node]]\nname = \"n{at}\"\naddress = \"10.1.{}.{}\"\n", at / 250, at % 250 + 1);
    let nodes = |count| (0..count).map(node).collect::<String>();
    assert!(inventory::parse("big.toml", (head.to_owned() + &nodes(1000)).as_bytes()).is_ok());
    assert_eq!(first(&(head.to_owned() + &nodes(1001))).code, "HAC-E005");
    assert_eq!(first(&format!("{head}# {}", "x".repeat(1 << 20))).code, "HAC-E005");
    assert_eq!(first(&format!("a = {}", "[".repeat(10_000))).code, "HAC-E001");
    assert_eq!(first("").code, "HAC-E006");
    let missing = inventory::load(Path::new("/nonexistent/cluster.toml")).unwrap_err();
    assert_eq!(missing.0[0].code, "HAC-E004");
}

fn shipped(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("inventories").join(name);
    fs::read_to_string(path).unwrap()
}

#[test]
fn shipped_inventories_are_fine_and_cover_every_table() {
    for name in ["lab.toml", "cold-storage.toml"] {
        let text = shipped(name);
        let read = inventory::parse(name, text.as_bytes()).unwrap();
        let errors: String = read.warnings().iter().filter(|p| p.code != "HAC-W053").map(shown).collect();
        assert_eq!(errors, "", "{name}");
        for (table, _) in inventory::schema().filter(|(table, _)| !table.is_empty()) {
            assert!(read.place_of(table).is_some(), "{name} has no [{table}]");
        }
        assert_eq!(read.votes().tolerated(), ["any 2 nodes", "nas"], "{name}");
    }
}

#[test]
fn both_descriptions_of_seed_000_are_one_cluster() {
    let read = |name| inventory::parse(name, shipped(name).as_bytes()).unwrap();
    let (lab, seed) = (read("lab.toml"), read("cold-storage.toml"));
    assert_eq!(lab.vip, seed.vip);
    assert_eq!(lab.node.len(), seed.node.len());
    let members = |read: &Inventory| read.context()["computed"]["etcd_endpoints"].clone();
    assert_eq!(members(&lab), members(&seed));
}

/// The tables of a file, each with its keys and the comments before it.
fn blocks(text: &str) -> Vec<String> {
    let mut blocks = vec![String::new()];
    for line in text.lines() {
        if line.starts_with('[') {
            blocks.push(String::new());
        }
        let block = blocks.last_mut().unwrap();
        block.push_str(line);
        block.push('\n');
    }
    blocks
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_order_of_tables_means_nothing(order in Just(blocks(&shipped("lab.toml"))).prop_shuffle()) {
        let given = inventory::parse("lab.toml", shipped("lab.toml").as_bytes()).unwrap();
        let mut order = order;
        // Nodes are a list: their order is the hosts' order.
        let nodes: Vec<usize> = (0..order.len()).filter(|at| order[*at].starts_with("[[node]]")).collect();
        let mut sorted: Vec<String> = nodes.iter().map(|at| order[*at].clone()).collect();
        sorted.sort();
        for (at, node) in nodes.into_iter().zip(sorted) {
            order[at] = node;
        }
        let shuffled = inventory::parse("lab.toml", order.concat().as_bytes()).unwrap();
        prop_assert_eq!(&*given, &*shuffled);
        prop_assert_eq!(given.context(), shuffled.context());
    }
}

#[test]
fn places_follow_where_a_value_comes_from() {
    let text = shipped("lab.toml");
    let read = inventory::parse("lab.toml", text.as_bytes()).unwrap();
    let at = |path: &str| read.place_of(path).map(|place| text[place.span].to_owned());
    assert_eq!(at("vip.database").as_deref(), Some("\"192.168.15.200\""));
    assert_eq!(at("vip.router_id").as_deref(), Some("\"192.168.15.200\""));
    assert_eq!(at("postgres.ttl").as_deref(), Some("\"fast\""));
    assert_eq!(at("node[1].address").as_deref(), Some("\"192.168.15.102\""));
    assert_eq!(at("node[1].port").as_deref(), Some("[[node]]"));
    assert_eq!(at("computed.quorum"), None);
}

#[test]
fn components_say_what_is_not_built() {
    let read = inventory::parse("cold-storage.toml", shipped("cold-storage.toml").as_bytes()).unwrap();
    let built = |wanted: bool| -> Vec<&str> {
        let all = inventory::components(&read).into_iter().filter(|component| component.enabled);
        all.filter(|component| component.built == wanted).map(|component| component.name).collect()
    };
    assert_eq!(
        built(true),
        ["base", "firewall", "pki", "etcd", "postgres", "patroni", "databases", "keepalived"]
    );
    assert_eq!(built(false).len(), 9);
}
