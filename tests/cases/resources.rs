//! Owns the cases of resource kinds: a table as in a playbook, what hosts
//! answered, and the change and script that must follow.
//! Must not know any single case.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;

use hacluster::facts::view::View;
use hacluster::facts::{Facts, Needs};
use hacluster::problem::Problem;
use hacluster::resource::{Change, Kind, ResolveError, Resolver};
use hacluster::secrets::{Keys, Secrets, Store};
use hacluster::span::Source;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use toml::{Table, Value};

use super::ending::Ending;
use super::issued::{Leaf, OURS, issue};
use super::legible::{NAMES, legible, masked};
use super::{Case, NOW, answer, line};

pub(super) const KINDS: [&str; 22] = [
    "certificate",
    "command",
    "directory",
    "etcd_auth",
    "etcd_member",
    "etcd_members",
    "etcd_password",
    "file",
    "group",
    "link",
    "package",
    "patroni_config",
    "patroni_restart",
    "postgres_database",
    "postgres_extension",
    "postgres_grant",
    "postgres_password",
    "postgres_user",
    "sysctl",
    "unit",
    "user",
    "wait",
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    #[serde(default = "first")]
    host: String,
    resource: Table,
    /// Nothing asks for it any more.
    #[serde(default)]
    gone: Option<Ending>,
    #[serde(default)]
    templates: BTreeMap<String, String>,
    /// Secrets are at hand; `drift-check` runs without.
    #[serde(default = "yes")]
    secrets: bool,
    /// Values instead of those that are masked.
    #[serde(default)]
    secret_values: BTreeMap<String, String>,
    #[serde(default)]
    certificates: BTreeMap<String, Leaf>,
    #[serde(default)]
    facts: Table,
    #[serde(default)]
    hosts: BTreeMap<String, Table>,
    #[serde(default)]
    unreachable: Vec<String>,
}

fn first() -> String {
    "node1".to_owned()
}

fn yes() -> bool {
    true
}

struct Filling<'a>(&'a Given, Option<Secrets>, &'a Facts);

impl Resolver for Filling<'_> {
    fn template(&self, name: &str) -> Result<String, ResolveError> {
        let missing = || Problem::error(&Source::new(name, ""), "HAC-E000", 0..0, "no such template");
        self.0.templates.get(name).cloned().ok_or_else(|| ResolveError::Render(missing().into()))
    }

    fn secrets(&self) -> Option<&Secrets> {
        self.1.as_ref()
    }

    fn facts(&self) -> &Facts {
        self.2
    }

    fn now(&self) -> u64 {
        NOW
    }
}

fn secrets(given: &Given) -> Option<Secrets> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secrets.toml");
    let mut values: Table = NAMES.iter().map(|n| ((*n).to_owned(), Value::from(masked(n)))).collect();
    values.extend(given.secret_values.iter().map(|(k, v)| (k.clone(), Value::from(v.clone()))));
    let mut disk = Table::new();
    disk.insert("authority_certificate".to_owned(), Value::from(OURS.cert_pem.clone()));
    disk.insert("authority_key".to_owned(), Value::from(OURS.key_pem.expose()));
    disk.insert("values".to_owned(), Value::from(values));
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.create(true).write(true).mode(0o600).open(&path).unwrap();
    std::io::Write::write_all(&mut file, disk.to_string().as_bytes()).unwrap();
    given.secrets.then(|| {
        Store::beside(&folder.path().join("cluster.toml"), Vec::new(), Keys::default())
            .load()
            .unwrap()
            .unwrap()
    })
}

fn kind(case: &Case, table: &Table) -> Kind {
    fn read<T: DeserializeOwned>(case: &Case, table: &Table) -> T {
        table.clone().try_into().unwrap_or_else(|e| panic!("{}: {e}", case.path.display()))
    }
    match case.folder.as_str() {
        "file" => Kind::File(read(case, table)),
        "directory" => Kind::Directory(read(case, table)),
        "link" => Kind::Link(read(case, table)),
        "package" => Kind::Package(read(case, table)),
        "user" => Kind::User(read(case, table)),
        "group" => Kind::Group(read(case, table)),
        "unit" => Kind::Unit(read(case, table)),
        "sysctl" => Kind::Sysctl(read(case, table)),
        "certificate" => Kind::Certificate(Box::new(read(case, table))),
        "command" => Kind::Command(read(case, table)),
        "wait" => Kind::Wait(read(case, table)),
        "etcd_member" => Kind::EtcdMember(read(case, table)),
        "etcd_members" => Kind::EtcdMembers(read(case, table)),
        "etcd_auth" => Kind::EtcdAuth(read(case, table)),
        "etcd_password" => Kind::EtcdPassword(read(case, table)),
        "patroni_config" => Kind::PatroniConfig(read(case, table)),
        "patroni_restart" => Kind::PatroniRestart(read(case, table)),
        "postgres_password" => Kind::PostgresPassword(read(case, table)),
        "postgres_user" => Kind::PostgresUser(read(case, table)),
        "postgres_database" => Kind::PostgresDatabase(read(case, table)),
        "postgres_extension" => Kind::PostgresExtension(read(case, table)),
        "postgres_grant" => Kind::PostgresGrant(read(case, table)),
        other => panic!("{}: no kind {other}", case.path.display()),
    }
}

