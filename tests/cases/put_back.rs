//! Owns the trial of what goes back: files of a unit that is not well with them.
//! Must not know resource kinds, nor what must be confirmed.

use std::fs;
use std::path::Path;

use super::put::{SHELLS, run};

/// A unit that dies of a file with the word `bad`, or that runs and is not well
/// with the word `ill`; nobody waits.
pub(super) const UNIT: &str = r#"
here=${HAC_STATE%/state}
systemctl() {
    echo "$*" >>"$here/calls"
    case "$1 $*" in
    show*ActiveState*) cat "$here/active" ;;
    show*MainPID*) cat "$here/pid" ;;
    is-active*) [ "$(cat "$here/active")" = active ] ;;
    re* | start*)
        echo x >>"$here/pid"
        case $(cat "$here"/*.conf) in
        *bad*) echo failed >"$here/active"; return 1 ;;
        *) echo active >"$here/active" ;;
        esac
        ;;
    esac
}
journalctl() { [ "$1" = --sync ] || echo "last words of $6"; }
sleep() { :; }
hac_uptime() { echo x >>"$here/clock"; wc -l <"$here/clock"; }
put() { printf %s "$2" | hac_put "$here/$1" 0640 "$me" "$mine"; }
"#;

pub(super) fn fresh(active: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("active", active), ("pid", "1\n"), ("a.conf", "good")] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

pub(super) fn read(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name)).unwrap_or_else(|_| "(none)".to_owned())
}

/// What was said, and whether it went well.
pub(super) fn act(shell: &str, folder: &Path, script: &str) -> (String, bool) {
    let output = run(shell, folder, &format!("{UNIT}\n{script}"));
    let text = String::from_utf8_lossy(&output.stdout).replace(&*folder.to_string_lossy(), "");
    (text, output.status.success())
}

#[test]
fn a_unit_that_dies_has_its_old_files_and_runs_again() {
    for shell in SHELLS {
        let folder = fresh("active");
        let at = folder.path();
        let change = "hac_owe x.service restart; put a.conf bad; put b.conf new";
        assert!(act(shell, at, change).1);
        let (said, well) = act(shell, at, "hac_act restart x.service");
        assert!(!well);
        assert_eq!(
            said,
            "last words of x.service\nx.service is not well after its restart\n\
             the old content of /a.conf was put back\n/b.conf was new and is removed again\n\
             x.service runs again with the old content\n"
        );
        assert_eq!((read(at, "a.conf"), read(at, "b.conf")), ("good".into(), "(none)".into()));
        assert_eq!(read(at, "active"), "active\n");
        assert!(!at.join("state/debt/x.service").exists() && !at.join("state/undo/x.service").exists());
    }
}

#[test]
fn a_unit_whose_check_fails_reads_its_old_file_again() {
    for shell in SHELLS {
        let folder = fresh("active");
        let at = folder.path();
        let check = "! grep -q ill \"$HAC_STATE/../a.conf\"";
        let change = "export HAC_STATE; hac_owe x.service reload; put a.conf ill";
        let (said, well) = act(shell, at, &format!("{change}\nhac_act reload x.service 9 '{check}'"));
        assert!(!well);
        assert!(said.starts_with("the check of x.service does not pass within 9 s: ! grep"), "{said}");
        assert!(said.ends_with("x.service runs again with the old content\n"), "{said}");
        assert_eq!(read(at, "a.conf"), "good");
        let calls = read(at, "calls");
        assert!(calls.contains("reload x.service") && !calls.contains("restart"), "{calls}");
    }
}

#[test]
fn a_unit_that_is_well_owes_nothing_and_keeps_its_new_files() {
    for shell in SHELLS {
        let folder = fresh("active");
        let at = folder.path();
        let (said, well) =
            act(shell, at, "hac_owe x.service restart; put a.conf new; hac_act restart x.service");
        assert!(well, "{said}");
        assert_eq!(read(at, "a.conf"), "new");
        assert!(!at.join("state/debt/x.service").exists() && !at.join("state/undo/x.service").exists());
    }
}

#[test]
fn what_a_healthy_unit_read_goes_back_also_after_two_changes() {
    for shell in SHELLS {
        let folder = fresh("active");
        let at = folder.path();
        for (run_name, text) in [("r1", "bad once"), ("r2", "bad twice")] {
            assert!(
                act(
                    shell,
                    at,
                    &format!("HAC_RUN={run_name}; hac_owe x.service restart; put a.conf '{text}'")
                )
                .1
            );
        }
        assert!(!act(shell, at, "HAC_RUN=r3; hac_act restart x.service").1);
        assert_eq!(read(at, "a.conf"), "good");
    }
}

#[test]
fn a_unit_that_did_not_run_before_has_nothing_to_go_back_to() {
    for shell in SHELLS {
        let folder = fresh("inactive");
        let at = folder.path();
        let (said, well) =
            act(shell, at, "hac_owe x.service restart; put a.conf bad; hac_act start x.service");
        assert!(!well);
        assert_eq!(said, "last words of x.service\nx.service is not well after its start\n");
        assert_eq!(
            (read(at, "a.conf"), read(at, "state/debt/x.service")),
            ("bad".into(), "restart\n".into())
        );
    }
}

#[test]
fn what_waits_for_a_restart_goes_back_without_one() {
    for shell in SHELLS {
        let folder = fresh("active");
        let at = folder.path();
        assert!(act(shell, at, "hac_owe x.service restart; put a.conf bad").1);
        let (said, well) = act(shell, at, "hac_withdraw x.service; hac_withdraw other.service");
        assert_eq!((said.as_str(), well), ("the old content of /a.conf was put back\n", true));
        assert_eq!((read(at, "a.conf"), read(at, "pid")), ("good".into(), "1\n".into()));
        assert!(!at.join("state/debt/x.service").exists());
    }
}
