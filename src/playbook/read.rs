//! Owns reading a playbook's TOML, each mistake with its place.
//! Must not know what steps do.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use serde::Deserialize;
use toml::Spanned;

use super::check::check_steps;
use super::model::{Once, PackageList, Phase, Playbook, Step, StepKind};
use crate::group::GroupName;
use crate::problem::{Problem, Problems};
use crate::release::RELEASES;
use crate::resource::{
    Certificate, Command, Directory, EtcdAuth, EtcdMember, EtcdMembers, EtcdPassword, File, Group, Link,
    PatroniConfig, PatroniRestart, PostgresDatabase, PostgresExtension, PostgresGrant, PostgresPassword,
    PostgresUser, Unit, User, Wait,
};
use crate::span::{Place, Source};

type Text = Spanned<String>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    playbook: Spanned<Header>,
    #[serde(default)]
    step: Vec<Spanned<RawStep>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    name: String,
    title: String,
    on: String,
    #[serde(default)]
    needs: Vec<String>,
    #[serde(default)]
    everywhere: bool,
    when: Option<Text>,
    group: Option<GroupName>,
    each: Option<Text>,
}

/// One optional table a kind, exactly one set: serde's `flatten` and `tag`
/// would lose the places.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawStep {
    name: String,
    #[serde(default)]
    phase: Phase,
    #[serde(default)]
    after: Vec<Text>,
    #[serde(default)]
    needs: Vec<Text>,
    #[serde(default)]
    notify: Vec<Text>,
    when: Option<Text>,
    #[serde(default)]
    rolling: bool,
    once: Option<Once>,
    #[serde(default)]
    confirm: bool,
    #[serde(default)]
    serial: bool,
    limit: Option<Text>,
    each: Option<Text>,
    file: Option<File>,
    directory: Option<Directory>,
    link: Option<Link>,
    package: Option<PackageList>,
    user: Option<User>,
    group: Option<Group>,
    unit: Option<Unit>,
    sysctl: Option<BTreeMap<String, String>>,
    certificate: Option<Box<Certificate>>,
    command: Option<Command>,
    wait: Option<Wait>,
    etcd_member: Option<EtcdMember>,
    etcd_members: Option<EtcdMembers>,
    etcd_auth: Option<EtcdAuth>,
    etcd_password: Option<EtcdPassword>,
    patroni_config: Option<PatroniConfig>,
    postgres_password: Option<PostgresPassword>,
    postgres_user: Option<PostgresUser>,
    postgres_database: Option<PostgresDatabase>,
    postgres_extension: Option<PostgresExtension>,
    postgres_grant: Option<PostgresGrant>,
    patroni_restart: Option<PatroniRestart>,
}

const KINDS: &str = "file, directory, link, package, user, group, unit, sysctl, certificate, command, wait, \
                     etcd_member, etcd_members, etcd_auth, etcd_password, patroni_config, patroni_restart, \
                     postgres_password, postgres_user, postgres_database, postgres_extension, postgres_grant";

impl RawStep {
    fn kinds(&self) -> Vec<StepKind> {
        let mut kinds = Vec::new();
        kinds.extend(self.file.clone().map(StepKind::File));
        kinds.extend(self.directory.clone().map(StepKind::Directory));
        kinds.extend(self.link.clone().map(StepKind::Link));
        kinds.extend(self.package.clone().map(StepKind::Package));
        kinds.extend(self.user.clone().map(StepKind::User));
        kinds.extend(self.group.clone().map(StepKind::Group));
        kinds.extend(self.unit.clone().map(StepKind::Unit));
        kinds.extend(self.sysctl.clone().map(StepKind::Sysctl));
        kinds.extend(self.certificate.clone().map(StepKind::Certificate));
        kinds.extend(self.command.clone().map(StepKind::Command));
        kinds.extend(self.wait.clone().map(StepKind::Wait));
        kinds.extend(self.etcd_member.clone().map(StepKind::EtcdMember));
        kinds.extend(self.etcd_members.clone().map(StepKind::EtcdMembers));
        kinds.extend(self.etcd_auth.clone().map(StepKind::EtcdAuth));
        kinds.extend(self.etcd_password.clone().map(StepKind::EtcdPassword));
        kinds.extend(self.patroni_config.clone().map(StepKind::PatroniConfig));
        kinds.extend(self.patroni_restart.clone().map(StepKind::PatroniRestart));
        kinds.extend(self.postgres_password.clone().map(StepKind::PostgresPassword));
        kinds.extend(self.postgres_user.clone().map(StepKind::PostgresUser));
        kinds.extend(self.postgres_database.clone().map(StepKind::PostgresDatabase));
        kinds.extend(self.postgres_extension.clone().map(StepKind::PostgresExtension));
        kinds.extend(self.postgres_grant.clone().map(StepKind::PostgresGrant));
        kinds
    }
}

