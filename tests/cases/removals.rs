//! Owns the cases of what nothing asks for any more: ledgers against playbooks,
//! what becomes of each entry, and in which order. Must not know any single case.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use hacluster::expand::{Resource, expand};
use hacluster::graph::{Graph, Node};
use hacluster::inventory;
use hacluster::ledger::{Ledger, flatten};
use hacluster::playbook::{self, Playbook};
use hacluster::prune::{Wanted, removals};
use hacluster::render::Renderer;
use hacluster::resource::{Fate, Kind};
use hacluster::span::Source;
use serde::Deserialize;
use toml::Table;

use super::{Case, line};

/// Two hosts without a database, `n1` and `n2`.
const TINY: &str = r#"
cluster = { name = "tiny" }
network = { subnet = "10.0.0.0/24", gateway = "10.0.0.1" }
node = [{ name = "n1", address = "10.0.0.11" }, { name = "n2", address = "10.0.0.12" }]
etcd = { enabled = false }
postgres = { enabled = false }
"#;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    /// Data may go too.
    #[serde(default)]
    destroy: bool,
    inventory: Option<String>,
    /// Instead of the built-in ones.
    playbooks: Option<BTreeMap<String, String>>,
    /// As they lie on each host; version, cluster and salt where a case names none.
    ledgers: BTreeMap<String, Table>,
}

impl Given {
    fn playbooks(&self) -> Vec<Playbook> {
        let Some(own) = &self.playbooks else { return playbook::load(None).unwrap() };
        let parse = |(name, steps): (&String, &String)| {
            let text = format!("[playbook]\nname = {name:?}\ntitle = \"tests\"\non = \"base\"\n{steps}");
            playbook::parse(&Source::new(name.clone(), text)).unwrap()
        };
        own.iter().map(parse).collect()
    }

    fn ledgers(&self) -> BTreeMap<String, Ledger> {
        let read = |(host, table): (&String, &Table)| {
            let mut whole: Table = toml::from_str("version = 2\ncluster = \"tiny\"\nsalt = \"s\"").unwrap();
            whole.extend(["resources", "inventory"].map(|key| (key.to_owned(), Table::new().into())));
            whole.extend(table.clone());
            let text = serde_json::to_string(&whole).unwrap();
            (host.clone(), Ledger::read(Some(&text)).unwrap())
        };
        self.ledgers.iter().map(read).collect()
    }
}

pub(super) fn actual(case: &Case) -> String {
    let given: Given = case.given();
    let inventory = inventory::parse("cluster.toml", given.inventory.as_deref().unwrap_or(TINY).as_bytes());
    let context = inventory.unwrap_or_else(|error| panic!("{}: {error}", case.path.display())).context();
    let playbooks = given.playbooks();
    let mut resources = expand(&playbooks, &context, &Renderer::new(None, None)).unwrap();
    let flat = flatten(&context);
    let wanted = Wanted { cluster: "tiny", resources: &resources, playbooks: &playbooks, inventory: &flat };
    let gone = removals(&wanted, &given.ledgers(), given.destroy);
    resources.extend(gone);
    let graph = Graph::build(&resources, &playbooks).unwrap();
    let mut out = "[expect]\norder = [\n".to_owned();
    let mut stays = "]\nstays = [\n".to_owned();
    for node in &graph.order {
        let Node::Resource(index) = graph.dag[*node] else { continue };
        told(&resources[index], given.playbooks.is_some(), &mut out, &mut stays);
    }
    out + &stays + "]\n"
}

/// Beside what goes, units of a case's own playbooks stand in their order too.
fn told(resource: &Resource, own: bool, out: &mut String, stays: &mut String) {
    let id = &resource.id;
    let rolls = if resource.rolling { ", one at a time" } else { "" };
    let Kind::Gone(gone) = &resource.kind else {
        if own && matches!(resource.kind, Kind::Unit(_)) {
            let _ = writeln!(out, "    {},", line(&format!("{id} is asked for")));
        }
        return;
    };
    let _ = match &gone.fate {
        Fate::Removed { with } if with.is_empty() => {
            writeln!(out, "    {},", line(&format!("{id} goes{rolls}: {}", gone.reason)))
        }
        Fate::Removed { with } => {
            let with: Vec<&str> = with.iter().map(String::as_str).collect();
            let with = with.join(", ");
            writeln!(out, "    {},", line(&format!("{id} goes{rolls}, beside {with}: {}", gone.reason)))
        }
        Fate::Forgotten(why) => writeln!(stays, "    {},", line(&format!("{id} is forgotten: {why}"))),
        Fate::Kept(why) => writeln!(stays, "    {},", line(&format!("{id} is kept: {why}"))),
    };
}
