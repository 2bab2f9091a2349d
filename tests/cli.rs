//! Owns the tests of the program itself: its words, its exit codes, its streams.
//! No test here contacts a host.

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

pub(crate) const GOOD: &str = r#"[cluster]
name = "cold"

[network]
subnet = "192.168.15.0/24"

[[node]]
name = "node1"
address = "192.168.15.101"

[[node]]
name = "node2"
address = "192.168.15.102"

[[node]]
name = "node3"
address = "192.168.15.103"

[vip]
database = "192.168.15.200"

[etcd]

[postgres]
version = 17

[k3s]
version = "v1.36.3+k3s1"
"#;

/// A folder of its own, and nothing of the caller's environment.
pub(crate) struct Place(TempDir);

#[must_use = "look at the exit code or the streams"]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Place {
    pub(crate) fn new(inventory: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("cluster.toml"), inventory).unwrap();
        Self(dir)
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hacluster"));
        command.args(arguments).current_dir(self.path()).env_clear().env("HOME", self.path());
        command.stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        ended(self.command(arguments).output().unwrap())
    }
}

pub(crate) fn ended(output: Output) -> Ended {
    let [out, err] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    Ended { code: output.status.code().unwrap(), out, err }
}

#[test]
fn a_good_inventory_is_valid() {
    let place = Place::new(GOOD);
    let ended = place.run(&["validate"]);
    assert_eq!((ended.code, ended.err.as_str()), (0, ""));
    let out = uncounted(&ended.out);
    insta::assert_snapshot!(out, @"
    k3s is in the file (cluster.toml:27) and is not built yet: left out.
    cold: valid. 3 hosts, N resources, votes 1,1,1 (quorum 2): can lose any 1 node.
    ");
    assert!(!place.path().join("secrets.toml").exists());
    let quiet = place.run(&["-q", "validate"]);
    assert_eq!((quiet.code, quiet.out.as_str()), (0, ""));
}

// Their number grows with the playbooks.
fn uncounted(text: &str) -> String {
    let words: Vec<&str> = text.split(' ').collect();
    let count = words.windows(2).find(|pair| pair[1].starts_with("resources")).map(|pair| pair[0]);
    count
        .map_or_else(|| text.to_owned(), |count| text.replace(&format!(" {count} resources"), " N resources"))
}

#[test]
fn problems_are_boxes_with_places() {
    let place = Place::new(&GOOD.replace("name = \"cold\"", "name = \"cold\"\nnmae = \"x\""));
    let ended = place.run(&["validate"]);
    assert_eq!((ended.code, ended.out.as_str()), (1, ""));
    insta::assert_snapshot!(ended.err, @r#"
    HAC-E010

      × `nmae` is no key of [cluster]
       ╭─[cluster.toml:3:1]
     2 │ name = "cold"
     3 │ nmae = "x"
       · ────
     4 │ 
       ╰────
      help: did you mean `name`?

    error: 1 problem
    "#);
    let json = place.run(&["--json", "validate"]);
    assert_eq!((json.code, json.err.as_str()), (1, ""));
    let lines: Vec<serde_json::Value> = json.out.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(lines[0]["version"], 1);
    assert_eq!((&lines[1]["code"], &lines[1]["places"][0]["line"]), (&"HAC-E010".into(), &3.into()));
    assert_eq!((&lines[2]["type"], &lines[2]["reason"]), (&"error".into(), &"configuration".into()));
}

#[test]
fn usage_errors_are_errors_not_drift() {
    let place = Place::new(GOOD);
    for arguments in [&["plan", "--bogus"][..], &["nonsense"], &[], &["-v", "-q", "validate"]] {
        let ended = place.run(arguments);
        assert_eq!((ended.code, ended.out.as_str()), (1, ""), "{arguments:?}");
        assert!(ended.err.contains("Usage:"), "{}", ended.err);
    }
    let ended = place.run(&["-f", "other.toml", "validate"]);
    assert_eq!(ended.code, 1);
    assert!(ended.err.contains("cannot read other.toml"), "{}", ended.err);
    let ended = place.run(&["apply", "--on", "node9"]);
    assert!(
        ended.err.contains("no host node9") && ended.err.contains("node1, node2, node3"),
        "{}",
        ended.err
    );
    assert_eq!(place.run(&["--templates", "no", "validate"]).code, 1);
}

#[test]
fn the_environment_stands_in_for_flags() {
    let place = Place::new("");
    fs::write(place.path().join("other.toml"), GOOD).unwrap();
    let mut command = place.command(&["validate"]);
    command.envs([("HACLUSTER_FILE", "other.toml"), ("HACLUSTER_JSON", "1"), ("HACLUSTER_COLOR", "always")]);
    let ended = ended(command.output().unwrap());
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert!(ended.out.starts_with("{\"hacluster\""));
}

#[test]
fn colours_are_asked_for() {
    let place = Place::new(GOOD);
    assert!(!place.run(&["validate"]).out.contains('\u{1b}'));
    assert!(place.run(&["--color", "always", "validate"]).out.contains('\u{1b}'));
    let forced = |variables: &[(&str, &str)]| {
        let mut command = place.command(&["validate"]);
        command.envs(variables.iter().copied());
        ended(command.output().unwrap()).out.contains('\u{1b}')
    };
    assert!(forced(&[("CLICOLOR_FORCE", "1")]));
    assert!(!forced(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
}

#[test]
fn help_and_completions_come_at_once() {
    let (place, start) = (Place::new(""), Instant::now());
    let help = place.run(&["--help"]);
    assert!(start.elapsed() < Duration::from_secs(2));
    assert_eq!(help.code, 0);
    for word in ["validate", "plan", "apply", "drift-check", "status", "graph", "render", "explain"] {
        assert!(help.out.contains(word) && place.run(&[word, "--help"]).code == 0, "{word}");
    }
    for shell in ["bash", "zsh", "fish"] {
        let script = place.run(&["completions", shell]);
        assert!(script.code == 0 && script.out.contains("drift-check"), "{shell}");
    }
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let place = Place::new(GOOD);
    let mut child = place.command(&["graph"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut err = String::new();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    assert_eq!((child.wait().unwrap().code(), err.as_str()), (Some(0), ""));
}

#[test]
fn graphs_name_only_nodes_they_have() {
    let place = Place::new(GOOD);
    let dot = place.run(&["graph"]);
    assert_eq!(dot.code, 0);
    let lines = || dot.out.lines().map(str::trim);
    assert!(dot.out.starts_with("digraph {") && dot.out.trim_end().ends_with('}'));
    let nodes: Vec<&str> = lines().filter_map(|l| l.split_once(" [ label=")).map(|(n, _)| n).collect();
    let edges: Vec<(&str, &str)> = nodes.iter().filter_map(|node| node.split_once(" -> ")).collect();
    assert!(edges.len() > 100);
    for (from, to) in edges {
        assert!(nodes.contains(&from) && nodes.contains(&to), "{from} -> {to}");
    }
    assert!(dot.out.contains("packages come first"));
    let mermaid = place.run(&["graph", "--format", "mermaid"]);
    assert!(mermaid.code == 0 && mermaid.out.starts_with("flowchart LR\n"));
}

#[test]
fn faults_are_arithmetic() {
    let place = Place::new(GOOD);
    let ended = place.run(&["explain", "faults"]);
    assert_eq!(ended.code, 0);
    insta::assert_snapshot!(ended.out, @"
    cold: votes 1,1,1: 2 of 3 decide, 1 can be lost.

    LOST AT ONCE  VOTES LEFT  THEN
    any 1 node    2 of 3      survived: writes go on
    any 2 nodes   1 of 3      no writes until hosts return; reads go on

    How: a plain majority of etcd's votes, nothing else. Hosts lost one after another
    count together: a dead member keeps its vote until somebody removes it.
    In what time: without the leader's host no writes for 25 to 35 s; up to 41 s
    when etcd's leader dies with it (Patroni ttl 30, loop_wait 5). A replica lost costs nothing.
    ");
}

#[test]
fn a_template_is_shown_without_its_secrets() {
    let place = Place::new(GOOD);
    let rendered = place.run(&["render", "etcd/member.env.j2", "--host", "node2"]);
    assert_eq!(rendered.code, 0, "{}", rendered.err);
    assert!(rendered.out.contains("ETCD_NAME=node2"), "{}", rendered.out);
    assert!(!place.path().join("secrets.toml").exists());
    let own = place.path().join("templates/own");
    fs::create_dir_all(&own).unwrap();
    fs::write(own.join("a.j2"), "{{ host.name }} {{ secret('patroni.rest') }}\n").unwrap();
    let rendered = place.run(&["render", "own/a.j2", "--host", "node2"]);
    assert_eq!((rendered.code, rendered.out.as_str()), (0, "node2 (patroni.rest)\n"), "{}", rendered.err);
    assert_eq!(place.run(&["render", "own/b.j2", "--host", "node2"]).code, 1);
}
