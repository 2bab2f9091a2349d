//! Owns the tests of `hacluster secrets`, with the `age` program itself.
//! No test here contacts a host.

mod authority;

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use hacluster::secrets::{Keys, Secrets, Store};

use crate::cli::{Ended, GOOD, Place, ended};

/// A folder with an inventory, plain secrets and two keys.
struct Case {
    place: Place,
    secrets: Secrets,
    mine: String,
}

impl Case {
    fn new() -> Self {
        let place = Place::new(GOOD);
        let secrets = Secrets::generate("cold", 1_790_000_000).unwrap();
        Store::beside(&place.path().join("cluster.toml"), Vec::new(), Keys::default())
            .create(&secrets)
            .unwrap();
        let mine = key(&place, "mine");
        Self { place, secrets, mine }
    }

    /// With the recipients, and encrypted to them.
    fn encrypted(recipients: &[&str]) -> Self {
        let case = Self::new();
        let mut all = vec![case.mine.as_str()];
        all.extend(recipients);
        case.recipients(&all);
        let said = case.run(&["secrets", "init"], "");
        assert_eq!(said.code, 0, "{}", said.err);
        case
    }

    fn recipients(&self, recipients: &[&str]) {
        let list = recipients.iter().map(|one| format!("\"{one}\"")).collect::<Vec<_>>().join(", ");
        let text = format!("{GOOD}\n[secrets]\nrecipients = [{list}]\n");
        fs::write(self.file("cluster.toml"), text).unwrap();
    }

    fn file(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.place.command(arguments);
        command.env("PATH", std::env::var_os("PATH").unwrap()).env("XDG_RUNTIME_DIR", self.place.path());
        command.env("HACLUSTER_AGE_KEY_FILE", self.file("mine"));
        command
    }

    /// Nothing that is secret is ever said.
    fn end(&self, command: &mut Command, input: &str) -> Ended {
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let said = ended(child.wait_with_output().unwrap());
        for value in self.secrets.iter().map(|(_, value)| value.expose()).chain(["hunter2-hunter2"]) {
            assert!(!said.out.contains(value) && !said.err.contains(value), "{}{}", said.out, said.err);
        }
        said
    }

    fn run(&self, arguments: &[&str], input: &str) -> Ended {
        self.end(&mut self.command(arguments), input)
    }

    fn with_editor(&self, editor: &str) -> Ended {
        self.end(self.command(&["secrets", "edit"]).env("EDITOR", editor), "")
    }

