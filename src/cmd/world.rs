//! Owns what every command begins with: the inventory, the playbooks, the
//! resources and their graph, the secrets. Must not contact a host.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::unlock::{self, Vault};
use super::{limits, pins};
use crate::cli::{Globals, SelectArgs};
use crate::error::{Failure, Reason};
use crate::expand::{Resource, expand};
use crate::graph::Graph;
use crate::inventory::{self, Host, Inventory};
use crate::ledger::flatten;
use crate::plan::{Observed, Planner, Selection, Systems, Wish};
use crate::playbook::{self, Playbook};
use crate::problem::{Problem, Problems};
use crate::render::Renderer;
use crate::resource::Kind;
use crate::secrets::{Secrets, Store};

/// Everything that follows from the files.
#[derive(Debug)]
pub(super) struct World {
    pub(super) inventory: Inventory,
    pub(super) hosts: Vec<Host>,
    pub(super) playbooks: Vec<Playbook>,
    pub(super) resources: Vec<Resource>,
    pub(super) graph: Graph,
    pub(super) renderer: Renderer,
    pub(super) secrets: Option<Arc<Secrets>>,
    pub(super) store: Store,
    /// Why secrets that are there were not read.
    pub(super) blind: Option<String>,
    pub(super) file: PathBuf,
    templates: Option<PathBuf>,
}

impl World {
    pub(super) fn load(globals: &Globals, vault: Vault) -> Result<Self, Failure> {
        let inventory = inventory::load(&globals.file)?;
        let templates = folder(globals.templates.as_deref(), &globals.file, "templates")?;
        let own = folder(globals.playbooks.as_deref(), &globals.file, "playbooks")?;
        let playbooks = playbook::load(own.as_deref())?;
        Problems::check(limits::unused(&inventory, &playbooks))?;
        let store = unlock::store(globals, &inventory);
        let (secrets, blind) = unlock::read(&store, vault)?;
        let secrets = secrets.map(Arc::new);
        let renderer = Renderer::new(templates.as_deref(), secrets.clone());
        let resources = expand(&playbooks, &unlock::context(&inventory, secrets.as_deref()), &renderer)?;
        Problems::check(pins::unused(&inventory, &resources))?;
        let graph = Graph::build(&resources, &playbooks)?;
        let world = Self {
            hosts: inventory.hosts(),
            file: globals.file.clone(),
            inventory,
            playbooks,
            resources,
            graph,
            renderer,
            secrets,
            store,
            blind,
            templates,
        };
        Problems::check(world.missing_templates())?;
        Ok(world)
    }

    /// Steps that name a template nobody has.
    fn missing_templates(&self) -> Vec<Problem> {
        let missing = self.resources.iter().filter_map(|resource| {
            let name = template_of(&resource.kind).filter(|name| !self.renderer.has(name))?;
            let place = &resource.place;
            let message = format!("there is no template {name}");
            let problem = Problem::error(&place.source, "HAC-E089", place.span.clone(), message);
            Some(problem.help("put it into templates/ beside the inventory, or name another"))
        });
        let mut problems: Vec<Problem> = missing.collect();
        problems.dedup();
        problems
    }

