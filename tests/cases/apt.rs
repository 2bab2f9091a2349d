//! Owns the trial of whose turn it is at apt, of what is asked before it installs a
//! version, and of what packages' scripts find meanwhile. Must not know apt.

use std::fs;
use std::io::Read as _;
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

/// Holds a lock as apt does, as long as it lives; its own name is `unattended-upgr`.
struct Holder(std::process::Child);

impl Holder {
    fn new(file: &Path) -> Self {
        let program = "use Fcntl; $0 = 'unattended-upgr'; open my $f, '>', $ARGV[0] or die; \
             my $l = pack 's s x4 q q i x4', F_WRLCK, 0, 0, 0, 0; fcntl $f, F_SETLK, $l or die $!; print qq(held\\n); close STDOUT; sleep 60";
        let mut perl = Command::new("perl");
        let mut child =
            perl.args(["-e", program]).arg(file).stdout(std::process::Stdio::piped()).spawn().unwrap();
        let mut said = String::new();
        child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!(said, "held\n");
        Self(child)
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// Whoever is at apt is named and left alone; a file that lies there holds nobody up.
#[test]
fn whoever_is_at_apt_is_waited_for_and_named() {
    for shell in SHELLS {
        let folder = tempfile::tempdir().unwrap();
        let lock = folder.path().join("lock");
        tool(folder.path(), "apt-get", "echo \"asked: $*\"");
        // Waiting costs no time here.
        tool(folder.path(), "sleep", "[ ! -e \"$HAC_STATE/end\" ] || kill \"$(cat \"$HAC_STATE/end\")\"");
        fs::create_dir(folder.path().join("state")).unwrap();
        let script = format!(
            "hac_nonce=N HAC_APT_LOCKS='/nowhere {}' HAC_APT_SECONDS=7; hac_apt update && echo done",
            lock.display()
        );
        fs::write(&lock, "").unwrap();
        let asked = "asked: -o DPkg::Lock::Timeout=7 -q update\ndone\n";
        assert_eq!(said(&run(shell, folder.path(), &script)), asked);

        let holder = Holder::new(&lock);
        let by = format!("held by unattended-upgr (pid {})", holder.0.id());
        let refused = said(&run(shell, folder.path(), &script));
        let waits = |seconds: u32| format!("N waits apt {by} for {seconds} s\n");
        let told = format!(
            "{}{}apt was not free within 7 s: {by}. It was left alone: wait until it has ended, or end it, then apply again\n",
            waits(0),
            waits(5)
        );
        assert_eq!(refused, told, "{shell}");

        fs::write(folder.path().join("state/end"), holder.0.id().to_string()).unwrap();
        let freed = said(&run(shell, folder.path(), &script));
        let number = |line: &str| line.strip_prefix("N free apt ").and_then(|s| s.parse::<u32>().ok());
        assert!(freed.starts_with(&waits(0)) && freed.ends_with(asked), "{shell}: {freed}");
        assert!(freed.lines().any(|line| number(line).is_some_and(|n| n > 0 && n < 7)), "{shell}: {freed}");
    }
}
