//! Owns the kind `wait`: a health check that must pass several times in a row
//! before anything that depends on it goes on. Must not change anything.

use serde::{Deserialize, Serialize};

use super::change::{Change, Fields, Have, fields};
use super::{Manage, Script};
use crate::facts::view::View;
use crate::facts::{Fact, Facts, Needs};
use crate::shell::quote;

/// Seconds one check may take: one that hangs must not outlive the deadline.
const CHECK_SECONDS: u32 = 10;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wait {
    #[serde(default)]
    pub name: String,
    /// A read-only check; success means healthy.
    pub run: String,
    /// How many times in a row it must pass, half a second apart.
    #[serde(default = "times")]
    pub times: u32,
    /// Seconds after which the step fails.
    #[serde(default = "seconds")]
    pub seconds: u32,
}

fn times() -> u32 {
    2
}

fn seconds() -> u32 {
    60
}

impl Wait {
    /// The loop itself, shared with the gates of groups.
    pub fn script(check: &str, times: u32, seconds: u32) -> Script {
        Script::new(format!(
            "deadline=$(($(date +%s) + {seconds})); passed=0\n\
             while [ $passed -lt {times} ]; do\n\
             if timeout -k 1 {each} sh -c {check} >/dev/null 2>&1 </dev/null; then passed=$((passed + 1)); else passed=0; fi\n\
             [ $passed -ge {times} ] && break\n\
             if [ \"$(date +%s)\" -ge $deadline ]; then echo 'still not healthy after {seconds} s' >&2; exit 1; fi\n\
             sleep 0.5\ndone",
            check = quote(check),
            each = seconds.clamp(1, CHECK_SECONDS)
        ))
    }
}

impl Manage for Wait {
    fn needs(&self, needs: &mut Needs) {
        needs.checks.insert(self.run.clone());
    }

    fn want(&self) -> Option<Fields> {
        Some(fields([("healthy", "yes")]))
    }

    fn have(&self, host: &Facts, _cluster: &View) -> Have {
        match host.checks.get(&self.run) {
            None => Have::Unreadable("its check was not asked for".to_owned()),
            Some(Fact::Unreadable(why)) => Have::Unreadable(why.clone()),
            Some(Fact::Present(0)) => Have::Fields(fields([("healthy", "yes")])),
            Some(Fact::Present(_) | Fact::Absent) => Have::Fields(fields([("healthy", "no")])),
        }
    }

    fn apply(&self, _change: &Change) -> Script {
        Self::script(&self.run, self.times, self.seconds)
    }
}
