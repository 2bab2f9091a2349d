//! Owns the check of every shell text: the shared functions, each script that a
//! case leads to, and the probe. Must not know what the scripts do.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use hacluster::facts::{EtcdEndpoint, Needs, PatroniEndpoint, probe_body};
use hacluster::resource::PRELUDE;

use super::resources;

/// What a host asked everything would be asked.
pub(super) fn everything() -> Needs {
    let mut needs = Needs::default();
    for name in ["/etc/a b", "/etc/it's", r"/etc/x\x2dy"] {
        needs.file(name);
        needs.contents.insert(name.to_owned());
        needs.public_keys.insert(name.to_owned());
        needs.entries.insert(name.to_owned());
        needs.shipped.insert(name.to_owned());
        needs.checks.insert(format!("test -e '{name}'"));
    }
    for name in ["one", "two"] {
        needs.packages.insert(name.to_owned());
        needs.removals.insert(name.to_owned());
        needs.units.insert(format!("{name}.service"));
        needs.users.insert(name.to_owned());
        needs.groups.insert(name.to_owned());
        needs.sysctls.insert(format!("vm.{name}"));
        let endpoint = EtcdEndpoint {
            client_url: "https://127.0.0.1:2479".to_owned(),
            metrics_url: "http://127.0.0.1:2481".to_owned(),
            data: "/var/lib/the etcd".to_owned(),
            identity: "/etc/hacluster/client".to_owned(),
            ca: "/etc/hacluster/ca.crt".to_owned(),
        };
        needs.etcd.insert(name.to_owned(), endpoint);
    }
    needs.patroni = Some(PatroniEndpoint {
        url: "https://127.0.0.1:8008".to_owned(),
        ca: "/etc/patroni/ca.crt".to_owned(),
        data: "/var/lib/postgresql/17/main".to_owned(),
    });
    needs
}

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
