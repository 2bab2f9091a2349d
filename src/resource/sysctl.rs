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

impl Manage for Sysctl {
    fn needs(&self, needs: &mut Needs) {
        needs.sysctls.insert(self.key.clone());
    }

    fn want(&self) -> Option<Fields> {
        Some(fields([("value", &self.value)]))
    }

    fn have(&self, host: &Facts, _cluster: &View) -> Have {
        match host.sysctls.get(&self.key) {
            // A container shares its host's kernel: only `net.*` is its own.
            _ if host.identity.container && !self.key.starts_with("net.") => {
                Have::Fields(fields([("value", &self.value)]))
            }
            None => Have::Unreadable(format!("{} was not asked for", self.key)),
            Some(Fact::Unreadable(why)) => Have::Unreadable(why.clone()),
            Some(Fact::Absent) => Have::Unreadable(format!("this kernel has no setting {}", self.key)),
            Some(Fact::Present(value)) => Have::Fields(fields([("value", value)])),
        }
    }

    fn apply(&self, _change: &Change) -> Script {
        let path = format!("/proc/sys/{}", self.key.replace('.', "/"));
        Script::new(format!("printf '%s\\n' {} >{}", quote(&self.value), quote(&path)))
    }
}
