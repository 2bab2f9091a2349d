//! Owns what commands say and refuse about whose a thing is: what is taken over,
//! what stays, what data goes. Must not contact a host.

use std::collections::BTreeMap;

use super::world::World;
use crate::cli::AllowArgs;
use crate::error::{Failure, Reason};
use crate::expand::needs;
use crate::facts::Needs;
use crate::graph::Graph;
use crate::ledger::Ledger;
use crate::plan::{Allowed, Assessment, Foreign, Observed, Plan};
use crate::problem::Problems;
use crate::prune::{Wanted, removals};
use crate::resource::{Change, Kind};

/// What is named of a longer list.
const NAMED: usize = 4;

impl World {
    /// Takes in what hosts' ledgers hold and nothing asks for any more, and tells
    /// what must be asked about it. `destroy`: data may go too.
    pub(super) fn prune(
        &mut self,
        observed: &Observed,
        destroy: bool,
    ) -> Result<BTreeMap<String, Needs>, Problems> {
        let inventory = self.flat_inventory();
        let wanted = Wanted {
            cluster: self.name(),
            resources: &self.resources,
            playbooks: &self.playbooks,
            inventory: &inventory,
        };
        let gone = removals(&wanted, &observed.ledgers(), destroy);
        let needs = needs(&gone);
        if !gone.is_empty() {
            self.resources.extend(gone);
            self.graph = Graph::build(&self.resources, &self.playbooks)?;
        }
        Ok(needs)
    }
}

/// As on the command line.
pub(super) fn allowed(args: &AllowArgs) -> Allowed {
    Allowed { destroy: args.allow_destroy, adopt: args.adopt.clone() }
}

/// Lets steps take over what is there, as `replaces = true` in them would.
pub(super) fn adopt(world: &mut World, paths: &[String]) -> Result<(), Failure> {
    for path in paths {
        let mut found = path == "all";
        for resource in &mut world.resources {
            let (own, replaces) = match &mut resource.kind {
                Kind::File(file) => (&file.path, &mut file.replaces),
                Kind::Link(link) => (&link.path, &mut link.replaces),
                _ => continue,
            };
            if path == "all" || own == path {
                *replaces = true;
                found = true;
            }
        }
        if !found {
            return Err(Failure::new(Reason::Usage, format!("no step makes a file or link {path}"))
                .hint("`hacluster plan` names what is in the way; --adopt all takes over all of it"));
        }
    }
    Ok(())
}

/// Nothing is applied while something is in the way that was selected.
pub(super) fn refuse<'a>(chosen: impl Iterator<Item = &'a Assessment>) -> Result<(), Failure> {
    let ways: Vec<&Assessment> = chosen.filter(|a| a.foreign == Foreign::InTheWay).collect();
    if ways.is_empty() {
        return Ok(());
    }
    let message = format!("{} of the files to write are there and are not hacluster's", ways.len());
    let failure = Failure::new(Reason::Foreign, message);
    let failure = ways.iter().fold(failure, |failure, a| failure.hint(a.id.clone()));
    Err(failure.hint("nothing was changed; --adopt PATH takes one over, --adopt all takes over all"))
}

/// Why a file that is not ours gets another content, or does not.
pub(super) fn takes_over(assessment: &Assessment, diff: Option<String>) -> String {
    let kept = "its content is kept below /var/lib/hacluster/previous";
    let marked = |line: &&str| line.starts_with(['+', '-']);
    let lines = diff.map(|diff| diff.lines().filter(marked).count()).filter(|count| *count > 0);
    let differs = lines.map_or_else(|| "it differs".to_owned(), |count| format!("{count} lines differ"));
    let path = assessment.id.split_once(':').map_or("PATH", |(_, path)| path);
    match assessment.foreign {
        Foreign::TakenOver => format!("takes over what is there: {differs}, {kept}"),
        _ => format!(
            "it is there and is not hacluster's: {differs}; `apply --adopt {path}` takes it over, {kept}"
        ),
    }
}

/// What stays although nothing asks for it any more, a sentence for each reason.
pub(super) fn kept(plan: &Plan) -> Vec<String> {
    let mut by_reason: BTreeMap<(&str, &str), Vec<String>> = BTreeMap::new();
    for (host, label, why) in plan.stays() {
        by_reason.entry((host, why)).or_default().push(label);
    }
    let say = |((host, why), labels): ((&str, &str), Vec<String>)| {
        let more = labels.len().saturating_sub(NAMED);
        let named = labels[..labels.len() - more].join(", ");
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("{host} keeps {named}{more}, which nothing asks for any more: {why}")
    };
    by_reason.into_iter().map(say).collect()
}

/// Hosts that were set up as part of another cluster: nothing is removed there.
pub(super) fn other_clusters(own: &str, ledgers: &BTreeMap<String, Ledger>) -> Vec<String> {
    let others = ledgers.iter().filter(|(_, ledger)| ledger.cluster != own);
    let say = |(host, ledger): (&String, &Ledger)| {
        format!("{host} was set up as part of cluster {}: nothing is removed there", ledger.cluster)
    };
    others.map(say).collect()
}

/// The data that a plan destroys.
pub(super) fn destroyed<'a>(chosen: impl Iterator<Item = &'a Assessment>) -> Vec<String> {
    let data = |a: &Assessment| {
        let Kind::Gone(gone) = &a.kind else { return None };
        match &*gone.kind {
            Kind::Directory(directory) if directory.data => Some(format!("{} on {}", directory.path, a.host)),
            Kind::EtcdMember(member) => Some(format!("etcd member {} on {}", member.name, a.host)),
            Kind::PostgresDatabase(database) => Some(format!("database {} and all in it", database.name)),
            Kind::PostgresExtension(one) => {
                Some(format!("extension {} of database {}", one.name, one.database))
            }
            _ => None,
        }
    };
    chosen.filter(|a| a.change == Change::Remove).filter_map(data).collect()
}
