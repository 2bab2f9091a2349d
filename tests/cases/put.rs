//! Owns the trial of the shared shell functions on real files.
//! Must not know resource kinds.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use hacluster::resource::{PRELUDE, Wait};
use hacluster::shell::quote;
use tempfile::TempDir;

pub(super) const SHELLS: [&str; 2] = ["dash", "bash"];

pub(super) fn run(shell: &str, folder: &Path, script: &str) -> Output {
    start(Command::new(shell).arg("-s"), folder, script)
}

pub(super) fn start(command: &mut Command, folder: &Path, script: &str) -> Output {
    let mut child = command
        .env("HAC_STATE", folder.join("state"))
        .env("HAC_RUNTIME", folder.join("run"))
        .env("HAC_UNITS", folder.join("units"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let text = format!("{PRELUDE}\nme=$(id -un) mine=$(id -gn)\n(\nset -eu\n{script}\n)\n");
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn path(folder: &TempDir) -> String {
    quote(folder.path().join("a file.conf").to_str().unwrap())
}

fn put(folder: &TempDir, content: &str, rest: &str) -> String {
    format!("printf %s {} | hac_put {} 0640 \"$me\" \"$mine\" {rest}", quote(content), path(folder))
}

fn names(folder: &TempDir) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder.path())
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "state")
        .collect();
    names.sort();
    names
}

pub(super) fn good(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_file_gets_its_content_mode_and_owner() {
    for shell in SHELLS {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a file.conf");
        good(&run(shell, folder.path(), &put(&folder, "no newline", "")));
        assert_eq!(fs::read_to_string(&target).unwrap(), "no newline");
        assert_eq!(fs::metadata(&target).unwrap().permissions().mode() & 0o7777, 0o640);
        if fs::metadata(folder.path()).unwrap().uid() == 0 {
            let script = format!("printf x | hac_put {} 4750 nobody nogroup", path(&folder));
            good(&run(shell, folder.path(), &script));
            let found = fs::metadata(&target).unwrap();
            assert_eq!((found.uid(), found.permissions().mode() & 0o7777), (65534, 0o4750));
        }
        assert_eq!(names(&folder), ["a file.conf"]);
    }
}

#[test]
fn a_large_content_passes() {
    // Over 128 KiB no argument of a program can carry it; `printf` is built in.
    let content = "0123456789abcde\n".repeat(64 * 1024);
    for shell in SHELLS {
        let folder = tempfile::tempdir().unwrap();
        good(&run(shell, folder.path(), &put(&folder, &content, "")));
        assert_eq!(fs::read_to_string(folder.path().join("a file.conf")).unwrap(), content);
    }
}

#[test]
fn a_refused_content_leaves_the_old_one() {
    for shell in SHELLS {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a file.conf");
        fs::write(&target, "good").unwrap();
        let check = quote("grep -q good %s && test $(stat -c %%a %s) = 640");
        let refused = run(shell, folder.path(), &put(&folder, "bad", &check.replace("%%", "%")));
        assert!(!refused.status.success());
        assert!(String::from_utf8_lossy(&refused.stderr).contains("checker refused the new content"));
        assert_eq!(fs::read_to_string(&target).unwrap(), "good");
        assert_eq!(names(&folder), ["a file.conf"]);
        good(&run(shell, folder.path(), &put(&folder, "good too", &quote("grep -q good %s"))));
        assert_eq!(fs::read_to_string(&target).unwrap(), "good too");
    }
}

#[test]
fn the_content_before_this_run_is_kept() {
    for shell in SHELLS {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a file.conf");
        fs::write(&target, "zero").unwrap();
        let twice = format!("HAC_RUN=r1\n{}\n{}", put(&folder, "one", ""), put(&folder, "two", ""));
        good(&run(shell, folder.path(), &twice));
        let previous = folder.path().join("state/previous");
        let kept = format!("{}/r1{}", previous.display(), target.display());
        assert_eq!(fs::read_to_string(kept).unwrap(), "zero");
        assert_eq!(fs::metadata(previous).unwrap().permissions().mode() & 0o7777, 0o700);
        assert_eq!(fs::read_to_string(&target).unwrap(), "two");
    }
}

#[test]
fn previous_contents_of_ten_runs_are_kept() {
    for shell in SHELLS {
        let folder = tempfile::tempdir().unwrap();
        for run_number in 10..23 {
            let again = format!("HAC_RUN=r{run_number}\n{}", put(&folder, &run_number.to_string(), ""));
            good(&run(shell, folder.path(), &again));
        }
        let previous = fs::read_dir(folder.path().join("state/previous")).unwrap();
        let mut kept: Vec<String> =
            previous.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        kept.sort();
        // The first of them had nothing before it.
        let expected: Vec<String> = (13..23).map(|number| format!("r{number}")).collect();
        assert_eq!(kept, expected, "{shell}");
    }
}

/// An `apt-get` that says what its removal takes, and writes down what it did.
const APT: &str = "#!/bin/sh
case \" $* \" in
*' -s '*) printf 'Remv %s [1]\\n' game libapp ;;
*) echo \"$*\" >\"$HAC_STATE.done\" ;;
esac
";

