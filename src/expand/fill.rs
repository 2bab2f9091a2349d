//! Owns filling in: a step's table, its strings rendered, as resource kinds.
//! Must not know hosts, nor the other steps.

use std::collections::BTreeMap;

use minijinja::value::Value;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use super::expansion::{Expansion, Spot};
use crate::playbook::{PackageList, StepKind};
use crate::problem::{Problem, Problems};
use crate::resource::{
    Command, EtcdAuth, EtcdMembers, File, Kind, Package, PatroniConfig, PatroniRestart, Sysctl, Wait,
};
use crate::span::Place;

impl Expansion<'_> {
    pub(super) fn kinds(&self, spot: &Spot<'_>) -> Result<Vec<Kind>, Problems> {
        let Spot { step, context, .. } = spot;
        let name = || step.name.clone();
        let at = &step.place;
        Ok(vec![match &step.kind {
            StepKind::File(spec) => Kind::File(self.fill(spec, at, context)?),
            StepKind::Directory(spec) => Kind::Directory(self.fill(spec, at, context)?),
            StepKind::Link(spec) => Kind::Link(self.fill(spec, at, context)?),
            StepKind::User(spec) => Kind::User(self.fill(spec, at, context)?),
            StepKind::Group(spec) => Kind::Group(self.fill(spec, at, context)?),
            StepKind::Unit(spec) => Kind::Unit(self.fill(spec, at, context)?),
            StepKind::Certificate(spec) => {
                Kind::Certificate(Box::new(self.fill(spec.as_ref(), at, context)?))
            }
            StepKind::EtcdMember(spec) => Kind::EtcdMember(self.fill(spec, at, context)?),
            StepKind::Command(spec) => {
                Kind::Command(Command { name: name(), ..self.fill(spec, at, context)? })
            }
            StepKind::Wait(spec) => Kind::Wait(Wait { name: name(), ..self.fill(spec, at, context)? }),
            StepKind::EtcdMembers(spec) => {
                Kind::EtcdMembers(EtcdMembers { name: name(), ..self.fill(spec, at, context)? })
            }
            StepKind::EtcdAuth(spec) => {
                Kind::EtcdAuth(EtcdAuth { name: name(), ..self.fill(spec, at, context)? })
            }
            StepKind::EtcdPassword(spec) => Kind::EtcdPassword(self.fill(spec, at, context)?),
            StepKind::PatroniConfig(spec) => {
                Kind::PatroniConfig(PatroniConfig { name: name(), ..self.fill(spec, at, context)? })
            }
            StepKind::PatroniRestart(spec) => {
                Kind::PatroniRestart(PatroniRestart { name: name(), ..self.fill(spec, at, context)? })
            }
            StepKind::PostgresPassword(spec) => Kind::PostgresPassword(self.fill(spec, at, context)?),
            StepKind::PostgresUser(spec) => Kind::PostgresUser(self.fill(spec, at, context)?),
            StepKind::PostgresDatabase(spec) => Kind::PostgresDatabase(self.fill(spec, at, context)?),
            StepKind::PostgresExtension(spec) => Kind::PostgresExtension(self.fill(spec, at, context)?),
            StepKind::PostgresGrant(spec) => Kind::PostgresGrant(self.fill(spec, at, context)?),
            StepKind::Package(list) => return self.packages(list, at, context),
            StepKind::Sysctl(map) => return self.sysctls(map, spot),
        }])
    }

    /// By system: the union of all lists, each package with the systems it is for,
    /// because ids do not depend on facts.
    fn packages(&self, list: &PackageList, at: &Place, context: &Value) -> Result<Vec<Kind>, Problems> {
        let names = list.names().into_iter().map(str::to_owned).collect::<Vec<_>>();
        let filled: Vec<String> = self.fill(&names, at, context)?;
        let pinned = context.get_attr("packages").and_then(|table| table.get_attr("versions")).ok();
        let package = |(name, written): (String, &String)| {
            let version = pinned.as_ref().and_then(|pinned| pinned.get_attr(&name).ok());
            let version = version.and_then(|version| version.as_str().map(str::to_owned));
            Kind::Package(Package { name, absent: false, version, on: list.systems(written) })
        };
        Ok(filled.into_iter().zip(&names).map(package).collect())
    }

    /// The live settings, and the file that keeps them over a reboot.
    fn sysctls(&self, map: &BTreeMap<String, String>, spot: &Spot<'_>) -> Result<Vec<Kind>, Problems> {
        let map: BTreeMap<String, String> = self.fill(map, &spot.step.place, &spot.context)?;
        let lines: String = map.iter().map(|(key, value)| format!("{key} = {value}\n")).collect();
        let name =
            format!("{} {}", spot.playbook.name, spot.step.name).replace(|c: char| !c.is_alphanumeric(), "-");
        let file = File::literal(
            &format!("/etc/sysctl.d/60-hacluster-{name}.conf"),
            &format!("# Managed by hacluster: {}.\n{lines}", spot.playbook.title),
        );
        let live = map.into_iter().map(|(key, value)| Kind::Sysctl(Sysctl { key, value }));
        Ok(std::iter::once(Kind::File(file)).chain(live).collect())
    }

    /// Renders every string in a spec.
    pub(super) fn fill<T: Serialize + DeserializeOwned>(
        &self,
        spec: &T,
        at: &Place,
        context: &Value,
    ) -> Result<T, Problems> {
        let mut json = serde_json::to_value(spec).unwrap_or_default();
        fill_json(&mut json, &mut |text| self.renderer.line(text, at, context))?;
        serde_json::from_value(json).map_err(|error| {
            Problem::error(
                &at.source,
                "HAC-E082",
                at.span.clone(),
                format!("the step does not read: {error}"),
            )
            .into()
        })
    }
}

fn fill_json(
    json: &mut Json,
    line: &mut impl FnMut(&str) -> Result<String, Problems>,
) -> Result<(), Problems> {
    match json {
        Json::String(text) => *text = line(text)?,
        Json::Array(list) => list.iter_mut().try_for_each(|item| fill_json(item, line))?,
        Json::Object(map) => map.values_mut().try_for_each(|item| fill_json(item, line))?,
        _ => {}
    }
    Ok(())
}
