//! Owns the kind `command`: the way out for what no kind covers. It says itself
//! how to see that it is done. Must not run without such a guard.

use serde::{Deserialize, Serialize};

use super::change::{Change, Fields, Have, fields};
use super::{Manage, Script};
use crate::facts::view::View;
use crate::facts::{Fact, Facts, Needs, TIMED_OUT};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Command {
    #[serde(default)]
    pub name: String,
    pub run: String,
    /// A path whose presence means it is done.
    #[serde(default)]
    pub creates: Option<String>,
    /// A read-only check whose success means it is done.
    #[serde(default)]
    pub unless: Option<String>,
}

impl Manage for Command {
    fn needs(&self, needs: &mut Needs) {
        if let Some(path) = &self.creates {
            needs.path(path);
        }
        needs.checks.extend(self.unless.clone());
    }

    fn want(&self) -> Option<Fields> {
        Some(fields([("done", "yes")]))
    }

    fn have(&self, host: &Facts, _cluster: &View) -> Have {
        let done = if let Some(path) = &self.creates {
            match host.paths.get(path) {
                Some(Fact::Present(_)) => true,
                Some(Fact::Absent) => false,
                _ => return Have::Unreadable(format!("{path} could not be read")),
            }
        } else {
            match self.unless.as_ref().and_then(|check| host.checks.get(check)) {
                Some(Fact::Present(status)) if TIMED_OUT.contains(status) => {
                    return Have::Unreadable("its guard ran out of time".to_owned());
                }
                Some(Fact::Present(status)) => *status == 0,
                Some(Fact::Unreadable(why)) => return Have::Unreadable(why.clone()),
                _ => return Have::Unreadable("its guard was not asked for".to_owned()),
            }
        };
        if done { Have::Fields(fields([("done", "yes")])) } else { Have::Absent }
    }

    fn apply(&self, _change: &Change) -> Script {
        Script::new(self.run.clone())
    }
}
