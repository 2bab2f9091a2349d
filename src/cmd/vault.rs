//! Owns when secrets are made: by `plan` and `apply`, where nobody can have used
//! others. Must not know what they are for.

use std::sync::Arc;

use super::world::World;
use crate::error::{Failure, Reason};
use crate::exec::now;
use crate::expand::Resource;
use crate::inventory::{Referred, nearest};
use crate::ledger::Ledger;
use crate::plan::Observed;
use crate::problem::{Problem, Problems};
use crate::report::ui::Ui;
use crate::secrets::{Form, Secrets};

impl World {
    /// Makes the secrets where there are none and none can have been used: no
    /// host has a ledger, and most of them were asked. Then the values that the
    /// inventory asks for and nobody made yet.
    pub(super) fn ensure_secrets(&mut self, observed: &Observed, ui: &Ui) -> Result<(), Failure> {
        if self.secrets.is_none() {
            self.first_secrets(observed, ui)?;
        }
        self.newest_secrets(observed)?;
        self.missing_secrets(observed, ui)?;
        if let Some(stage) = self.secrets.as_ref().and_then(|secrets| secrets.stage()) {
            ui.note(&format!("The certificate authority is being replaced, {}.", stage.now()));
        }
        for weak in self.secrets.iter().flat_map(|secrets| secrets.weak()) {
            ui.note(&format!("warning: {weak}"));
        }
        Ok(())
    }

    fn first_secrets(&mut self, observed: &Observed, ui: &Ui) -> Result<(), Failure> {
        let path = self.secrets_path();
        let shown = path.display();
        if let Some((host, _)) = observed.facts.iter().find(|(_, facts)| facts.ledger.is_some()) {
            return Err(self.lost(format!("{shown} is missing, and {host} was set up with it")));
        }
        if observed.facts.len() <= observed.unreachable.len() {
            let (lack, all) = (observed.unreachable.len(), self.hosts.len());
            return Err(self.lost(format!(
                "{shown} is missing, and {lack} of {all} hosts do not answer: nobody can tell whether they use it"
            )));
        }
        let _held = self.store.lock()?;
        let secrets = Secrets::generate(self.name(), now())?;
        self.store.create(&secrets)?;
        let keep = match self.store.form()? {
            Some(Form::Sealed) => "Keep it with the inventory; it is encrypted",
            _ => "Keep it safe and out of git",
        };
        ui.note(&format!("Made {shown}: the cluster's secrets. {keep}."));
        self.hold(secrets);
        Ok(())
    }

    /// One that a host was set up with is lost, not missing: another operator
    /// has it in his file.
    fn missing_secrets(&mut self, observed: &Observed, ui: &Ui) -> Result<(), Failure> {
        let Some(secrets) = &self.secrets else { return Ok(()) };
        let lacks = |resource: &&Resource| {
            resource.kind.manage().secret().is_some_and(|name| secrets.get(name).is_none())
        };
        let lacking: Vec<&Resource> = self.resources.iter().filter(lacks).collect();
        let mut names: Vec<&str> = lacking.iter().filter_map(|one| one.kind.manage().secret()).collect();
        names.sort_unstable();
        names.dedup();
        if names.is_empty() {
            return Ok(());
        }
        let path = self.secrets_path();
        for (host, facts) in &observed.facts {
            let ledger = Ledger::read(facts.ledger.as_deref()).unwrap_or_default();
            if let Some(one) = lacking.iter().find(|one| ledger.resources.contains_key(&one.id)) {
                let name = one.kind.manage().secret().unwrap_or_default();
                return Err(self.lost(format!(
                    "{} has no {name}, and {host} was set up with it ({})",
                    path.display(),
                    one.id
                )));
            }
        }
        Problems::check(self.unknown(&names, secrets))?;
        let _held = self.store.lock()?;
        let more = self.store.load()?.unwrap_or_else(|| secrets.as_ref().clone()).with(&names);
        self.store.replace(&more)?;
        ui.note(&format!("Made {} in {}.", names.join(", "), path.display()));
        self.hold(more);
        Ok(())
    }

    /// With older ones hosts would be given back what somebody replaced.
    pub(super) fn newest_secrets(&self, observed: &Observed) -> Result<(), Failure> {
        let outdated = self.secrets.as_ref().and_then(|secrets| observed.outdated(secrets));
        let Some(outdated) = outdated else { return Ok(()) };
        let mut failure = Failure::from(outdated);
        failure.message = format!("{}: {}", self.secrets_path().display(), failure.message);
        Err(failure)
    }

    /// Those that the file names itself are somebody's own: a misspelt one must not
    /// become a new password.
    fn unknown(&self, lacking: &[&str], secrets: &Secrets) -> Vec<Problem> {
        let referred = self.inventory.secrets_referred();
        let written = referred.iter().filter(|one| one.written && lacking.contains(&one.name.as_str()));
        let problem = |one: &Referred| {
            let place = self.inventory.place_of(&one.path)?;
            let path = self.secrets_path();
            let message = format!("`{}` names a secret that {} does not hold", one.path, path.display());
            let help = match nearest(&one.name, secrets.iter().map(|(name, _)| name)) {
                Some(near) => format!("did you mean \"secret://{near}\"?"),
                None => format!(
                    "`hacluster secrets set {0}` keeps a value, `secrets rotate {0}` makes one",
                    one.name
                ),
            };
            Some(Problem::error(&place.source, "HAC-E063", place.span, message).help(help))
        };
        written.filter_map(problem).collect()
    }

    /// Every host has the new values: those of before are of no more use. An authority
    /// that is being replaced goes on to its next stage.
    pub(super) fn settle_secrets(&self, ui: &Ui) -> Result<(), Failure> {
        if self.secrets.as_ref().is_none_or(|secrets| secrets.settled().is_none()) {
            return Ok(());
        }
        let _held = self.store.lock()?;
        // One that was rotated meanwhile is not on any host yet.
        if let Some(now) = self.store.load()?.filter(|now| Some(now) == self.secrets.as_deref())
            && let Some(settled) = now.settled()
        {
            self.store.replace(&settled)?;
            let shown = self.secrets_path().display().to_string();
            match now.stage() {
                Some(stage) => ui.note(&format!("{} {shown} was brought up to that.", stage.done())),
                None => ui.note(&format!("{shown} keeps the new values only: every host has them.")),
            }
        }
        Ok(())
    }

    fn hold(&mut self, secrets: Secrets) {
        let secrets = Arc::new(secrets);
        self.renderer = self.renderer_with(Some(Arc::clone(&secrets)));
        self.secrets = Some(secrets);
    }

    fn lost(&self, message: String) -> Failure {
        Failure::new(Reason::Secrets, message).hint(format!(
            "copy {} from where this cluster was made; new secrets would lock everybody out",
            self.secrets_path().display()
        ))
    }
}
