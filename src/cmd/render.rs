//! Owns `render`: one template as one host would get it. Secrets are masked
//! always, so it needs none: made-up ones stand in their place.

use std::sync::Arc;

use super::unlock::Vault;
use super::world::{World, template_of};
use super::{block_on, reach};
use crate::cli::{Globals, RenderArgs};
use crate::error::{Exit, Failure, Reason};
use crate::exec::now;
use crate::expand::{Resource, needs};
use crate::facts::{Facts, Needs, probe_body};
use crate::render::{RenderError, Renderer};
use crate::report::Reporter;
use crate::report::clean::clean;
use crate::report::ui::Ui;
use crate::secrets::Secrets;
use serde_json::json;

/// One template for one host.
struct Wanted<'a> {
    template: &'a str,
    host: &'a str,
}

pub(super) fn run(ui: &Ui, globals: &Globals, args: &RenderArgs) -> Result<Exit, Failure> {
    let world = World::load(globals, Vault::Shut)?;
    match (&args.probe, &args.template, &args.host) {
        (Some(host), _, _) => probe(ui, &world, host),
        (None, Some(template), Some(host)) => template_for(ui, &world, &Wanted { template, host }),
        _ => Err(Failure::new(Reason::Usage, "name a template and a host".to_owned())),
    }
}

/// The script that `plan` sends to one host.
fn probe(ui: &Ui, world: &World, host: &str) -> Result<Exit, Failure> {
    world.check_hosts([&host.to_owned()])?;
    let all = needs(&world.resources);
    let text = probe_body(all.get(host).unwrap_or(&Needs::default()), "hacluster");
    ui.json(&json!({ "type": "probe", "host": host, "text": text }))?;
    ui.say(&text)?;
    Ok(Exit::Clean)
}

fn template_for(ui: &Ui, world: &World, args: &Wanted<'_>) -> Result<Exit, Failure> {
    world.check_hosts([&args.host.to_owned()])?;
    if !world.renderer.has(args.template) {
        return Err(unknown(world, args.template));
    }
    let facts = if asks_facts(&world.renderer, args.template) {
        facts(ui, world, args.host)?
    } else {
        Facts::default()
    };
    let secrets = Arc::new(Secrets::generate(world.name(), now())?);
    let renderer = world.renderer_with(Some(Arc::clone(&secrets)));
    let found = users(world, args);
    if found.is_empty() {
        return Err(Failure::new(
            Reason::Usage,
            format!("{} holds nothing, so nothing is rendered for it", args.host),
        ));
    }
    let named = found.len() > 1;
    for resource in found {
        let text = resource.render(&renderer, args.template, &facts).map_err(failure)?;
        let text = clean(&secrets.mask(&text));
        ui.json(&json!({ "type": "rendered", "id": resource.id, "template": args.template, "text": text }))?;
        if named {
            ui.note(&format!("# {}", resource.id));
        }
        ui.say(&text)?;
    }
    Ok(Exit::Clean)
}

/// The resources on the host that use the template; else any, to lend its context.
fn users<'w>(world: &'w World, args: &Wanted<'_>) -> Vec<&'w Resource> {
    let here =
        || world.resources.iter().filter(|resource| resource.hosts.iter().any(|host| host == args.host));
    let users: Vec<&Resource> =
        here().filter(|resource| template_of(&resource.kind) == Some(args.template)).collect();
    if users.is_empty() { here().take(1).collect() } else { users }
}

/// Whether a template, or one it takes in, may read what is true on its host.
fn asks_facts(renderer: &Renderer, name: &str) -> bool {
    let text = renderer.text(name).unwrap_or_default();
    ["host.facts", "include", "import", "extends"].iter().any(|word| text.contains(word))
}

fn facts(ui: &Ui, world: &World, host: &str) -> Result<Facts, Failure> {
    let reporter = Reporter::reading(ui);
    let observed = block_on(async {
        let reached = reach::probers(world, &[host], &reporter).await?;
        let needs = [(host.to_owned(), Needs::default())].into();
        reach::observe(&reached, &needs, &reporter).await
    });
    reporter.finish();
    let mut observed = observed??;
    Ok(observed.facts.remove(host).unwrap_or_default())
}

fn failure(error: RenderError) -> Failure {
    match error {
        RenderError::Problems(problems) => problems.into(),
        RenderError::NoSecrets => Failure::new(Reason::Secrets, error.to_string()),
    }
}

fn unknown(world: &World, name: &str) -> Failure {
    let failure = Failure::new(Reason::Usage, format!("there is no template {name}"));
    let near = |known: &&str| strsim::jaro_winkler(known, name) > 0.8;
    let mut near: Vec<&str> = world.renderer.names().filter(near).collect();
    if near.is_empty() {
        near = world.renderer.names().collect();
    }
    failure.hint(format!("there are {}", near.join(", ")))
}
