//! Values that an inventory may hold and a shell or a file would read otherwise: they
//! arrive as they are, or nothing is sent.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use hacluster::facts::Facts;
use hacluster::facts::view::View;
use hacluster::lint::Lint;
use hacluster::resource::{Change, Kind};
use serde_json::{Value, json};

use super::lab_with;

/// In single quotes of TOML.
const VALUES: [&str; 8] = [
    "$(touch HERE)",
    "`touch HERE`; touch HERE #",
    "a: b\", \"c\": [\\",
    "\\u0041 \\x41 \\n %n %s %% ${HOME} $$",
    "* [x] {y} !z &w @v | > ?",
    "/* -- */ E'x' <b>é漢𝕏</b>",
    " a  b ",
    "~ ~root null yes 0x10 1e3",
];

/// Runs a step's script where its helpers are replaced by `functions`.
fn run(folder: &Path, functions: &str, kind: &Kind, change: &Change) {
    let text = format!("{functions}\n{}", kind.manage().apply(change).expose());
    Command::new("dash").args(["-c", &text]).current_dir(folder).output().unwrap();
}

/// Values of the inventory and of a host's facts, through template and script.
#[test]
fn hostile_values_arrive_as_they_are_and_run_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("ran");
    let values = VALUES.map(|value| value.replace("HERE", trace.to_str().unwrap()));
    parameters(folder.path(), &values);
    facts(folder.path(), &values);
    assert!(!trace.exists(), "a value was run");
}

fn parameters(folder: &Path, values: &[String]) {
    let rows = values.iter().enumerate().map(|(at, value)| format!("\"extra.a{at}\" = '''{value}'''\n"));
    let table = format!("[postgres.parameters]\n{}\n[timescaledb]", rows.collect::<String>());
    let cluster = lab_with("[timescaledb]", &table);
    let kind = cluster.kind("cluster/patroni_config:settings of the whole cluster", |_| ());
    let yaml = cluster.text("node1/file:/etc/patroni/config.yml");

    let mut view = View::default();
    view.patroni.config = Some(json!({}));
    let change = kind.manage().diff(&Facts::default(), &view);
    let curl = "curl() { for word; do case $word in @*) cat \"${word#@}\" >>sent ;; esac; done; }";
    run(folder, curl, &kind, &change);
    let sent: Value = serde_json::from_slice(&fs::read(folder.join("sent")).unwrap()).unwrap();

    let mut meant = BTreeMap::new();
    for (at, value) in values.iter().enumerate() {
        let name = format!("extra.a{at}");
        assert_eq!(sent["postgresql"]["parameters"][&name], **value);
        meant.insert(format!("bootstrap.dcs.postgresql.parameters.{name}"), value.clone());
    }
    assert_eq!(Lint::Patroni.compare(&yaml, &meant), Vec::new());
}

fn facts(folder: &Path, values: &[String]) {
    let cluster = lab_with("version = 17", "version = 17\npackages = \"pgdg\"");
    for value in values {
        let id = "node1/file:/etc/apt/sources.list.d/pgdg.sources";
        let kind = cluster.kind(id, |facts| facts.identity.codename.clone_from(value));
        run(folder, "hac_put() { cat >put; }", &kind, &Change::Create(Vec::new()));
        let put = fs::read_to_string(folder.join("put")).unwrap();
        assert!(put.contains(&format!("\nSuites: {value}-pgdg\n")), "{put}");
    }
}
