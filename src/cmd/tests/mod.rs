//! Owns a cluster of two hosts that do not exist, for the tests of commands.
//! Must not open a connection.

mod allowed;
mod drift;
mod hostile;
mod plan;
mod saved;
mod secrets;
mod status;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use tempfile::TempDir;

use super::reach;
use super::unlock::Vault;
use super::world::World;
use crate::cli::{Color, Globals};
use crate::exec::Gathered;
use crate::ledger::Ledger;
use crate::report::ui::{Ui, Wishes};
use crate::secrets::{Keys, Secrets, Store};
use crate::transport::fake::Fake;
use crate::transport::{Connection, Output, Prober};

const INVENTORY: &str = r#"[cluster]
name = "tiny"

[network]
subnet = "10.0.0.0/24"
gateway = "10.0.0.1"

[[node]]
name = "n1"
address = "10.0.0.11"

[[node]]
name = "n2"
address = "10.0.0.12"

[etcd]
enabled = false

[postgres]
enabled = false

[redis]
host = "n1"
"#;

/// In the place of the built-in playbook of this name.
const BASE: &str = r#"[playbook]
name  = "base"
title = "what every host has"
on    = "base"

[[step]]
name    = "packages"
package = ["curl"]

[[step]]
name   = "route"
file   = { path = "/etc/route", template = "own/route.j2", mode = "0640" }
notify = ["service"]

[[step]]
name = "guarded"
command = { run = "touch /x", unless = "test -e /x" }

[[step]]
name  = "service"
after = ["route"]
unit  = { name = "router", state = "started", enabled = true, on_change = "restart" }
"#;

const ROUTE: &str = "via {{ network.gateway }}\npassword {{ secret('patroni.rest') }}\n";

/// A folder with an inventory, playbooks and templates; gone when dropped.
pub(super) struct Folder {
    dir: TempDir,
}

impl Folder {
    pub(super) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        put("cluster.toml", INVENTORY);
        put("playbooks/base.toml", BASE);
        put("templates/own/route.j2", ROUTE);
        Self { dir }
    }

    pub(super) fn file(&self) -> PathBuf {
        self.dir.path().join("cluster.toml")
    }

    /// Replaces a text in the inventory.
    pub(super) fn edit(&self, from: &str, to: &str) {
        let text = fs::read_to_string(self.file()).unwrap();
        assert!(text.contains(from));
        fs::write(self.file(), text.replace(from, to)).unwrap();
    }

    /// Secrets that every test knows.
    pub(super) fn with_secrets(self) -> Self {
        let secrets = Secrets::generate("tiny", 1_790_000_000).unwrap();
        self.store().create(&secrets).unwrap();
        self
    }

    pub(super) fn store(&self) -> Store {
        Store::beside(&self.file(), Vec::new(), Keys::default())
    }

    pub(super) fn world(&self) -> World {
        load(self.file())
    }

    /// A text with the folder's own name taken out.
    pub(super) fn shown(&self, text: &str) -> String {
        text.replace(&format!("{}/", self.dir.path().display()), "")
    }
}

pub(super) fn load(file: PathBuf) -> World {
    let globals = Globals {
        file,
        templates: None,
        playbooks: None,
        identity: None,
        color: Color::Never,
        json: false,
        verbose: false,
        quiet: true,
    };
    World::load(&globals, Vault::Open).unwrap()
}

pub(super) fn silent() -> Ui {
    Ui::new(Wishes { color: Some(false), quiet: true, ..Wishes::default() })
}

/// What a host answers: bodies by section; every other section is empty.
pub(super) fn host(sections: &[(&str, &str)]) -> Fake {
    let mut all: Vec<(String, String)> = vec![("identity".to_owned(), "os=debian\nhostname=h".to_owned())];
    all.retain(|(name, _)| !sections.iter().any(|(other, _)| other == name));
    all.extend(sections.iter().map(|(name, body)| ((*name).to_owned(), (*body).to_owned())));
    Fake::new("fake").on_script(move |script| {
        let mut text = String::new();
        for asked in script.split("begin %s\\n' ").skip(1) {
            let (nonce, name) = asked.lines().next()?.split_once(' ')?;
            let body = all.iter().find(|(known, _)| known == name).map_or("", |(_, body)| body);
            let body = body.replace("NONCE", nonce);
            text.push_str(&format!("{nonce} begin {name}\n{body}\n{nonce} end {name} 0\n"));
        }
        Some(Output { stdout: text.into_bytes(), ..Output::default() })
    })
}

pub(super) fn lost() -> Fake {
    Fake::new("n2").cut_at(0)
}

pub(super) fn reached(hosts: &[(&str, Fake)]) -> Gathered<Prober> {
    let connection =
        |(name, fake): &(&str, Fake)| ((*name).to_owned(), Arc::new(Connection::Fake(fake.clone())));
    let connections = Gathered { ok: hosts.iter().map(connection).collect(), failed: BTreeMap::new() };
    reach::handles(&connections)
}

/// A host where everything is as `world` wants it, ledger included.
pub(super) fn converged(world: &World, name: &str) -> Vec<(&'static str, String)> {
    let secret = world.secrets.as_ref().unwrap().get("patroni.rest").unwrap().expose().to_owned();
    let text = format!("via 10.0.0.1\npassword {secret}\n");
    let hash = data_encoding::HEXLOWER.encode(&<sha2::Sha256 as sha2::Digest>::digest(text.as_bytes()));
    let fields =
        |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let mut ledger = Ledger::new("tiny", "salt".into());
    ledger.inventory = world.flat_inventory();
    let file =
        [("content", &*hash), ("group", "root"), ("mode", "0640"), ("owner", "root"), ("type", "file")];
    let unit = [("configuration", "current"), ("enabled", "yes"), ("masked", "no"), ("state", "active")];
    let file = ledger.protect(&fields(&file));
    for (label, kept) in [
        ("package:curl", fields(&[("installed", "yes")])),
        ("file:/etc/route", file),
        ("command:guarded", fields(&[("done", "yes")])),
        ("unit:router", fields(&unit)),
    ] {
        ledger.resources.insert(format!("{name}/{label}"), kept);
    }
    vec![
        ("paths", "regular file|0640|root|root|/etc/route".to_owned()),
        ("hashes", format!("{hash}  /etc/route")),
        ("packages", "curl|ii |8.14".to_owned()),
        ("units", "Id=router.service\nNames=router.service\nLoadState=loaded\nActiveState=active\nSubState=running\nUnitFileState=enabled\nNeedDaemonReload=no\n".to_owned()),
        ("checks", "NONCE item 0\n0\nNONCE done 0".to_owned()),
        ("contents", format!("NONCE item 0\n{text}\nNONCE done 0")),
        ("ledger", serde_json::to_string(&ledger).unwrap()),
    ]
}

/// The same with some sections replaced.
pub(super) fn but(sections: &[(&'static str, String)], other: &[(&str, &str)]) -> Fake {
    let replaced = |name: &str| other.iter().find(|(n, _)| *n == name).map(|(_, body)| (*body).to_owned());
    let mut all: Vec<(&str, String)> =
        sections.iter().map(|(name, body)| (*name, replaced(name).unwrap_or_else(|| body.clone()))).collect();
    let more = other.iter().filter(|(name, _)| !sections.iter().any(|(n, _)| n == name));
    all.extend(more.map(|(name, body)| (*name, (*body).to_owned())));
    let all: Vec<(&str, &str)> = all.iter().map(|(name, body)| (*name, body.as_str())).collect();
    host(&all)
}
