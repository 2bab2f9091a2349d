//! Owns the trial of what is asked before apt installs a version, and of what
//! packages' scripts find meanwhile in place of their tools. Must not know apt.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use hacluster::resource::PRELUDE;

const SHELLS: [&str; 2] = ["dash", "bash"];

/// Tools that only say what they were asked, before all others.
fn tool(folder: &Path, name: &str, text: &str) {
    let path = folder.join("bin").join(name);
    fs::create_dir_all(folder.join("bin")).unwrap();
    fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn run(shell: &str, folder: &Path, script: &str) -> Output {
    let path = format!("{}:{}", folder.join("bin").display(), std::env::var("PATH").unwrap());
    let text = format!("{PRELUDE}\n(\nset -eu\n{script}\n) 2>&1\n");
    let mut command = Command::new(shell);
    command.args(["-c", &text]).env("PATH", path).env("HAC_STATE", folder.join("state"));
    command.output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn only_a_version_that_apt_has_and_no_older_one() {
    for shell in SHELLS {
        let folder = tempfile::tempdir().unwrap();
        let rows = "printf '%s\\n' 'patroni | 4.0.8-1 | file:/srv ./ Packages' 'patroni |  4.0.7-3 | file:/srv ./ Packages' '   patroni | 4.0.7-3 | file:/srv ./ Sources'";
        tool(folder.path(), "apt-cache", &format!("[ \"$2\" != patroni ] || {rows}"));
        tool(folder.path(), "dpkg-query", "[ \"$3\" = patroni ] && printf 4.0.7-3");
        tool(folder.path(), "dpkg", "[ \"$3\" = lt ] && [ \"$2\" != \"$4\" ] && [ \"$2\" = 4.0.6-1 ]");
        let offers = |what: &str| run(shell, folder.path(), &format!("hac_offers {what}; echo fine"));
        for what in ["patroni 4.0.8-1", "patroni 4.0.7-3"] {
            assert_eq!(said(&offers(what)), "fine\n", "{what}");
        }
        let lacks = said(&offers("patroni 4.0.7"));
        assert_eq!(
            lacks,
            "apt offers no patroni 4.0.7 here: it has 4.0.8-1, 4.0.7-3; correct [packages.versions], or the host's sources\n"
        );
        assert!(said(&offers("patron 1")).contains("it has none at all"));
        tool(folder.path(), "dpkg-query", "printf 4.0.9-1");
        tool(folder.path(), "dpkg", "[ \"$2 $3 $4\" = '4.0.8-1 lt 4.0.9-1' ]");
        let older = said(&offers("patroni 4.0.8-1"));
        assert!(older.starts_with("patroni 4.0.9-1 is installed, and 4.0.8-1 is older: "), "{older}");
        assert!(older.contains("apt-get install --allow-downgrades patroni=4.0.8-1\n"), "{older}");
    }
}

/// What a package's script calls, and what its tool is asked then.
fn held(call: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    for name in ["deb-systemd-invoke", "invoke-rc.d"] {
        tool(folder.path(), name, "echo \"${0##*/} $*\"");
    }
    let script = format!("hac_hold patroni.service 'etcd-patroni@nas-a.service'\n{call}");
    let output = run("dash", folder.path(), &script);
    assert!(output.status.success(), "{call}: {}", said(&output));
    said(&output)
}

#[test]
fn scripts_of_packages_start_units_and_stop_none_that_is_held() {
    let stays =
        |tool: &str, unit: &str| format!("{tool}: {unit} stays as it is, and is restarted in its turn\n");
    for (call, expected) in [
        ("invoke-rc.d patroni restart", stays("invoke-rc.d", "patroni")),
        ("invoke-rc.d patroni stop", stays("invoke-rc.d", "patroni")),
        ("deb-systemd-invoke restart patroni.service", stays("deb-systemd-invoke", "patroni.service")),
        (
            "deb-systemd-invoke restart patroni.service patroni.timer",
            stays("deb-systemd-invoke", "patroni.service") + "deb-systemd-invoke restart patroni.timer\n",
        ),
        (
            "deb-systemd-invoke stop 'etcd-patroni@nas-a.service'",
            stays("deb-systemd-invoke", "etcd-patroni@nas-a.service"),
        ),
        ("invoke-rc.d patroni start", "invoke-rc.d patroni start\n".to_owned()),
        ("deb-systemd-invoke start patroni.service", "deb-systemd-invoke start patroni.service\n".to_owned()),
        (
            "invoke-rc.d --skip-systemd-native ssh restart",
            "invoke-rc.d --skip-systemd-native ssh restart\n".to_owned(),
        ),
        ("deb-systemd-invoke stop 'postgresql@17-*'", "deb-systemd-invoke stop postgresql@17-*\n".to_owned()),
        (
            "deb-systemd-invoke stop patroni-x.service",
            "deb-systemd-invoke stop patroni-x.service\n".to_owned(),
        ),
    ] {
        assert_eq!(held(call), expected, "{call}");
    }
}

/// Left behind by a run that was killed, it is in nobody's way.
#[test]
fn what_is_left_behind_holds_nothing() {
    let folder = tempfile::tempdir().unwrap();
    tool(folder.path(), "invoke-rc.d", "echo \"asked: $*\"");
    run("dash", folder.path(), "hac_hold patroni.service; kill -9 $$");
    assert!(folder.path().join("state/hold/invoke-rc.d").is_file());
    let later = run("dash", folder.path(), "invoke-rc.d patroni restart");
    assert_eq!(said(&later), "asked: patroni restart\n");
}
