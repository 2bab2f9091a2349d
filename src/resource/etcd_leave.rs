//! Owns the end of an etcd member: its vote, its unit, its data. Must not know how
//! it came in.

use super::change::{Have, fields};
use super::{EtcdMember, Manage, Script};
use crate::facts::Facts;
use crate::facts::view::View;
use crate::shell::quote;

impl EtcdMember {
    /// Its data, or the vote the others still count.
    pub(super) fn remains(&self, host: &Facts, cluster: &View) -> Have {
        match self.have(host, cluster) {
            Have::Absent if self.row(&cluster.etcd).is_some() => {
                Have::Fields(fields([("member", "has a vote")]))
            }
            other => other,
        }
    }

    /// Leaves: the others are told first, as far as there are any. Its unit may have
    /// stopped and gone before, while its data stayed.
    pub(super) fn leave(&self) -> Script {
        let tell = || format!("{}etcd_leave {}\n", self.login(), quote(&self.name));
        let tell = if self.last { String::new() } else { tell() };
        let (unit, data) = (quote(&self.unit), quote(&self.data));
        let runs = format!("[ \"$(systemctl show -p ActiveState --value {unit})\" = inactive ]");
        Script::new(format!("{tell}{runs} || systemctl stop {unit}\nrm -rf -- {data}/member"))
    }
}
