//! Owns what the tests of the executor share: a cluster made of files, and the
//! names of its parts. Must not open a connection to anything real.

mod applies;
mod compose;
mod confirm;
mod cut;
mod failure;
mod host;
mod kill;
mod limits;
mod lint;
mod lock;
mod order;
mod plans;
mod properties;
mod prune;
mod rolling;
mod secrets;
mod selection;
mod shell;
mod sim;
mod updates;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use petgraph::graph::NodeIndex;

use crate::expand::{Resource, expand};
use crate::graph::{Graph, Node};
use crate::inventory::{self, Host};
use crate::ledger::Ledger;
use crate::plan::{Planner, Selection, Wish};
use crate::playbook::{self, Playbook};
use crate::prune::{Wanted, removals};
use crate::render::Renderer;
use crate::resource::Kind;
use crate::secrets::Secrets;
use crate::span::Source;

const TINY: &str = r#"[cluster]
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

/// Everything that follows from an inventory and its playbooks.
pub(super) struct World {
    pub(super) hosts: Vec<Host>,
    pub(super) resources: Vec<Resource>,
    pub(super) graph: Graph,
    pub(super) playbooks: Vec<Playbook>,
    pub(super) renderer: Renderer,
    pub(super) secrets: Arc<Secrets>,
}

impl World {
    pub(super) fn new(inventory: &str, playbooks: &[Playbook], templates: Option<&Path>) -> Self {
        let secrets = Arc::new(Secrets::generate("tests", 1_790_000_000).unwrap());
        Self::with(secrets, inventory, playbooks, templates)
    }

    /// The same secrets make the same contents.
    pub(super) fn with(
        secrets: Arc<Secrets>,
        inventory: &str,
        playbooks: &[Playbook],
        templates: Option<&Path>,
    ) -> Self {
        let renderer = Renderer::new(templates, Some(Arc::clone(&secrets)));
        let inventory = inventory::parse("cluster.toml", inventory.as_bytes()).unwrap();
        let resources = expand(playbooks, &inventory.context(), &renderer).unwrap();
        let graph = Graph::build(&resources, playbooks).unwrap();
        Self { hosts: inventory.hosts(), resources, graph, playbooks: playbooks.to_vec(), renderer, secrets }
    }

    /// The lab's cluster under the built-in playbooks.
    pub(super) fn lab() -> &'static Self {
        static LAB: LazyLock<World> = LazyLock::new(|| {
            World::new(include_str!("../../../inventories/lab.toml"), &playbook::load(None).unwrap(), None)
        });
        &LAB
    }

    /// Two hosts, n1 and n2, with these steps on each.
    pub(super) fn tiny(steps: &str, templates: Option<&Path>) -> Self {
        let text = format!("[playbook]\nname = \"base\"\ntitle = \"tests\"\non = \"base\"\n{steps}");
        let playbook = playbook::parse(&Source::new("base.toml", text)).unwrap();
        Self::new(TINY, &[playbook], templates)
    }

    /// Takes in what ledgers hold beyond the steps.
    pub(super) fn prune(&mut self, ledgers: &BTreeMap<String, Ledger>, destroy: bool) {
        let inventory = BTreeMap::new();
        let wanted = Wanted {
            cluster: "tiny",
            resources: &self.resources,
            playbooks: &self.playbooks,
            inventory: &inventory,
        };
        let gone = removals(&wanted, ledgers, destroy);
        self.resources.extend(gone);
        self.graph = Graph::build(&self.resources, &self.playbooks).unwrap();
    }

    pub(super) fn planner(&self) -> Planner<'_> {
        Planner {
            resources: &self.resources,
            graph: &self.graph,
            renderer: &self.renderer,
            secrets: Some(&self.secrets),
        }
    }

    /// As with these flags: `--target`, `--exclude`, `--on`.
    pub(super) fn select(&self, [target, exclude, on]: [&str; 3]) -> Selection {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect();
        let wish = Wish { target: words(target), exclude: words(exclude), on: words(on) };
        let selection = Selection::new(wish, &self.hosts).unwrap();
        selection.check(&self.resources).unwrap();
        selection
    }

    pub(super) fn find(&self, id: &str) -> usize {
        let found = self.resources.iter().position(|resource| resource.id == id);
        found.unwrap_or_else(|| panic!("there is no {id}"))
    }

    pub(super) fn id(&self, index: usize) -> &str {
        &self.resources[index].id
    }

    /// Names of the etcd members, and their hosts.
    pub(super) fn members(&self) -> BTreeMap<String, String> {
        let member = |resource: &Resource| match &resource.kind {
            Kind::EtcdMember(member) => Some((member.name.clone(), resource.hosts[0].clone())),
            _ => None,
        };
        self.resources.iter().filter_map(member).collect()
    }

    /// Hard predecessors of a resource, through phases, playbooks and gates.
    pub(super) fn before(&self, index: usize) -> Vec<usize> {
        let node = |index| {
            let is = |node: &NodeIndex| self.graph.dag[*node] == Node::Resource(index);
            self.graph.dag.node_indices().find(is).unwrap()
        };
        let (mut open, mut found) = (vec![node(index)], Vec::new());
        while let Some(next) = open.pop() {
            for (from, _) in self.graph.predecessors(next).filter(|(_, edge)| !edge.soft) {
                match self.graph.dag[from] {
                    Node::Resource(index) => found.push(index),
                    _ => open.push(from),
                }
            }
        }
        found
    }
}