    pub(super) fn planner(&self) -> Planner<'_> {
        Planner {
            resources: &self.resources,
            graph: &self.graph,
            renderer: &self.renderer,
            secrets: self.secrets.as_deref(),
        }
    }

    /// What the hosts that answered run.
    pub(super) fn systems<'a>(&'a self, observed: &'a Observed) -> Systems<'a> {
        Systems { inventory: &self.inventory, hosts: &self.hosts, facts: &observed.facts }
    }

    /// The same templates with other secrets.
    pub(super) fn renderer_with(&self, secrets: Option<Arc<Secrets>>) -> Renderer {
        Renderer::new(self.templates.as_deref(), secrets)
    }

    pub(super) fn name(&self) -> &str {
        &self.inventory.cluster.name
    }

    pub(super) fn secrets_path(&self) -> PathBuf {
        self.store.path().to_owned()
    }

    /// Flat inventory values, as ledgers keep them.
    pub(super) fn flat_inventory(&self) -> BTreeMap<String, String> {
        let mut context = self.inventory.context();
        if let Some(tables) = context.as_object_mut() {
            tables.remove("hosts");
            tables.remove("computed");
        }
        flatten(&context)
    }

    /// Names of hosts must be known.
    pub(super) fn check_hosts<'n>(&self, names: impl IntoIterator<Item = &'n String>) -> Result<(), Failure> {
        for name in names {
            if !self.hosts.iter().any(|host| &host.name == name) {
                let known: Vec<&str> = self.hosts.iter().map(|host| host.name.as_str()).collect();
                let message = format!("there is no host {name} in {}", self.file.display());
                return Err(Failure::new(Reason::Usage, message).hint(format!("it has {}", known.join(", "))));
            }
        }
        Ok(())
    }

    /// What the flags select; every host must be known. What else they name may be
    /// known to a host's ledger alone: see `check_selection`.
    pub(super) fn select(&self, args: &SelectArgs) -> Result<Selection, Failure> {
        // An empty variable is none.
        let words = |list: &[String]| list.iter().filter(|word| !word.is_empty()).cloned().collect();
        let wish = Wish { target: words(&args.target), exclude: words(&args.exclude), on: words(&args.on) };
        Selection::new(wish, &self.hosts).map_err(Failure::from)
    }

    /// Every word of a selection must mean something. `silent`: hosts whose ledgers
    /// were not read.
    pub(super) fn check_selection<'h>(
        &self,
        selection: &Selection,
        silent: impl IntoIterator<Item = &'h String>,
    ) -> Result<(), Failure> {
        let silent = silent.into_iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        selection.check(&self.resources).map_err(|unknown| match &*silent {
            "" => Failure::from(unknown),
            silent => Failure::from(unknown)
                .hint(format!("what only the ledger of {silent} holds is not known: no answer from there")),
        })
    }

    /// Secrets and escape sequences taken out of a text that people will read.
    pub(super) fn masked(&self, text: &str) -> String {
        self.secrets.as_ref().map_or_else(|| text.to_owned(), |secrets| secrets.mask(text))
    }

    /// Names and titles of playbooks, in the order in which they build upon each
    /// other; the user's own come last.
    pub(super) fn titles(&self) -> Vec<(String, String)> {
        let known = inventory::components(&self.inventory);
        let mut playbooks: Vec<&Playbook> = self.playbooks.iter().collect();
        let place = |name: &str| known.iter().position(|component| component.name == name);
        playbooks.sort_by_key(|playbook| place(&playbook.name).unwrap_or(known.len()));
        playbooks.into_iter().map(|playbook| (playbook.name.clone(), playbook.title.clone())).collect()
    }

    /// What the user replaces, a sentence each.
    pub(super) fn own_playbooks(&self) -> Vec<String> {
        let own = self.playbooks.iter().filter(|playbook| !playbook.source.name.starts_with("built-in "));
        own.map(|playbook| format!("playbook {} comes from {}", playbook.name, playbook.source.name))
            .collect()
    }

    /// Tables of the file that no playbook serves yet.
    pub(super) fn left_out(&self) -> Vec<String> {
        let all = inventory::components(&self.inventory);
        let unbuilt = all.into_iter().filter(|component| component.enabled && !component.built);
        let say = |component: inventory::Component| {
            let place = component.place.as_ref().map(crate::report::problems::line_of);
            let place = place.map(|place| format!(" ({place})")).unwrap_or_default();
            format!("{} is in the file{place} and is not built yet: left out", component.name)
        };
        unbuilt.map(say).collect()
    }
}

/// The template a kind's content comes from.
pub(super) fn template_of(kind: &Kind) -> Option<&str> {
    match kind {
        Kind::File(file) => file.template.as_deref(),
        Kind::PatroniConfig(config) => Some(&config.template),
        _ => None,
    }
}

/// A named folder must exist; the default one is used where it does.
fn folder(named: Option<&Path>, file: &Path, default: &str) -> Result<Option<PathBuf>, Failure> {
    if let Some(path) = named {
        if path.is_dir() {
            return Ok(Some(path.to_owned()));
        }
        return Err(Failure::new(Reason::Usage, format!("{} is not a folder", path.display())));
    }
    let beside = file.with_file_name(default);
    Ok(beside.is_dir().then_some(beside))
}
