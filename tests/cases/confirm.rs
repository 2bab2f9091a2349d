//! Owns the trial of changes that must be confirmed: by a timer, or when the host
//! starts, wherever its power was cut. Must not know resource kinds.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::put::{SHELLS, good, run, start};
use super::put_back::{UNIT, act, fresh, read};

/// The timer's script: the same functions.
const ARM: &str = "hac_arm id1 1 <<END\n. $here/prelude\n\
                   systemctl() { echo \"\\$*\" >>$here/calls; }\nhac_revert \"\\$@\"\nEND\n";

/// Where what is noted must not wait for a slow disk.
const QUICK: &str = "sync() { :; }; unset -f sleep;";

fn folder() -> tempfile::TempDir {
    let folder = fresh("active");
    fs::write(folder.path().join("prelude"), hacluster::resource::PRELUDE).unwrap();
    folder
}

#[test]
fn what_nobody_confirms_goes_back_by_itself() {
    for shell in SHELLS {
        let folder = folder();
        let at = folder.path();
        let change = format!("{QUICK} hac_owe x.service reload; {ARM}put a.conf new; put b.conf new");
        assert!(act(shell, at, &change).1);
        assert_eq!(read(at, "a.conf"), "new");
        let start = Instant::now();
        while read(at, "a.conf") != "good"
            || at.join("b.conf").exists()
            || !read(at, "calls").contains("or-restart")
        {
            assert!(start.elapsed() < Duration::from_secs(10), "{}", read(at, "calls"));
            sleep(Duration::from_millis(20));
        }
        assert!(read(at, "calls").contains("reload-or-restart x.service"));
        assert_eq!(act(shell, at, "hac_confirm id1").0, "reverted\n");
    }
}

#[test]
fn what_is_confirmed_stays() {
    for shell in SHELLS {
        let folder = folder();
        let at = folder.path();
        assert!(act(shell, at, &format!("{QUICK} {ARM}put a.conf new")).1);
        assert_eq!(act(shell, at, "hac_confirm id2").0, "nothing\n");
        assert_eq!(act(shell, at, "hac_confirm id1").0, "confirmed\n");
        sleep(Duration::from_millis(1300));
        assert_eq!(read(at, "a.conf"), "new");
        good(&run(shell, at, "test ! -e \"$HAC_STATE/undo/.guard\""));
    }
}

/// A host with systemd, whose timer never comes. Its power is cut at the command of
/// the number in `$cut` among those that change or sync what is on its disk.
const HOST: &str = r#"
here=${HAC_STATE%/state} PATH=$here/bin:$PATH
hac_systemd() { :; }
tick() {
    echo x >>"$here/ticks"
    [ "$(wc -l <"$here/ticks")" != "$cut" ] || kill -9 0
}
sync() { tick; }
hac_durable() { tick; }
mv() { tick; command mv "$@"; }
rm() { tick; command rm "$@"; }
ln() { tick; command ln "$@"; }
cp() { tick; command cp "$@"; }
mkdir() { tick; command mkdir "$@"; }
install() { tick; command install "$@"; }
"#;
const CHANGE: &str = "hac_owe x.service reload; ";
const PUT: &str = "put a.conf new; put b.conf new";
const LINK: &str = "units/sysinit.target.wants/hacluster-revert.service";

fn host() -> tempfile::TempDir {
    let folder = folder();
    for name in ["bin", "units"] {
        fs::create_dir(folder.path().join(name)).unwrap();
    }
    symlink("/bin/true", folder.path().join("bin/systemd-run")).unwrap();
    folder
}

/// What a script said until the power was cut, and whether it came to its end.
fn act_until(at: &Path, cut: usize, script: &str) -> (String, bool) {
    let _ = fs::remove_file(at.join("ticks"));
    let mut dash = Command::new("dash");
    let output = start(dash.arg("-s").process_group(0), at, &format!("cut={cut}\n{UNIT}\n{HOST}\n{script}"));
    let why = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() || output.status.signal() == Some(9), "{why}");
    (String::from_utf8_lossy(&output.stdout).into_owned(), output.status.success())
}

/// The host starts: /run is empty, and what is enabled runs, perhaps not to its end.
fn boot(at: &Path, cut: usize) -> bool {
    let _ = fs::remove_dir_all(at.join("run"));
    let Ok(unit) = fs::read_to_string(at.join(LINK)) else { return true };
    let words = unit.lines().find_map(|line| line.strip_prefix("ExecStart=/bin/sh ")).unwrap();
    assert!(unit.contains(&format!("\nConditionPathExists=!{}/run\n", at.display())), "{unit}");
    if !Path::new(words).exists() {
        return true;
    }
    act_until(at, cut, &format!("set +e\n. {words}")).1
}

fn ensure_old(at: &Path) {
    assert_eq!((read(at, "a.conf"), read(at, "b.conf")), ("good".into(), "(none)".into()));
    assert!(fs::symlink_metadata(at.join(LINK)).is_err());
    assert!(!read(at, "calls").contains("or-restart"), "units read it as they start");
}

/// At each of its commands until there are no more; so many there are at least.
fn each(least: usize, check: impl Fn(usize) -> bool) {
    let count = (1..200).find(|number| check(*number)).unwrap();
    assert!(count > least, "{count}");
}

#[test]
fn a_host_whose_power_is_cut_while_it_is_changed_starts_as_it_was() {
    each(15, |number| {
        let folder = host();
        let at = folder.path();
        let whole = act_until(at, number, &format!("{CHANGE}{ARM}{PUT}")).1;
        assert!(boot(at, 0));
        ensure_old(at);
        if whole {
            assert!(!at.join("units/hacluster-revert.service").exists());
            assert!(!at.join("state/debt/x.service").exists(), "it was paid by the start");
            assert_eq!(act("dash", at, "hac_confirm id1").0, "reverted\n");
        }
        whole
    });
}

#[test]
fn a_host_whose_power_is_cut_while_it_takes_it_back_does_so_at_its_next_start() {
    each(8, |number| {
        let folder = host();
        let at = folder.path();
        assert!(act_until(at, 0, &format!("{CHANGE}{ARM}{PUT}")).1);
        let whole = boot(at, number);
        assert!(boot(at, 0));
        ensure_old(at);
        whole
    });
}

#[test]
fn a_host_whose_power_is_cut_while_it_is_confirmed_keeps_all_or_nothing() {
    each(3, |number| {
        let folder = host();
        let at = folder.path();
        assert!(act_until(at, 0, &format!("{CHANGE}{ARM}{PUT}")).1);
        let (said, whole) = act_until(at, number, "hac_confirm id1");
        assert!(boot(at, 0));
        if read(at, "a.conf") == "good" {
            assert_eq!(said, "");
            ensure_old(at);
        } else {
            assert_eq!((read(at, "a.conf"), read(at, "b.conf")), ("new".into(), "new".into()));
            assert!(fs::symlink_metadata(at.join(LINK)).is_err());
        }
        whole
    });
}
