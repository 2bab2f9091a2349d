//! Owns the tests of how secrets are kept, with the `age` program itself.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use tempfile::TempDir;

use super::*;

/// A user's folder with a key; its public half.
fn key(dir: &TempDir, name: &str) -> String {
    let path = dir.path().join(name);
    let made = Command::new("age-keygen").arg("-o").arg(&path).output().unwrap();
    assert!(made.status.success());
    let said = String::from_utf8(made.stderr).unwrap();
    said.trim().strip_prefix("Public key: ").unwrap().to_owned()
}

fn store(dir: &TempDir, recipients: &[&str], key: &str) -> Store {
    let keys = Keys { named: Some(dir.path().join(key)), path: std::env::var_os("PATH"), ..Keys::default() };
    let recipients = recipients.iter().map(|one| (*one).to_owned()).collect();
    Store::beside(&dir.path().join("cluster.toml"), recipients, keys)
}

fn made() -> Secrets {
    Secrets::generate("cold", 1_790_000_000).unwrap()
}

/// Everything in the folder but keys.
fn files(dir: &TempDir) -> Vec<String> {
    let names =
        fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> =
        names.filter(|name| name.contains("hacluster") || name.contains("secrets")).collect();
    names.sort();
    names
}

#[test]
fn a_plain_file_is_closed_whole_and_never_overwritten_as_new() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(&dir, &[], "none");
    assert!(store.path().ends_with("secrets.toml"));
    assert_eq!(store.load().unwrap(), None);
    let made = made();
    store.create(&made).unwrap();
    assert_eq!(fs::metadata(store.path()).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(store.load().unwrap(), Some(made.clone()));
    assert!(store.create(&made).unwrap_err().to_string().contains("is there already"));
    let more = made.with(&["postgres-app", "etcd.root"]);
    assert_eq!(more.get("etcd.root"), made.get("etcd.root"));
    store.replace(&more).unwrap();
    assert_eq!(store.load().unwrap(), Some(more));
    assert_eq!(files(&dir), ["secrets.toml"]);
    fs::set_permissions(store.path(), fs::Permissions::from_mode(0o644)).unwrap();
    let error = store.load().unwrap_err().to_string();
    assert!(error.contains("mode 0644") && error.contains("chmod 600"), "{error}");
    fs::write(store.path(), "authority_key = \"hunter2\"\noops\n").unwrap();
    fs::set_permissions(store.path(), fs::Permissions::from_mode(0o600)).unwrap();
    let error = store.load().unwrap_err().to_string();
    assert!(error.ends_with("secrets.toml:2: not a secrets file; restore it from a backup"), "{error}");
}

#[test]
fn an_encrypted_file_is_read_by_each_recipient_and_nobody_else() {
    let dir = tempfile::tempdir().unwrap();
    let (mine, theirs) = (key(&dir, "mine"), key(&dir, "theirs"));
    key(&dir, "stranger");
    let ssh = dir.path().join("ssh");
    let made_key =
        Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&ssh).status();
    assert!(made_key.unwrap().success());
    let public = fs::read_to_string(ssh.with_extension("pub")).unwrap();
    let recipients = [mine.as_str(), theirs.as_str(), public.trim()];
    let made = made();
    store(&dir, &recipients, "mine").create(&made).unwrap();
    assert_eq!(files(&dir), ["secrets.age"]);
    let text = fs::read_to_string(dir.path().join("secrets.age")).unwrap();
    assert!(made.iter().all(|(name, value)| !text.contains(value.expose()) && !text.contains(name)));
    for reader in ["mine", "theirs", "ssh"] {
        assert_eq!(store(&dir, &[], reader).load().unwrap(), Some(made.clone()), "{reader}");
    }
    let error = store(&dir, &recipients, "stranger").load().unwrap_err().to_string();
    assert!(error.contains("secrets.age: it is encrypted to none of the keys here ("), "{error}");
    assert!(error.contains("/stranger)"), "{error}");
    let error = store(&dir, &recipients, "absent").load().unwrap_err().to_string();
    assert!(error.contains("--identity FILE or HACLUSTER_AGE_KEY_FILE (looked for "), "{error}");
}

