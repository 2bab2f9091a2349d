//! Owns the check of every shell text: the shared functions, each script that a
//! case leads to, and the probe. Must not know what the scripts do.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use hacluster::facts::probe_body;
use hacluster::resource::PRELUDE;

use super::everything::everything;
use super::resources;

/// All texts as files: a script stands in a subshell, as the executor runs it.
fn texts(folder: &Path) -> Vec<PathBuf> {
    let mut texts = vec![
        ("prelude".to_owned(), PRELUDE.to_owned()),
        ("etcd_api".to_owned(), include_str!("../../src/resource/etcd_api.sh").to_owned()),
        ("patroni_api".to_owned(), include_str!("../../src/resource/patroni_api.sh").to_owned()),
        ("probe".to_owned(), probe_body(&everything(), "b7c1e0")),
    ];
    for (name, script) in resources::scripts() {
        texts.push((name, format!("(\nset -eu\n{script}\n)\n")));
    }
    let write = |(name, text): (String, String)| {
        let path = folder.join(name).with_extension("sh");
        fs::write(&path, text).unwrap();
        path
    };
    texts.into_iter().map(write).collect()
}

fn passes(program: &str, arguments: &[&str], files: &[PathBuf]) {
    let output = Command::new(program).args(arguments).args(files).output().unwrap_or_else(|error| {
        panic!("{program} cannot be run ({error}): `apt-get install {program}` on this machine")
    });
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}:\n{said}");
}

#[test]
fn shells_read_every_script() {
    let folder = tempfile::tempdir().unwrap();
    for path in texts(folder.path()) {
        passes("dash", &["-n"], std::slice::from_ref(&path));
        passes("bash", &["-n"], &[path]);
    }
}

/// The one text that is no shell's.
#[test]
fn perl_reads_its_script() {
    passes("perl", &["-c"], &[Path::new(env!("CARGO_MANIFEST_DIR")).join("src/facts/lan.pl")]);
}

/// Not wanted: shared functions that one script does not call count as
/// unreachable (2317), values in single quotes may hold a `$` (2016) or a `\` before
/// their end (1003), and /etc/os-release is the host's (1091).
const EXCEPT: &str = "SC1003,SC1091,SC2016,SC2317";

#[test]
fn shellcheck_finds_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let texts = texts(folder.path());
    passes("shellcheck", &["-s", "sh", "-f", "gcc", "-e", EXCEPT], &texts);
}
