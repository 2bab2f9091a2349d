//! Owns the kind `sysctl`: one live kernel setting. The file that keeps it over
//! a reboot is a `file` of the same step. Must not know which setting is wise.

use serde::{Deserialize, Serialize};

use super::change::{Change, Fields, Have, fields};
use super::{Manage, Script};
use crate::facts::view::View;
use crate::facts::{Fact, Facts, Needs};
use crate::shell::quote;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sysctl {
    pub key: String,
    pub value: String,
}

impl Sysctl {
    /// Of the value that was there before: still to be set back, or not.
    pub(super) fn remains(&self, host: &Facts, cluster: &View) -> Have {
        match self.have(host, cluster) {
            Have::Fields(have) if Some(&have) == self.want().as_ref() => Have::Absent,
            other => other,
        }
    }

    /// The value with single spaces, as it is read back.
    fn plain(&self) -> String {
        self.value.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

impl Manage for Sysctl {
    fn needs(&self, needs: &mut Needs) {
        needs.sysctls.insert(self.key.clone());
    }

    fn want(&self) -> Option<Fields> {
        Some(fields([("value", &self.plain())]))
    }

    fn have(&self, host: &Facts, _cluster: &View) -> Have {
        match host.sysctls.get(&self.key) {
            // A container shares its host's kernel: only `net.*` is its own.
            _ if host.identity.container && !self.key.starts_with("net.") => {
                Have::Fields(fields([("value", &self.plain())]))
            }
            None => Have::Unreadable(format!("{} was not asked for", self.key)),
            Some(Fact::Unreadable(why)) => Have::Unreadable(why.clone()),
            Some(Fact::Absent) => Have::Unreadable(format!("this kernel has no setting {}", self.key)),
            Some(Fact::Present(value)) => Have::Fields(fields([("value", value)])),
        }
    }

    fn apply(&self, _change: &Change) -> Script {
        // As sysctl(8): `net.ipv4.conf.eth0/100.rp_filter` is interface eth0.100.
        let swap = |c| match c {
            '.' => '/',
            '/' => '.',
            c => c,
        };
        let path = format!("/proc/sys/{}", self.key.chars().map(swap).collect::<String>());
        Script::new(format!("printf '%s\\n' {} >{}", quote(&self.value), quote(&path)))
    }
}