/// What could not be read back is not kept; what was there stays.
#[test]
fn nobody_locks_himself_out() {
    let dir = tempfile::tempdir().unwrap();
    let (mine, theirs) = (key(&dir, "mine"), key(&dir, "theirs"));
    let made = made();
    store(&dir, &[&mine], "mine").create(&made).unwrap();
    let before = fs::read(dir.path().join("secrets.age")).unwrap();
    let error = store(&dir, &[&theirs], "mine").replace(&made).unwrap_err();
    assert!(error.to_string().contains("none of the keys here"), "{error}");
    let error = store(&dir, &[], "mine").replace(&made).unwrap_err();
    assert!(error.to_string().contains("has no recipients"), "{error}");
    assert_eq!(fs::read(dir.path().join("secrets.age")).unwrap(), before);
    assert_eq!(files(&dir), ["secrets.age"]);
}

/// F86: no byte of what was encrypted is let out.
#[test]
fn damage_is_told_and_nothing_is_let_out() {
    let dir = tempfile::tempdir().unwrap();
    let mine = key(&dir, "mine");
    let store = store(&dir, &[&mine], "mine");
    let made = made();
    store.create(&made).unwrap();
    let path = dir.path().join("secrets.age");
    let whole = fs::read(&path).unwrap();
    let mut flipped = whole.clone();
    let at = whole.len() / 2;
    flipped[at] = if whole[at] == b'A' { b'B' } else { b'A' };
    for bytes in [&flipped[..], &whole[..at], b"", b"hunter2\n"] {
        fs::write(&path, bytes).unwrap();
        let error = format!("{0} {0:?}", store.load().unwrap_err());
        assert!(error.contains("changed or cut") && !error.contains("hunter2"), "{error}");
        assert!(made.iter().all(|(_, value)| !error.contains(value.expose())));
    }
}

#[test]
fn plain_becomes_encrypted_and_two_files_are_none() {
    let dir = tempfile::tempdir().unwrap();
    let mine = key(&dir, "mine");
    let made = made();
    store(&dir, &[], "mine").create(&made).unwrap();
    let sealing = store(&dir, &[&mine], "mine");
    assert_eq!(sealing.form().unwrap(), Some(Form::Plain));
    sealing.encrypt(&made).unwrap();
    assert_eq!(files(&dir), ["secrets.age"]);
    assert_eq!(sealing.load().unwrap(), Some(made));
    fs::write(dir.path().join("secrets.toml"), "").unwrap();
    let error = sealing.load().unwrap_err().to_string();
    assert!(error.contains("both ") && error.contains("remove the older one"), "{error}");
}

#[test]
fn one_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(&dir, &[], "none");
    let held = store.lock().unwrap();
    assert!(store.lock().unwrap_err().to_string().contains("another hacluster"));
    drop(held);
    store.lock().unwrap();
}

/// Hosts that were not reached yet know an older one: none is forgotten.
#[test]
fn old_values_of_the_clusters_own_are_kept_until_they_are_settled() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(&dir, &[], "none");
    let made = made().with(&["postgres-app"]);
    let first = made.get("etcd.root").unwrap().clone();
    let turned = made.rotated(&["etcd.root", "postgres-app"]);
    let second = turned.get("etcd.root").unwrap().clone();
    let chosen = turned
        .set("etcd.root", Secret::new("chosen by somebody"))
        .set("etcd.root", Secret::new("chosen by somebody"));
    assert_eq!(chosen.known("etcd.root"), [Secret::new("chosen by somebody"), second.clone(), first.clone()]);
    assert_eq!(chosen.known("postgres-app").len(), 1);
    store.create(&chosen).unwrap();
    assert_eq!(store.load().unwrap(), Some(chosen.clone()));
    assert_eq!(chosen.mask(first.expose()), "(etcd.root, before)");
    let settled = chosen.settled().unwrap();
    assert_eq!(settled.known("etcd.root"), [Secret::new("chosen by somebody")]);
    assert!(settled.settled().is_none());
}
