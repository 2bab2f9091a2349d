//! Owns the kind `directory`: it exists, with this mode and owner.
//! Must not know what lies in it.

use serde::{Deserialize, Serialize};

use super::change::{Change, Fields, Have, fields};
use super::{Manage, Script, file};
use crate::facts::view::View;
use crate::facts::{Fact, Facts, Needs, PathType};
use crate::shell::{quote, words};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Directory {
    pub path: String,
    #[serde(default = "file::root")]
    pub owner: String,
    #[serde(default = "file::root")]
    pub group: String,
    #[serde(default = "mode")]
    pub mode: String,
    /// What lies in it cannot be made anew: it goes only where that is allowed.
    #[serde(default)]
    pub data: bool,
}

fn mode() -> String {
    "0755".to_owned()
}

impl Manage for Directory {
    fn needs(&self, needs: &mut Needs) {
        needs.path(&self.path);
    }

    fn want(&self) -> Option<Fields> {
        Some(fields([
            ("group", &self.group),
            ("mode", &file::octal(&self.mode)),
            ("owner", &self.owner),
            ("type", "directory"),
        ]))
    }

    fn have(&self, host: &Facts, _cluster: &View) -> Have {
        match host.paths.get(&self.path) {
            None => Have::Unreadable(format!("{} was not asked for", self.path)),
            Some(Fact::Unreadable(why)) => Have::Unreadable(why.clone()),
            Some(Fact::Absent) => Have::Absent,
            Some(Fact::Present(path)) => {
                let kind = if path.kind == PathType::Directory { "directory" } else { "something else" };
                Have::Fields(fields([
                    ("group", &path.group),
                    ("mode", &path.mode),
                    ("owner", &path.owner),
                    ("type", kind),
                ]))
            }
        }
    }

    fn apply(&self, change: &Change) -> Script {
        let path = quote(&self.path);
        if matches!(change, Change::Remove) {
            let remove = if self.data { "rm -rf --one-file-system" } else { "rmdir" };
            return Script::new(format!("{remove} -- {path}"));
        }
        if change.to("type").is_some() && matches!(change, Change::Update(_)) {
            return Script::new(format!(
                "echo {path} exists and is no directory: move it away first >&2\nexit 1"
            ));
        }
        // Five digits: with four, `install` and `chmod` keep a directory's setgid bit.
        let mode = format!("{:0>5}", self.mode);
        let arguments = words(["-m", &mode, "-o", &self.owner, "-g", &self.group]);
        Script::new(format!("install -d {arguments} -- {path}"))
    }
}