    fn now(&self) -> Secrets {
        let keys = Keys { named: Some(self.file("mine")), path: std::env::var_os("PATH"), ..Keys::default() };
        Store::beside(&self.file("cluster.toml"), Vec::new(), keys).load().unwrap().unwrap()
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.place.path()).unwrap();
        let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn key(place: &Place, name: &str) -> String {
    let made = Command::new("age-keygen").arg("-o").arg(place.path().join(name)).output().unwrap();
    let said = String::from_utf8(made.stderr).unwrap();
    said.trim().strip_prefix("Public key: ").unwrap().to_owned()
}

#[test]
fn plain_secrets_become_encrypted_ones_and_stay_the_same() {
    let case = Case::new();
    let said = case.run(&["secrets", "init"], "");
    assert!(said.code == 1 && said.err.contains("recipients = [\"age1...\"]"), "{}", said.err);
    case.recipients(&[&case.mine]);
    assert_eq!(case.run(&["secrets", "init"], "").code, 0);
    assert_eq!(case.names(), ["cluster.toml", "mine", "secrets.age"]);
    assert_eq!(case.now(), case.secrets);
    let said = case.run(&["secrets", "init"], "");
    assert!(said.code == 1 && said.err.contains("secrets.age is there already"), "{}", said.err);
}

#[test]
fn the_list_names_all_and_shows_none() {
    let case = Case::new();
    fs::write(case.file("cluster.toml"), format!("{GOOD}\n[[postgres.user]]\nname = \"shop\"\n")).unwrap();
    let said = case.run(&["secrets", "list"], "");
    insta::assert_snapshot!(said.out, @"
    NAME                  KIND                   USED FOR
    authority             certificate authority  signs every certificate of the cluster
    etcd.patroni          password               Patroni logs in to etcd
    etcd.root             password               etcd's root, which only hacluster logs in as
    k3s-token             token                  k3s.token (cluster.toml:27) (not made yet)
    patroni.rest          password               what changes anything through Patroni's REST API
    postgres-shop         password               postgres.user[0].password (cluster.toml:30) (not made yet)
    postgres.replication  password               replicator: replicas log in to the leader
    postgres.rewind       password               rewind_user: pg_rewind logs in to the leader
    postgres.superuser    password               postgres, the superuser over the network
    ");
    let said = case.run(&["--json", "secrets", "list"], "");
    assert!(said.out.contains("\"name\":\"etcd.root\""), "{}", said.out);
}

#[test]
fn a_value_comes_from_standard_input_only() {
    let case = Case::encrypted(&[]);
    let said = case.run(&["secrets", "set", "shop"], "hunter2-hunter2\n");
    assert_eq!((said.code, said.err.contains("Nothing uses it yet")), (0, true), "{}", said.err);
    assert_eq!(case.now().get("shop").unwrap().expose(), "hunter2-hunter2");
    for (arguments, input, why) in [
        (&["secrets", "set", "shop", "hunter2-hunter2"][..], "", "unexpected argument"),
        (&["secrets", "set", "shop"], "", "the value is empty"),
        (&["secrets", "set", "Shop !"], "x", "not allowed"),
        (&["secrets", "set", "authority"], "x", "is made here, not set"),
        (&["secrets", "rotate", "shpo"], "", "did you mean shop?"),
    ] {
        let before = fs::read(case.file("secrets.age")).unwrap();
        let mut command = case.command(arguments);
        let output = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = output.unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let said = ended(child.wait_with_output().unwrap());
        assert!(said.code == 1 && said.err.contains(why), "{arguments:?}: {}", said.err);
        assert_eq!(fs::read(case.file("secrets.age")).unwrap(), before);
    }
    assert_eq!(case.run(&["secrets", "rotate", "shop"], "").code, 0);
    assert_eq!(case.now().get("shop").unwrap().expose().len(), 32);
}

/// F86, B79: each is one clear error, and nothing is done.
#[test]
fn what_cannot_be_read_is_told_apart() {
    let case = Case::encrypted(&[]);
    key(&case.place, "stranger");
    let sealed = fs::read_to_string(case.file("secrets.age")).unwrap();
    let error = |identity: &str| {
        let said = case.end(case.command(&["plan"]).env("HACLUSTER_AGE_KEY_FILE", case.file(identity)), "");
        assert_eq!(said.code, 1);
        let folder = format!("{}/", case.place.path().display());
        said.err.replace(&folder, "")
    };
    insta::assert_snapshot!(error("stranger"), @"
    error: secrets.age: it is encrypted to none of the keys here (stranger)
    hint: name the right key with --identity FILE; or let somebody who can read it add your public key to recipients in [secrets] and run `hacluster secrets rekey`
    ");
    insta::assert_snapshot!(error("absent"), @"error: secrets.age: no key to read it with; name one with --identity FILE or HACLUSTER_AGE_KEY_FILE (looked for absent)");
    fs::set_permissions(case.file("stranger"), fs::Permissions::from_mode(0o644)).unwrap();
    insta::assert_snapshot!(error("stranger"), @"error: secrets.age: stranger: readable by others (mode 0644), so it is not used; run `chmod 600 stranger`");
    fs::write(case.file("secrets.age"), sealed.replace(&sealed[90..93], "AAA")).unwrap();
    insta::assert_snapshot!(error("mine"), @"error: secrets.age: it was changed or cut since it was encrypted; restore it from git or a backup");
    fs::write(case.file("secrets.age"), &sealed).unwrap();
    fs::write(case.file("secrets.toml"), "").unwrap();
    insta::assert_snapshot!(error("mine"), @"error: there are both secrets.toml and secrets.age: nobody can tell which one counts; remove the older one");
    fs::remove_file(case.file("secrets.toml")).unwrap();
    let said = case.end(case.command(&["plan"]).env("PATH", "/nonexistent"), "");
    assert!(said.err.contains("apt-get install age"), "{}", said.err);
    // Who only checks the file needs no key.
    let said = case.end(case.place.command(&["validate"]).env("PATH", "/nonexistent"), "");
    assert_eq!(said.code, 0, "{}", said.err);
}

#[test]
fn an_editor_leaves_nothing_behind() {
    let case = Case::encrypted(&[]);
    let before = case.names();
    let said = case.with_editor(r#"sh -c 'echo "shop = \"hunter2-hunter2\"" >>"$0"; touch "$0~"'"#);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.contains("was changed: shop"), "{}", said.out);
    assert_eq!(case.now().get("shop").unwrap().expose(), "hunter2-hunter2");
    assert_eq!(case.names(), before);
    for (editor, why) in [
        ("sh -c 'echo \"x = \\\"hunter2-hunter2\\\"\" >>\"$0\"; kill -9 $$'", "the editor ended with"),
        ("sh -c 'echo \"hunter2-hunter2\" >>\"$0\"'", "is no NAME = \"value\""),
        ("sh -c ': >\"$0\"'", "cannot do without etcd.root"),
    ] {
        let said = case.with_editor(editor);
        assert!(said.code == 1 && said.err.contains(why), "{editor}: {}{}", said.out, said.err);
        assert_eq!(case.names(), before);
    }
    assert!(case.with_editor("true").out.contains("Nothing was changed"));
}

#[test]
fn new_recipients_read_it_after_rekey_and_one_change_at_a_time() {
    let case = Case::encrypted(&[]);
    let theirs = key(&case.place, "theirs");
    let as_them = || {
        let mut command = case.command(&["secrets", "list"]);
        command.env("HACLUSTER_AGE_KEY_FILE", case.file("theirs"));
        command
    };
    assert_eq!(case.end(&mut as_them(), "").code, 1);
    case.recipients(&[&case.mine, &theirs]);
    let said = case.run(&["secrets", "rekey"], "");
    assert!(said.code == 0 && said.out.contains(&theirs), "{}", said.err);
    assert_eq!(case.end(&mut as_them(), "").code, 0);
    // Whoever writes must be able to read it afterwards.
    case.recipients(&[&theirs]);
    let said = case.run(&["secrets", "rekey"], "");
    assert!(said.code == 1 && said.err.contains("none of the keys here"), "{}", said.err);
    assert_eq!(case.now(), case.secrets);
    let store = Store::beside(&case.file("cluster.toml"), Vec::new(), Keys::default());
    let held = store.lock().unwrap();
    let said = case.run(&["secrets", "rotate", "shop"], "");
    assert!(said.code == 1, "{}", said.out);
    drop(held);
}
