//! Owns the kind `link`: a symbolic link with this target.
//! Must not know what the target is.

use serde::{Deserialize, Serialize};

use super::change::{Change, Fields, Have, fields};
use super::{Manage, Script};
use crate::facts::view::View;
use crate::facts::{Fact, Facts, Needs};
use crate::shell::quote;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    pub path: String,
    pub target: String,
    /// Takes over a link that is there and is not hacluster's.
    #[serde(default)]
    pub replaces: bool,
}

impl Manage for Link {
    fn needs(&self, needs: &mut Needs) {
        needs.path(&self.path);
    }

    fn want(&self) -> Option<Fields> {
        Some(fields([("target", &self.target)]))
    }

    fn have(&self, host: &Facts, _cluster: &View) -> Have {
        match host.paths.get(&self.path) {
            None => Have::Unreadable(format!("{} was not asked for", self.path)),
            Some(Fact::Unreadable(why)) => Have::Unreadable(why.clone()),
            Some(Fact::Absent) => Have::Absent,
            Some(Fact::Present(path)) => {
                Have::Fields(fields([("target", path.target.as_deref().unwrap_or("no link"))]))
            }
        }
    }

    fn apply(&self, change: &Change) -> Script {
        let (path, target) = (quote(&self.path), quote(&self.target));
        if matches!(change, Change::Remove) {
            return Script::new(format!("rm -f -- {path}"));
        }
        Script::new(format!(
            "if [ -e {path} ] && [ ! -L {path} ]; then echo {path} exists and is no link: move it away first >&2; exit 1; fi\nln -sfnT -- {target} {path}"
        ))
    }
}
