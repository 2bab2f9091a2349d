//! Owns the cases of which keys are used, and when a person is asked.

use std::os::unix::fs::PermissionsExt as _;

use tempfile::TempDir;

use super::*;

/// Made by `ssh-keygen -a 1`, for this test alone: the passphrase is
/// "secret words".
const LOCKED: &str = "-----BEGIN OPENSSH PRIVATE KEY-----\n\
    b3BlbnNzaC1rZXktdjEAAAAACmFlczI1Ni1jdHIAAAAGYmNyeXB0AAAAGAAAABCnIse6w/\n\
    fg42wtsI2y42IVAAAAAQAAAAEAAAAzAAAAC3NzaC1lZDI1NTE5AAAAILMbsqmvX8kBZhj0\n\
    jVa7a+EnnOjqG/xn2hMe5ZasjdUpAAAAkBw/2DybHEHlT/knc5r0rXdL+aLIVdr+EGCjU2\n\
    EuurtJXxfDcA/9qm9jCM4DTgY5w7+UrVQttaujCb+0wTiBD27V1DKke9ZduRkROO8i6VQe\n\
    csapfdmlE3gZh9I/SQkeals0AJs4KHb039yLHGFaFWmqr0yGm7LnpAi1PDmxEU3dsYKi65\n\
    +/QidVQ9zUYPp73A==\n\
    -----END OPENSSH PRIVATE KEY-----\n";
const OPEN: &str = "-----BEGIN OPENSSH PRIVATE KEY-----\n\
    b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW\n\
    QyNTUxOQAAACCkKMPA0eKRuF3iFw8T7Zu3U2ysI7dNpV83FtqlP7RCNwAAAIhZs8WsWbPF\n\
    rAAAAAtzc2gtZWQyNTUxOQAAACCkKMPA0eKRuF3iFw8T7Zu3U2ysI7dNpV83FtqlP7RCNw\n\
    AAAEA/QBDwWD1UZH4NqcMJSmrq9AaBAnM0IOl8mV/ZufeBraQow8DR4pG4XeIXDxPtm7dT\n\
    bKwjt02lXzcW2qU/tEI3AAAABHRlc3QB\n\
    -----END OPENSSH PRIVATE KEY-----\n";

/// A folder with these key files.
fn folder(files: &[(&str, &str, u32)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text, mode) in files {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(*mode)).unwrap();
    }
    dir
}

/// What comes of the files, and how often somebody was asked.
fn gather(dir: &TempDir, files: &[&str], named: bool, answers: &[&str]) -> (Result<Keyring, Failure>, usize) {
    let files = Files { paths: files.iter().map(|name| dir.path().join(name)).collect(), named };
    let mut asked = 0;
    let mut ask = |_: &Path, again: bool| {
        assert_eq!(again, asked > 0);
        let answer = answers.get(asked).map(|answer| Secret::new(*answer));
        asked += 1;
        Ok(answer)
    };
    let keyring = read(&files).and_then(|(keyring, locked)| choose(keyring, &locked, &[], named, &mut ask));
    (keyring, asked)
}

fn shown(keyring: Result<Keyring, Failure>, dir: &TempDir) -> String {
    let text = match keyring {
        Ok(keyring) => format!("{} usable; {}", keyring.identities.len(), keyring.skipped.join(", ")),
        Err(failure) => format!("{} | {}", failure.message, failure.hints.join(" ")),
    };
    text.replace(&format!("{}/", dir.path().display()), "")
}

/// Files, named in the inventory, answers, what comes of it, questions asked.
type Case = (&'static [&'static str], bool, &'static [&'static str], &'static str, usize);

#[test]
fn keys_are_used_asked_for_or_left_out() {
    let dir = folder(&[("locked", LOCKED, 0o600), ("open", OPEN, 0o600), ("wide", OPEN, 0o644)]);
    let cases: &[Case] = &[
        (&["open"], true, &[], "1 usable; ", 0),
        (&["absent"], true, &[], "0 usable; absent (no such file)", 0),
        (&["absent", "open"], false, &[], "1 usable; ", 0),
        (&["locked"], true, &["secret words"], "1 usable; ", 1),
        (&["locked"], true, &["wrong", "secret words"], "1 usable; ", 2),
        (
            &["locked"],
            true,
            &["a", "b", "c", "secret words"],
            "that is not the passphrase of locked | try again, or `ssh-add locked`",
            3,
        ),
        (
            &["locked"],
            true,
            &[],
            "the key locked is locked with a passphrase, and nobody can be asked here | \
             start an agent (`eval $(ssh-agent)`), then `ssh-add locked`",
            1,
        ),
        (&["locked"], false, &["secret words"], "1 usable; ", 1),
        (&["locked"], false, &[], "0 usable; locked (locked with a passphrase: `ssh-add locked`)", 1),
        // Another key may do: nobody is asked.
        (&["locked", "open"], false, &[], "1 usable; locked (locked with a passphrase: `ssh-add locked`)", 0),
        (&["wide"], true, &[], "the key wide has mode 0644: others can read it | chmod 600 wide", 0),
        (
            &["wide", "open"],
            false,
            &[],
            "1 usable; wide (the key wide has mode 0644: others can read it: chmod 600 wide)",
            0,
        ),
    ];
    for (names, named, answers, wanted, asked) in cases {
        let (keyring, questions) = gather(&dir, names, *named, answers);
        assert_eq!((shown(keyring, &dir).as_str(), questions), (*wanted, *asked), "{names:?} {named}");
    }
}

#[test]
fn a_key_that_the_agent_holds_is_not_asked_for() {
    let dir = folder(&[("locked", LOCKED, 0o600)]);
    let files = Files { paths: vec![dir.path().join("locked")], named: true };
    let (keyring, locked) = read(&files).unwrap();
    let held: Vec<_> = locked[0].public.clone().into_iter().collect();
    let keyring = choose(keyring, &locked, &held, true, &mut |_, _| panic!("somebody was asked")).unwrap();
    assert_eq!((keyring.locked, keyring.skipped.len()), (held, 0));
}
