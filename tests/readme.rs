//! Every TOML block and every command of the README is what the program reads.

use clap::Parser as _;
use hacluster::cli::Cli;
use hacluster::inventory::{Inventory, PORT_MAP, Row, Who};
use hacluster::span::Source;
use hacluster::{inventory, playbook};

const README: &str = include_str!("../README.md");

/// Fenced blocks of one language, their indentation taken off.
fn blocks(language: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut open: Option<String> = None;
    for line in README.lines().map(str::trim_start) {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(tag)) if tag == language => open = Some(String::new()),
            (Some(text), Some(_)) => {
                found.push(std::mem::take(text));
                open = None;
            }
            (Some(text), None) => {
                text.push_str(line);
                text.push('\n');
            }
            _ => {}
        }
    }
    found
}

#[test]
fn every_toml_block_is_an_inventory_or_a_playbook() {
    let blocks = blocks("toml");
    assert_eq!(blocks.len(), 7, "a block was added: this test reads all of them");
    for block in &blocks {
        // One without a cluster goes on from the first one.
        let whole = if block.contains("[cluster]") { block.clone() } else { blocks[0].clone() + block };
        if block.contains("[playbook]") {
            let read = playbook::parse(&Source::new("README.md", block.as_str()));
            assert!(read.is_ok(), "{}", read.unwrap_err());
        } else {
            let read = inventory::parse("README.md", whole.as_bytes());
            assert!(read.is_ok(), "{}", read.unwrap_err());
        }
    }
}

#[test]
fn every_command_is_one_the_program_takes() {
    let fenced = blocks("sh");
    let inline = README.split('`').skip(1).step_by(2).map(str::to_owned);
    let lines: Vec<String> = fenced.iter().flat_map(|b| b.lines()).map(str::to_owned).chain(inline).collect();
    let commands: Vec<&String> =
        lines.iter().filter(|line| line.starts_with("hacluster ") && !line.contains("COMMAND")).collect();
    assert!(commands.len() >= 10, "{commands:?}");
    for line in commands {
        let words: Vec<&str> = line.split_whitespace().collect();
        let mut parsed = Cli::try_parse_from(&words);
        // In the table a command stands alone, without what it needs to run.
        if let Err(error) = &parsed
            && error.kind() == clap::error::ErrorKind::MissingRequiredArgument
        {
            parsed = Cli::try_parse_from(words.iter().copied().chain(["--help"]));
            assert_eq!(parsed.unwrap_err().kind(), clap::error::ErrorKind::DisplayHelp, "{line}");
            continue;
        }
        assert!(parsed.is_ok(), "{line}: {}", parsed.unwrap_err());
    }
}

#[test]
fn every_script_it_names_is_there() {
    let scripts = [
        "tests/demo",
        "tests/all",
        "tests/lab/lab",
        "tests/bench/run",
        "tests/fuzz/run",
        ".ci/release",
        ".ci/deny.toml",
        "inventories/cold-storage.toml",
    ];
    for script in scripts {
        assert!(README.contains(script));
        assert!(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(script).is_file(), "{script}");
    }
}

/// A row of the map of ports as README shows it, with the numbers of the worked example.
fn port_row(row: &Row, inventory: &Inventory) -> String {
    let who = |who: &Who| match who {
        Who::Role(role) => format!("hosts with `{role}`"),
        Who::Operators => "`firewall.ssh_from`".to_owned(),
        Who::Clients => "`postgres.allow`, `[[postgres.hba]]`".to_owned(),
        Who::Lan => "the LAN".to_owned(),
        Who::Pods => "pods".to_owned(),
    };
    let number = row.number(inventory).unwrap();
    let port = if row.protocol == "vrrp" {
        format!("VRRP ({number})")
    } else {
        format!("{number}/{}", row.protocol)
    };
    let key = row.key().map(|key| format!(" `{key}`")).unwrap_or_default();
    let from: Vec<String> = row.from.iter().map(who).collect();
    let from = if from.is_empty() { "nobody".to_owned() } else { from.join(", ") };
    format!("| {port}{key} | {} | `{}` | {from} | {} |", row.service, row.on, row.why)
}

#[test]
fn the_table_of_ports_is_the_map() {
    let text = include_str!("../inventories/cold-storage.toml");
    let inventory = inventory::parse("cold-storage.toml", text.as_bytes()).unwrap();
    let expected: Vec<String> = PORT_MAP.iter().map(|row| port_row(row, &inventory)).collect();
    let (_, table) = README.split_once("| port | what listens |").unwrap();
    let found: Vec<&str> = table.lines().skip(2).take_while(|line| line.starts_with('|')).collect();
    assert!(found == expected, "README's table of ports should be:\n{}", expected.join("\n"));
}