#[test]
fn a_package_goes_only_with_those_that_may_go_too() {
    for shell in SHELLS {
        let folder = tempfile::tempdir().unwrap();
        let (done, apt) = (folder.path().join("state.done"), folder.path().join("apt-get"));
        fs::write(&apt, APT).unwrap();
        fs::set_permissions(&apt, fs::Permissions::from_mode(0o755)).unwrap();
        let path = format!("PATH={}:$PATH", quote(folder.path().to_str().unwrap()));
        let refused = run(shell, folder.path(), &format!("{path}\nhac_remove libapp app"));
        assert!(!refused.status.success());
        let said = String::from_utf8_lossy(&refused.stderr);
        assert!(said.contains("libapp stays: its removal would also remove game"), "{said}");
        assert!(!done.exists());
        good(&run(shell, folder.path(), &format!("{path}\nhac_remove libapp game app")));
        assert!(fs::read_to_string(&done).unwrap().ends_with("remove libapp\n"));
    }
}

#[test]
fn a_link_is_replaced_and_what_it_points_to_stays() {
    for shell in SHELLS {
        let folder = tempfile::tempdir().unwrap();
        let (target, other) = (folder.path().join("a file.conf"), folder.path().join("other"));
        for at in [&other, &folder.path().join("nowhere"), &folder.path().to_path_buf()] {
            fs::write(&other, "theirs").unwrap();
            let _ = fs::remove_file(&target);
            symlink(at, &target).unwrap();
            good(&run(shell, folder.path(), &put(&folder, "ours", "")));
            assert!(fs::symlink_metadata(&target).unwrap().is_file());
            assert_eq!(fs::read_to_string(&target).unwrap(), "ours");
            assert_eq!(fs::read_to_string(&other).unwrap(), "theirs");
        }
        assert_eq!(names(&folder), ["a file.conf", "other"]);
    }
}

#[test]
fn a_directory_in_the_way_and_a_missing_one_are_refused() {
    for shell in SHELLS {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("a file.conf")).unwrap();
        let refused = run(shell, folder.path(), &put(&folder, "x", ""));
        assert!(!refused.status.success());
        assert!(String::from_utf8_lossy(&refused.stderr).contains("is a directory: it stays"));
        assert_eq!(names(&folder), ["a file.conf"]);
        let nowhere = format!("printf x | hac_put {}/none/x 0644 \"$me\" \"$mine\"", folder.path().display());
        assert!(!run(shell, folder.path(), &nowhere).status.success());
        assert_eq!(names(&folder), ["a file.conf"]);
    }
}

#[test]
fn a_debt_grows_until_it_is_paid() {
    for shell in SHELLS {
        let folder = tempfile::tempdir().unwrap();
        let debt = folder.path().join("state/debt/x.service");
        let owe = |what: &str| good(&run(shell, folder.path(), &format!("hac_owe x.service {what}")));
        owe("reload");
        assert_eq!(fs::read_to_string(&debt).unwrap(), "reload\n");
        owe("restart");
        owe("reload");
        assert_eq!(fs::read_to_string(&debt).unwrap(), "restart\n");
        assert_eq!(fs::read_dir(debt.parent().unwrap()).unwrap().count(), 1);
        good(&run(shell, folder.path(), "hac_paid x.service"));
        assert!(!debt.exists());
    }
}

#[test]
fn a_check_that_hangs_does_not_outlive_the_deadline() {
    let folder = tempfile::tempdir().unwrap();
    let start = Instant::now();
    let late = run("dash", folder.path(), Wait::script("sleep 60", 1, 1).expose());
    assert!(!late.status.success());
    assert!(start.elapsed() < Duration::from_secs(10));
    good(&run("dash", folder.path(), Wait::script("true", 2, 5).expose()));
}

#[test]
fn a_unit_file_that_was_put_is_read_once_also_where_systemd_does_not_see_it() {
    for shell in SHELLS {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("run")).unwrap();
        fs::write(folder.path().join("run/reload"), "").unwrap();
        let script = "systemctl() { case $1 in show) echo NeedDaemonReload=no ;; *) echo \"$@\" ;; esac; }
            hac_reload_units chrony.service
            hac_reload_units chrony.service";
        let output = run(shell, folder.path(), script);
        good(&output);
        assert_eq!(String::from_utf8_lossy(&output.stdout), "daemon-reload\n", "{shell}");
    }
}

/// Else the unit differs after the run, and the step passes for one that is not idempotent.
#[test]
fn a_unit_file_that_no_other_step_reads_is_read_at_the_end_of_its_batch() {
    for shell in SHELLS {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("run")).unwrap();
        fs::write(folder.path().join("run/reload"), "").unwrap();
        let output = run(shell, folder.path(), "systemctl() { echo \"$@\"; }\nhac_settle\nhac_settle");
        good(&output);
        assert_eq!(String::from_utf8_lossy(&output.stdout), "daemon-reload\n", "{shell}");
    }
}
