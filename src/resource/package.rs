//! Owns the kind `package`: one Debian package, installed or not. All packages
//! of a host are installed in one transaction, which the executor asks for here.
//! Must not know which playbook wants it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::change::{Change, Fields, Have, fields};
use super::{Manage, Script};
use crate::facts::view::View;
use crate::facts::{Fact, Facts, Needs};
use crate::release::Systems;
use crate::shell::words;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Package {
    pub name: String,
    #[serde(default)]
    pub absent: bool,
    /// The one version that is right; without, any is that is there.
    #[serde(default)]
    pub version: Option<String>,
    /// The operating systems it is for; on others it is nobody's business.
    #[serde(default)]
    pub on: Systems,
}

impl Package {
    /// One transaction for all `packages`. Their own scripts neither stop nor
    /// restart the units `held`.
    pub fn install(packages: &[&Self], held: &[String]) -> Script {
        let mut text = String::from("export DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l\n");
        let mut path = "";
        if !held.is_empty() {
            let _ = writeln!(text, "hac_hold {}", words(held.iter().map(String::as_str)));
            // apt has a PATH of its own for dpkg; an empty one leaves ours.
            path = " -o DPkg::Path=";
        }
        let _ = write!(
            text,
            "hac_apt_turn\n[ -z \"$(dpkg --audit)\" ] || dpkg --configure -a\n\
             hac_apt -o APT::Update::Error-Mode=any update\n"
        );
        for package in packages {
            if let Some(version) = &package.version {
                let _ = writeln!(text, "hac_offers {}", words([&*package.name, &**version]));
            }
        }
        let names: Vec<String> = packages.iter().map(|package| package.exact()).collect();
        let _ = write!(
            text,
            "hac_apt -y --no-install-recommends -o Dpkg::Use-Pty=0 \
             -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold{path} install {}",
            words(names.iter().map(String::as_str))
        );
        Script::new(text)
    }

    /// As apt takes it: `NAME=VERSION`.
    fn exact(&self) -> String {
        self.version.as_ref().map_or_else(|| self.name.clone(), |version| format!("{}={version}", self.name))
    }

    /// The field that says which version is installed.
    pub const VERSION: &str = "version";
}

impl Package {
    /// Takes along only what is named: asked of apt once more right before.
    pub(super) fn remove(&self, with: &BTreeSet<String>) -> Script {
        let names = words(std::iter::once(self.name.as_str()).chain(with.iter().map(String::as_str)));
        Script::new(format!("hac_remove {names}"))
    }
}

impl Manage for Package {
    fn needs(&self, needs: &mut Needs) {
        needs.packages.insert(self.name.clone());
    }

    fn want(&self) -> Option<Fields> {
        let mut want = fields([("installed", "yes")]);
        want.extend(self.version.iter().map(|version| (Self::VERSION.to_owned(), version.clone())));
        (!self.absent).then_some(want)
    }

    fn have(&self, host: &Facts, _cluster: &View) -> Have {
        match host.packages.get(&self.name) {
            None => Have::Unreadable(format!("{} was not asked for", self.name)),
            Some(Fact::Unreadable(why)) => Have::Unreadable(why.clone()),
            Some(Fact::Present(package)) if package.installed() => {
                Have::Fields(fields([("installed", "yes"), (Self::VERSION, &package.version)]))
            }
            // Only its configuration is left (`rc`, `pc`, `hc`), or nothing.
            Some(Fact::Present(package)) if package.status.ends_with(['c', 'n']) => Have::Absent,
            Some(Fact::Absent) => Have::Absent,
            Some(Fact::Present(package)) => {
                Have::Fields(fields([("installed", &format!("half ({})", package.status))]))
            }
        }
    }

    fn concerns(&self, host: &Facts) -> bool {
        self.on.hold(&host.identity.system())
    }

    fn apply(&self, change: &Change) -> Script {
        if matches!(change, Change::Remove) {
            let name = words([&*self.name]);
            let remove = format!("hac_apt -y -o Dpkg::Use-Pty=0 remove {name}");
            return Script::new(format!("export DEBIAN_FRONTEND=noninteractive\n{remove}"));
        }
        Self::install(&[self], &[])
    }
}