/// Change and script of a case.
fn judge(case: &Case) -> (Result<Change, String>, Option<String>) {
    let mut given: Given = case.given();
    issue(&given.certificates, &mut given.facts);
    let mut kind = kind(case, &given.resource);
    if let Some(ending) = &given.gone {
        kind = ending.of(kind);
    }
    let mut needs = Needs::default();
    kind.manage().needs(&mut needs);
    let mut facts: BTreeMap<String, Facts> = BTreeMap::new();
    for (name, sections) in &given.hosts {
        facts.insert(name.clone(), answer::facts(sections, &Needs::default()).unwrap());
    }
    let own = match answer::facts(&given.facts, &needs) {
        Ok(own) => own,
        Err(error) => return (Err(error.to_string()), None),
    };
    facts.insert(given.host.clone(), own.clone());
    let view = View::fold(&facts, given.unreachable.clone(), NOW);
    let filling = Filling(&given, secrets(&given), &own);
    match kind.manage_mut().resolve(&filling) {
        Ok(()) | Err(ResolveError::NoSecrets) => {}
        Err(error) => return (Err(error.to_string()), None),
    }
    let change = kind.manage().diff(&own, &view);
    let acts = matches!(change, Change::Create(_) | Change::Update(_) | Change::Remove);
    let script = acts.then(|| kind.manage().apply(&change).expose().to_owned());
    (Ok(change), script)
}

pub(super) fn actual(case: &Case) -> String {
    let (change, script) = judge(case);
    let (word, reason) = match &change {
        Err(error) => ("error", Some(error)),
        Ok(Change::None) => ("none", None),
        Ok(Change::Create(_)) => ("create", None),
        Ok(Change::Update(_)) => ("update", None),
        Ok(Change::Remove) => ("remove", None),
        Ok(Change::Forget(why)) => ("forget", Some(why)),
        Ok(Change::Late(why)) => ("late", Some(why)),
        Ok(Change::Unreadable(why)) => ("unreadable", Some(why)),
        Ok(Change::Refused(why)) => ("refused", Some(why)),
    };
    let mut out = format!("[expect]\nchange = \"{word}\"\n");
    if let Some(reason) = reason {
        let _ = writeln!(out, "reason = {}", line(reason));
    }
    if let Some(script) = script {
        let script = legible(&script);
        let quote = if script.contains("'''") { "\"\"\"" } else { "'''" };
        let escaped = || script.replace('\\', "\\\\").replace("\"\"", "\"\\\"");
        let script = if quote == "'''" { script } else { escaped() };
        let _ = writeln!(out, "script = {quote}\n{}\n{quote}", script.trim_end());
    }
    if let Ok(change) = change
        && !change.fields().is_empty()
    {
        out.push_str("\n[expect.fields] # from, to\n");
        for field in change.fields() {
            // A verifier and an authority are other ones in every run.
            let shown = |value: &str| match &*field.name {
                "password" if !value.is_empty() => line("(hash)"),
                "authority" if !value.is_empty() => line("(id)"),
                _ => line(value),
            };
            let _ = writeln!(out, "{} = [{}, {}]", key(&field.name), shown(&field.from), shown(&field.to));
        }
    }
    out
}

fn key(name: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    if name.chars().all(bare) { name.to_owned() } else { line(name) }
}

/// Every script that the cases lead to, by the case's name.
pub(super) fn scripts() -> Vec<(String, String)> {
    let name = |case: &Case| format!("{}-{}", case.folder, case.path.file_stem().unwrap().display());
    super::all("resources").iter().filter_map(|case| Some((name(case), judge(case).1?))).collect()
}
