//! Every shell text that playbooks hold, and every script they leave on a host.

use std::fs;
use std::process::Command;

use hacluster::resource::Kind;

use super::Cluster;

/// Lines that hosts run or ask, and files that are scripts.
fn texts(cluster: &Cluster) -> Vec<String> {
    let mut texts: Vec<String> = Vec::new();
    for resource in &cluster.resources {
        match cluster.resolve(resource, &cluster.facts(&resource.hosts[0])) {
            Kind::Command(command) => texts.extend([Some(command.run), command.unless].into_iter().flatten()),
            Kind::Unit(unit) => texts.extend(unit.healthy),
            Kind::Wait(wait) => texts.push(wait.run),
            Kind::File(file) => {
                texts.extend(file.validate.map(|line| line.replace("%s", "/tmp/file")));
                let text = file.text.map(|text| text.expose().to_owned());
                texts.extend(text.clone().filter(|text| text.starts_with("#!")));
                // What units run by a shell.
                let lines = text.iter().flat_map(|text| text.lines());
                let quoted = lines.filter_map(|line| line.split_once("=/bin/sh -c '")?.1.strip_suffix('\''));
                texts.extend(quoted.map(str::to_owned));
            }
            _ => {}
        }
    }
    texts.sort();
    texts.dedup();
    texts
}

#[test]
fn shellcheck_finds_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let cluster = Cluster::lab();
    let texts = texts(&cluster);
    assert!(texts.len() > 15 && texts.iter().any(|text| text.starts_with("#!/bin/sh")), "{texts:#?}");
    let mut check = Command::new("shellcheck");
    check.args(["-s", "sh", "-f", "gcc", "-S", "style"]);
    for (at, text) in texts.iter().enumerate() {
        let path = folder.path().join(format!("{at}.sh"));
        // A line that begins with a ! is no script's first.
        let text = if text.starts_with("#!") { text.clone() } else { format!("(\n{text}\n)\n") };
        fs::write(&path, text).unwrap();
        check.arg(path);
    }
    let output = check.output().unwrap_or_else(|error| panic!("shellcheck is missing: {error}"));
    assert!(output.status.success(), "{}\n{texts:#?}", String::from_utf8_lossy(&output.stdout));
}
