//! Owns the tests of the house's rules: a module may use only those that stand
//! above it in `lib.rs`, only reports and commands print, and files stay short.
//! Functions are clippy's matter (`.clippy.toml`).

use std::fs;
use std::path::{Path, PathBuf};

fn sources() -> Vec<(String, String)> {
    files("src")
}

fn files(folder: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut found = Vec::new();
    collect(&root, &root, &mut found);
    assert!(found.len() > 50);
    found
}

fn collect(root: &Path, dir: &Path, into: &mut Vec<(String, String)>) {
    let mut paths: Vec<PathBuf> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            collect(root, &path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root).unwrap().display().to_string();
            into.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
}

/// The code before its tests; tests may build what they need.
fn code(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests {").next().unwrap()
}

fn order() -> Vec<String> {
    let lib = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    let module = |line: &str| line.strip_prefix("pub mod ")?.strip_suffix(';').map(str::to_owned);
    lib.lines().filter_map(module).collect()
}

/// The module of the crate a file belongs to: `inventory/file.rs` to `inventory`.
fn module(name: &str) -> &str {
    name.split(['/', '.']).next().unwrap()
}

/// Modules named as `crate::X`, also within `use crate::{X, Y}`.
fn used(code: &str) -> Vec<String> {
    let word =
        |text: &str| -> String { text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect() };
    code.split("crate::")
        .skip(1)
        .flat_map(|rest| match rest.strip_prefix('{') {
            Some(list) => list[..list.find('}').unwrap()].split(',').map(|item| word(item.trim())).collect(),
            None => vec![word(rest)],
        })
        .collect()
}

#[test]
fn arrows_run_one_way() {
    let order = order();
    let place = |name: &str| order.iter().position(|module| module == name);
    let mut wrong = Vec::new();
    for (name, text) in sources() {
        let own = module(&name);
        let Some(at) = place(own) else { continue };
        // A file named tests.rs holds nothing else.
        if name.contains("tests") {
            continue;
        }
        for other in used(code(&text)) {
            match place(&other) {
                Some(above) if above <= at => {}
                Some(_) => wrong.push(format!("{name} uses {other}, which stands below {own}")),
                None => {}
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_module_is_in_the_list() {
    let order = order();
    for (name, _) in sources() {
        let own = module(&name);
        assert!(matches!(own, "lib" | "main") || order.iter().any(|module| module == own), "{name}");
    }
}

#[test]
fn only_reports_and_commands_print() {
    let prints = ["println!", "print!(", "eprint", "io::stdout", "io::stderr", "stdout()", "stderr()"];
    for (name, text) in sources() {
        if matches!(module(&name), "report" | "cmd" | "main") {
            continue;
        }
        let code = code(&text);
        let found = prints.iter().find(|word| code.contains(**word));
        assert!(found.is_none(), "{name} prints: {found:?}");
    }
}

/// Only `apply`, what it calls and `node remove` may hold a connection that can write.
#[test]
fn reading_commands_hold_probers_only() {
    for (name, text) in sources() {
        if module(&name) == "cmd"
            && !matches!(name.as_str(), "cmd/apply.rs" | "cmd/node_remove.rs" | "cmd/reach.rs")
            && !name.contains("tests")
        {
            assert!(!code(&text).contains("Connection"), "{name} names a connection");
        }
    }
}

#[test]
fn every_file_says_what_it_owns() {
    for (name, text) in sources() {
        let head: String = text.lines().take_while(|line| line.starts_with("//!")).collect();
        assert!(!head.is_empty(), "{name} has no header");
    }
}

#[test]
fn no_file_is_long() {
    for (name, text) in files("src").into_iter().chain(files("tests")) {
        let lines = text.lines().count();
        assert!(
            lines <= 250,
            "{name} has {lines} lines; 250 are the most: what in it is a subject of its own?"
        );
    }
}
