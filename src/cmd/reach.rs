//! Owns the way to the hosts: where they are, which keys, and reading them.
//! Hands out probers; only `apply` may keep connections.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::world::World;
use crate::error::{Failure, Reason};
use crate::exec::{Gathered, Sink, connect, now, probe_all};
use crate::facts::{Facts, Needs};
use crate::plan::{Absence, Away, Observed};
use crate::transport::{Connection, Prober, Target, expand_home};

/// Keys that ssh tries when none is named, in its order.
const DEFAULT_KEYS: [&str; 3] = ["id_ed25519", "id_ecdsa", "id_rsa"];

/// What the environment tells of the user.
#[derive(Debug)]
struct Home {
    folder: PathBuf,
    agent: Option<PathBuf>,
}

impl Home {
    fn read() -> Self {
        let agent = std::env::var_os("SSH_AUTH_SOCK").filter(|path| !path.is_empty());
        Self { folder: std::env::home_dir().unwrap_or_default(), agent: agent.map(PathBuf::from) }
    }
}

/// The hosts that have something to hold.
pub(super) fn targets(world: &World, names: &[&str]) -> Vec<Target> {
    let home = Home::read();
    let wanted = |name: &str| names.contains(&name);
    world.hosts.iter().filter(|host| wanted(&host.name)).map(|host| target(world, host, &home)).collect()
}

fn target(world: &World, host: &crate::inventory::Host, home: &Home) -> Target {
    let ssh = &world.inventory.ssh;
    let resolve = |path: &str| beside(&world.file, &expand_home(Path::new(path), &home.folder));
    let default = || {
        let keys = DEFAULT_KEYS.iter().map(|name| home.folder.join(".ssh").join(name));
        keys.filter(|path| path.is_file()).collect()
    };
    let keys = ssh.key.as_ref().map_or_else(default, |key| vec![resolve(key)]);
    let known_hosts = ssh.known_hosts.as_ref().map(|path| resolve(path));
    Target {
        name: host.name.clone(),
        address: IpAddr::V4(host.address),
        port: host.ssh_port,
        user: host.ssh_user.clone(),
        keys,
        agent: home.agent.clone().filter(|_| ssh.agent),
        known_hosts: known_hosts.unwrap_or_else(|| home.folder.join(".ssh/known_hosts")),
        connect_timeout: ssh.connect_timeout.length(),
    }
}

/// Paths in an inventory are relative to it, wherever one stands.
fn beside(file: &Path, path: &Path) -> PathBuf {
    file.parent().map_or_else(|| path.to_owned(), |folder| folder.join(path))
}

/// Connects, and hands out handles that cannot write: no connection is kept.
pub(super) async fn probers(world: &World, names: &[&str], sink: &dyn Sink) -> Gathered<Prober> {
    handles(&connections(world, names, sink).await)
}

/// Probers beside connections, for `apply`.
pub(super) fn handles(connections: &Gathered<Arc<Connection>>) -> Gathered<Prober> {
    let prober =
        |(host, connection): (&String, &Arc<Connection>)| (host.clone(), Prober::new(Arc::clone(connection)));
    Gathered { ok: connections.ok.iter().map(prober).collect(), failed: connections.failed.clone() }
}

pub(super) async fn connections(world: &World, names: &[&str], sink: &dyn Sink) -> Gathered<Arc<Connection>> {
    connect(&targets(world, names), sink).await
}

/// Probes everybody once. Fails where not one host answers.
pub(super) async fn observe(
    reached: &Gathered<Prober>,
    needs: &BTreeMap<String, Needs>,
    sink: &dyn Sink,
) -> Result<Observed, Failure> {
    let probed: Gathered<Facts> = probe_all(&reached.ok, needs, sink).await;
    let mut unreachable = reached.failed.clone();
    unreachable.extend(probed.failed);
    if probed.ok.is_empty() && !unreachable.is_empty() {
        return Err(nobody(&unreachable));
    }
    Ok(Observed::new(probed.ok, unreachable, now()))
}

/// There must be one cluster to plan for: of two, one would be overwritten.
pub(super) fn one_cluster(observed: &Observed) -> Result<(), Failure> {
    let divided = observed.view.divided();
    if divided.is_empty() {
        return Ok(());
    }
    let failure = Failure::new(Reason::Divided, "the hosts are not one cluster: nothing is done to them");
    let failure = divided.into_iter().fold(failure, Failure::hint);
    Err(failure.hint("stop what must not be there, by hand and with a copy of its data; then run this again"))
}

fn nobody(unreachable: &BTreeMap<String, Away>) -> Failure {
    let untrusted = unreachable.values().filter(|away| away.kind == Absence::Untrusted).count();
    let failure = match (untrusted, unreachable.len()) {
        (0, _) => Failure::new(Reason::Unreachable, "no host answers"),
        (some, all) => {
            let message = format!("no host can be used: {some} of {all} show a host key that is not trusted");
            Failure::new(Reason::HostKey, message)
        }
    };
    unreachable.values().fold(failure, |failure, away| failure.hint(away.why.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_relative_to_the_inventory() {
        let beside = |file: &str, path: &str| beside(Path::new(file), Path::new(path)).display().to_string();
        assert_eq!(beside("lab/cluster.toml", "keys/id"), "lab/keys/id");
        assert_eq!(beside("cluster.toml", "keys/id"), "keys/id");
        assert_eq!(beside("lab/cluster.toml", "/etc/key"), "/etc/key");
    }
}
