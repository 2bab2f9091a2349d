//! Owns the kind `user`: an account and the groups it is in.
//! Must not know passwords: no account made here has one.

use serde::{Deserialize, Serialize};

use super::change::{Change, Fields, Have, fields};
use super::{Manage, Script};
use crate::facts::view::View;
use crate::facts::{Fact, Facts, Needs};
use crate::shell::{quote, words};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    pub name: String,
    #[serde(default = "home")]
    pub home: String,
    #[serde(default = "shell")]
    pub shell: String,
    /// Groups it must be in, besides its own.
    #[serde(default)]
    pub groups: Vec<String>,
}

fn home() -> String {
    "/nonexistent".to_owned()
}

fn shell() -> String {
    "/usr/sbin/nologin".to_owned()
}

impl Manage for User {
    fn needs(&self, needs: &mut Needs) {
        needs.users.insert(self.name.clone());
        needs.groups.extend(self.groups.iter().cloned());
    }

    fn want(&self) -> Option<Fields> {
        let mut want = fields([("home", &self.home), ("shell", &self.shell)]);
        want.extend(self.groups.iter().map(|g| (format!("in group {g}"), "yes".to_owned())));
        Some(want)
    }

    fn have(&self, host: &Facts, _cluster: &View) -> Have {
        let user = match host.users.get(&self.name) {
            None => return Have::Unreadable(format!("{} was not asked for", self.name)),
            Some(Fact::Unreadable(why)) => return Have::Unreadable(why.clone()),
            Some(Fact::Absent) => return Have::Absent,
            Some(Fact::Present(user)) => user,
        };
        let mut have = fields([("home", &user.home), ("shell", &user.shell)]);
        for group in &self.groups {
            let inside = match host.groups.get(group) {
                Some(Fact::Present(members)) => members.contains(&self.name),
                Some(Fact::Absent) => false,
                Some(Fact::Unreadable(why)) => return Have::Unreadable(why.clone()),
                None => return Have::Unreadable(format!("group {group} was not asked for")),
            };
            have.insert(format!("in group {group}"), if inside { "yes" } else { "no" }.to_owned());
        }
        Have::Fields(have)
    }

    fn apply(&self, change: &Change) -> Script {
        let name = quote(&self.name);
        if matches!(change, Change::Remove) {
            return Script::new(format!("userdel {name}"));
        }
        let mut calls = Vec::new();
        if matches!(change, Change::Create(_)) {
            // Its group may be there already, which `useradd --user-group` refuses.
            let options = words(["--home-dir", &self.home, "--shell", &self.shell]);
            calls.push(format!("getent group {name} >/dev/null || groupadd --system {name}"));
            calls.push(format!("useradd --system --gid {name} --no-create-home {options} {name}"));
        }
        for (field, option) in [("home", "--home"), ("shell", "--shell")] {
            if let (Change::Update(_), Some(to)) = (change, change.to(field)) {
                calls.push(format!("usermod {option} {} {name}", quote(to)));
            }
        }
        for group in &self.groups {
            if change.to(&format!("in group {group}")).is_some() {
                calls.push(format!("usermod -a -G {} {name}", quote(group)));
            }
        }
        Script::new(calls.join("\n"))
    }
}
