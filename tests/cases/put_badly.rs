//! Owns what writing a file meets that keeps it from being written: the old one
//! stays whole, nothing is left behind, and the words say why. Must not know kinds.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::process::{Command, Output};

use tempfile::TempDir;

use super::put::{SHELLS, good, run, start};

const PUT: &str = "hac_put \"$target\" 0640 \"$me\" \"$mine\"";

fn said(output: &Output) -> String {
    assert!(!output.status.success(), "it went well");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// In a mount namespace, where `$there` is a file system of 64 KiB with a file.
fn on_small(shell: &str, folder: &TempDir, script: &str) -> Output {
    let root = fs::metadata(folder.path()).unwrap().uid() == 0;
    let mut command = Command::new("unshare");
    command.args([if root { "-m" } else { "-rm" }, shell, "-s"]);
    let there = folder.path().join("small");
    fs::create_dir(&there).unwrap();
    let there = there.display();
    let text = format!(
        "there={there} target={there}/x.conf\nmount -t tmpfs -o size=64k,nr_inodes=5 none $there\n\
         echo old >$target\n{script}\nls -A $there >&2\ncat $target >&2\nexit 1"
    );
    start(&mut command, folder.path(), &text)
}

#[test]
fn a_full_file_system_keeps_the_old_file() {
    for shell in SHELLS {
        let folder = tempfile::tempdir().unwrap();
        let script = format!("head -c 100000 /dev/zero | tr '\\0' x | {{ {PUT} || :; }}");
        let said = said(&on_small(shell, &folder, &script));
        let end = format!("{} is full (0 KiB are free); make room there\nx.conf\nold\n", "small");
        assert!(said.ends_with(&end), "{said}");
        assert!(said.contains("x.conf was not written and is as it was: the file system on "), "{said}");
    }
}

#[test]
fn a_file_system_without_inodes_keeps_the_old_file() {
    for shell in SHELLS {
        let folder = tempfile::tempdir().unwrap();
        let script = format!("touch $there/1 $there/2 $there/3; echo new | {{ {PUT} || :; }}");
        let said = said(&on_small(shell, &folder, &script));
        assert!(
            said.contains("small has no inode left; remove files there\n1\n2\n3\nx.conf\nold\n"),
            "{said}"
        );
    }
}

#[test]
fn a_read_only_file_system_is_named() {
    for shell in SHELLS {
        let folder = tempfile::tempdir().unwrap();
        let script = format!("mount -o remount,ro $there; echo new | {{ {PUT} || :; }}");
        let said = said(&on_small(shell, &folder, &script));
        assert!(said.contains("small is read-only; see dmesg for why, then mount it anew\n"), "{said}");
        assert!(said.ends_with("x.conf\nold\n"), "{said}");
    }
}

#[test]
fn room_for_what_was_there_before_is_needed_too() {
    for shell in SHELLS {
        let folder = tempfile::tempdir().unwrap();
        let script = format!(
            "HAC_STATE=$there/state; target={}/x.conf; head -c 70000 /dev/zero >$target; echo new | {{ {PUT} || :; }}
             find $there -type f -size +0 >&2; stat -c %s $target >&2; exit 1",
            folder.path().display()
        );
        let said = said(&on_small(shell, &folder, &script));
        assert!(said.contains("was not written and is as it was: the file system on"), "{said}");
        assert!(said.ends_with("small/x.conf\n70000\n"), "{said}");
    }
}

#[test]
fn what_cannot_be_changed_is_named() {
    for shell in SHELLS {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("x.conf");
        fs::write(&target, "old").unwrap();
        let script = format!(
            "target={}; mv() {{ case $* in */state/*) command mv \"$@\" ;; *) return 1 ;; esac; }}
             lsattr() {{ echo '----i---------e------- ./x.conf'; }}\necho new | {PUT}",
            target.display()
        );
        let said = said(&run(shell, folder.path(), &script));
        assert!(said.ends_with("is immutable; lsattr shows it, chattr -i takes it away\n"), "{said}");
        assert_eq!(fs::read_to_string(&target).unwrap(), "old");
        assert!(!folder.path().join(".x.conf.hacluster").exists());
    }
}

#[test]
fn the_mode_does_not_depend_on_the_mask_and_leftovers_go() {
    for shell in SHELLS {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("x.conf");
        fs::write(folder.path().join(".x.conf.hacluster"), "half a secr").unwrap();
        let script = format!("target={}; umask 000; echo new | {PUT}", target.display());
        good(&run(shell, folder.path(), &script));
        assert_eq!(fs::metadata(&target).unwrap().permissions().mode() & 0o7777, 0o640);
        assert!(!folder.path().join(".x.conf.hacluster").exists());
    }
}

#[test]
fn links_on_the_way_count_only_where_nobody_else_could_put_them() {
    for shell in SHELLS {
        let folder = tempfile::tempdir().unwrap();
        let (ours, open) = (folder.path().join("ours"), folder.path().join("open"));
        for at in [&ours, &open] {
            fs::create_dir(at).unwrap();
            fs::create_dir(at.join("real")).unwrap();
            symlink("real", at.join("link")).unwrap();
        }
        fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).unwrap();
        let put = |at: &str| {
            let target = folder.path().join(at).display().to_string();
            run(shell, folder.path(), &format!("target={target}\necho new | {PUT}"))
        };
        good(&put("ours/link/x.conf"));
        good(&put("ours//real/y.conf"));
        good(&put("open/real/x.conf"));
        assert!(ours.join("real/x.conf").exists());
        let refused = said(&put("open/link/y.conf"));
        let words = format!("others may change {}: nothing is written through it", open.display());
        assert!(refused.contains(&words), "{refused}");
        assert!(!open.join("real/y.conf").exists());
        let drop =
            |at: &str| run(shell, folder.path(), &format!("hac_drop {}", folder.path().join(at).display()));
        assert!(said(&drop("open/link/x.conf")).contains("others may change"));
        assert!(open.join("real/x.conf").exists());
        good(&drop("open/real/x.conf"));
        assert!(!open.join("real/x.conf").exists());
        if fs::metadata(folder.path()).unwrap().uid() == 0 {
            chown(&ours, Some(65534), None).unwrap();
            assert!(said(&put("ours/link/y.conf")).contains("nothing is written through it"));
        }
    }
}