fn spanned(text: Text) -> (String, Range<usize>) {
    let span = text.span();
    (text.into_inner(), span)
}

pub(super) fn playbook(source: &Arc<Source>) -> Result<Playbook, Problems> {
    let document: Document = toml::from_str(&source.text).map_err(|error| {
        let span = error.span().unwrap_or(0..0);
        Problem::error(source, "HAC-E082", span, error.message().to_owned())
            .help("README, \"Adding a component\", shows the form of a playbook")
    })?;
    let mut problems = Vec::new();
    let mut steps = Vec::new();
    for raw in document.step {
        match step(raw, source) {
            Ok(step) => steps.push(step),
            Err(problem) => problems.push(problem),
        }
    }
    problems.extend(check_steps(&steps, source));
    Problems::check(problems)?;
    let span = document.playbook.span();
    let header = document.playbook.into_inner();
    Ok(Playbook {
        name: header.name,
        title: header.title,
        on: header.on,
        needs: header.needs,
        everywhere: header.everywhere,
        when: header.when.map(spanned),
        group: header.group,
        each: header.each.map(spanned),
        steps,
        source: Arc::clone(source),
        span,
    })
}

fn step(raw: Spanned<RawStep>, source: &Arc<Source>) -> Result<Step, Problem> {
    let span = raw.span();
    let raw = raw.into_inner();
    let kind = kind(&raw, &|code, message| Problem::error(source, code, span.clone(), message))?;
    let packages = matches!(kind, StepKind::Package(_));
    Ok(Step {
        phase: if packages && raw.phase == Phase::Configure { Phase::Packages } else { raw.phase },
        name: raw.name,
        after: raw.after.into_iter().map(spanned).collect(),
        needs: raw.needs.into_iter().map(spanned).collect(),
        notify: raw.notify.into_iter().map(spanned).collect(),
        when: raw.when.map(spanned),
        rolling: raw.rolling,
        once: raw.once,
        confirm: raw.confirm,
        serial: raw.serial,
        limit: raw.limit.map(Text::into_inner).or(packages.then(|| "packages".to_owned())),
        each: raw.each.map(spanned),
        kind,
        place: Place { source: Arc::clone(source), span },
    })
}

/// The one resource of a step; `problem` makes one of a code and a message.
fn kind(raw: &RawStep, problem: &dyn Fn(&'static str, String) -> Problem) -> Result<StepKind, Problem> {
    let mut kinds = raw.kinds();
    let name = &raw.name;
    if kinds.len() != 1 {
        let message = format!("step {name:?} has {} resources, not one", kinds.len());
        return Err(problem("HAC-E083", message).help(format!("give it exactly one of: {KINDS}")));
    }
    let kind = kinds.remove(0);
    if let StepKind::Command(command) = &kind
        && command.creates.is_none() == command.unless.is_none()
    {
        return Err(problem("HAC-E084", format!("command {name:?} does not say when it is done"))
            .help("add `creates = \"/path\"` or `unless = \"a read-only check\"`, one of them"));
    }
    if let StepKind::Package(list) = &kind
        && let Some(system) = list.unknown().next()
    {
        let known = RELEASES.iter().map(|release| release.system).collect::<Vec<_>>().join(", ");
        let message =
            format!("packages of {name:?} are listed for {system:?}, which is no system known here");
        return Err(
            problem("HAC-E091", message).help(format!("write one of {known}, or default for all others"))
        );
    }
    Ok(kind)
}
