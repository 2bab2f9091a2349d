//! The built-in playbooks over the inventories that ship: they expand, their
//! graph builds, every template renders, and what services read looks right.

mod databases;
mod etcd;
mod exposure;
mod firewall;
mod hostile;
mod keepalived;
mod problems;
mod patroni;
mod pgdg;
mod rotation;
mod shell;
mod sshd;
mod systems;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use hacluster::expand::{Resource, expand};
use hacluster::facts::{Facts, Identity, Interface};
use hacluster::graph::Graph;
use hacluster::inventory::{self, Inventory};
use hacluster::playbook::{self, Playbook, StepKind};
use hacluster::render::Renderer;
use hacluster::resource::Kind;
use hacluster::secrets::Secrets;

const NOW: u64 = 1_790_000_000;

struct Cluster {
    inventory: Inventory,
    playbooks: Vec<Playbook>,
    renderer: Renderer,
    secrets: Arc<Secrets>,
    resources: Vec<Resource>,
}

impl Cluster {
    fn of(inventory: Inventory) -> Self {
        let secrets = Arc::new(Secrets::generate(&inventory.cluster.name, NOW).unwrap());
        let renderer = Renderer::new(None, Some(Arc::clone(&secrets)));
        let playbooks = playbook::load(None).unwrap_or_else(|problems| panic!("{problems}"));
        let resources = expand(&playbooks, &inventory.context(), &renderer)
            .unwrap_or_else(|problems| panic!("{problems}"));
        let more: Vec<&str> = resources.iter().filter_map(|r| r.kind.manage().secret()).collect();
        let secrets = Arc::new(secrets.with(&more));
        Self { inventory, playbooks, renderer, secrets, resources }
    }

    fn lab() -> Self {
        Self::of(shipped("lab.toml"))
    }

    /// What a container in the lab says of itself.
    fn facts(&self, host: &str) -> Facts {
        let hosts = self.inventory.hosts();
        let address = hosts.iter().find(|h| h.name == host).unwrap().address.to_string();
        let interfaces = vec![
            Interface { name: "lo".to_owned(), addresses: vec!["127.0.0.1".to_owned()] },
            Interface { name: "host0".to_owned(), addresses: vec![address] },
        ];
        let identity = Identity { container: true, interfaces, ..Identity::default() };
        Facts { identity, ..Facts::default() }
    }

    fn resolve(&self, resource: &Resource, facts: &Facts) -> Kind {
        let kind = resource.resolve(&self.renderer, Some(&self.secrets), facts, NOW);
        kind.unwrap_or_else(|error| panic!("{}: {error}", resource.id))
    }

    fn kind(&self, id: &str, change: impl FnOnce(&mut Facts)) -> Kind {
        let resource = self.resources.iter().find(|r| r.id == id).unwrap_or_else(|| panic!("no {id}"));
        let mut facts = self.facts(&resource.hosts[0]);
        change(&mut facts);
        self.resolve(resource, &facts)
    }

    /// A file's content, secrets by name.
    fn text(&self, id: &str) -> String {
        self.text_on(id, |_| ())
    }

    /// The same on a host that is otherwise.
    fn text_on(&self, id: &str, change: impl FnOnce(&mut Facts)) -> String {
        let Kind::File(file) = self.kind(id, change) else { panic!("{id} is no file") };
        self.secrets.mask(file.text.unwrap().expose())
    }
}

fn shipped(name: &str) -> Inventory {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("inventories").join(name);
    inventory::load(&path).unwrap_or_else(|problems| panic!("{problems}"))
}

/// What a host says of its system.
fn run(identity: &mut Identity, (os, version, codename): (&str, &str, &str)) {
    (identity.os, identity.os_version, identity.codename) =
        (os.to_owned(), version.to_owned(), codename.to_owned());
}

const DEBIAN_12: (&str, &str, &str) = ("debian", "12", "bookworm");
const DEBIAN_13: (&str, &str, &str) = ("debian", "13", "trixie");
const UBUNTU_2404: (&str, &str, &str) = ("ubuntu", "24.04", "noble");

/// The lab's inventory with some of its text replaced.
fn lab_with(from: &str, to: &str) -> Cluster {
    let text = shipped("lab.toml").source().text.clone();
    assert!(text.contains(from), "{from}");
    let parsed = inventory::parse("lab.toml", text.replace(from, to).as_bytes());
    Cluster::of(parsed.unwrap_or_else(|problems| panic!("{problems}")))
}

#[test]
fn every_inventory_that_ships_expands_and_renders() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("inventories");
    let names = dir.read_dir().unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut count = 0;
    for name in names.filter(|name| name.split_once('.').is_some_and(|(_, ending)| ending == "toml")) {
        let cluster = Cluster::of(shipped(&name));
        Graph::build(&cluster.resources, &cluster.playbooks).unwrap_or_else(|e| panic!("{name}: {e}"));
        for resource in &cluster.resources {
            cluster.resolve(resource, &cluster.facts(&resource.hosts[0]));
        }
        count += 1;
    }
    assert!(count > 0);
}

/// K3s sets these itself, and needs what it sets.
#[test]
fn no_kernel_setting_of_k3s_is_ours() {
    let theirs = ["vm.overcommit_memory", "ip_forward", "rp_filter", "tcp_syncookies"];
    let resources = Cluster::lab().resources;
    let keys = resources.iter().filter_map(|resource| match &resource.kind {
        Kind::Sysctl(sysctl) => Some(sysctl.key.as_str()),
        _ => None,
    });
    let keys: BTreeSet<&str> = keys.collect();
    assert!(keys.len() > 3, "{keys:?}");
    assert!(!keys.iter().any(|key| theirs.iter().any(|other| key.contains(other))), "{keys:?}");
}

#[test]
fn every_template_is_used() {
    let cluster = Cluster::lab();
    let steps = cluster.playbooks.iter().flat_map(|p| &p.steps);
    let used: BTreeSet<&str> = steps
        .filter_map(|step| match &step.kind {
            StepKind::File(file) => file.template.as_deref(),
            StepKind::PatroniConfig(config) => Some(config.template.as_str()),
            _ => None,
        })
        .collect();
    let there: BTreeSet<&str> = cluster.renderer.names().collect();
    assert_eq!(there, used);
}

#[test]
fn clock_and_watchdog_follow_the_facts() {
    let cluster = Cluster::lab();
    assert!(cluster.text("node1/file:/etc/default/chrony").contains("DAEMON_OPTS=\"-F 1 -x\"\n"));
    let on_metal = |id: &str| {
        let Kind::File(file) = cluster.kind(id, |facts| {
            facts.identity.can_set_clock = true;
            facts.identity.watchdog = true;
        }) else {
            panic!("{id} is no file")
        };
        file.text.unwrap().expose().to_owned()
    };
    assert!(on_metal("node1/file:/etc/default/chrony").ends_with("\nDAEMON_OPTS=\"-F 1\"\n"));
    assert!(
        !on_metal("node1/file:/etc/systemd/system/chrony.service.d/hacluster.conf").contains("Condition")
    );
    assert!(on_metal("node1/file:/etc/patroni/config.yml").contains("watchdog:\n  mode: automatic\n"));
    assert!(
        on_metal("node1/file:/etc/systemd/system/patroni.service.d/hacluster.conf").contains("/dev/watchdog")
    );
}
