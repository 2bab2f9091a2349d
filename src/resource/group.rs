//! Owns the kind `group`: a system group exists.
//! Must not know who is in it: users say that themselves.

use serde::{Deserialize, Serialize};

use super::change::{Change, Fields, Have, fields};
use super::{Manage, Script};
use crate::facts::view::View;
use crate::facts::{Fact, Facts, Needs};
use crate::shell::quote;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    pub name: String,
}

impl Manage for Group {
    fn needs(&self, needs: &mut Needs) {
        needs.groups.insert(self.name.clone());
    }

    fn want(&self) -> Option<Fields> {
        Some(fields([("exists", "yes")]))
    }

    fn have(&self, host: &Facts, _cluster: &View) -> Have {
        match host.groups.get(&self.name) {
            None => Have::Unreadable(format!("{} was not asked for", self.name)),
            Some(Fact::Unreadable(why)) => Have::Unreadable(why.clone()),
            Some(Fact::Absent) => Have::Absent,
            Some(Fact::Present(_)) => Have::Fields(fields([("exists", "yes")])),
        }
    }

    fn apply(&self, change: &Change) -> Script {
        if matches!(change, Change::Remove) {
            // The user of its name may have taken it along.
            let name = quote(&self.name);
            return Script::new(format!("if getent group {name} >/dev/null; then groupdel {name}; fi"));
        }
        Script::new(format!("groupadd --system {}", quote(&self.name)))
    }
}
