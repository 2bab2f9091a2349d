//! Owns the way to the hosts: where they are, which keys, and reading them.
//! Hands out probers; only `apply` may keep connections.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::keys::{self, Files};
use super::world::World;
use crate::error::{Failure, Reason};
use crate::exec::{Gathered, Sink, connect, now, probe_all};
use crate::facts::{Facts, Needs};
use crate::inventory::{Host, HostKeys, JumpHost};
use crate::plan::{Absence, Away, Observed};
use crate::transport::{Connection, Keyring, Prober, Target, expand_home};

/// Keys that ssh tries when none is named, in its order.
const DEFAULT_KEYS: [&str; 3] = ["id_ed25519", "id_ecdsa", "id_rsa"];

/// Host keys an administrator pinned for all users of this machine.
const GLOBAL_KNOWN_HOSTS: &str = "/etc/ssh/ssh_known_hosts";

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

/// The ways to hosts; `keyring` is what logs in there.
pub(super) fn targets(world: &World, names: &[&str], keyring: &Arc<Keyring>) -> Vec<Target> {
    let home = Home::read();
    let wanted = |name: &str| names.contains(&name);
    let hosts = world.hosts.iter().filter(|host| wanted(&host.name));
    hosts.map(|host| target(world, host, &home, keyring)).collect()
}

fn target(world: &World, host: &Host, home: &Home, keyring: &Arc<Keyring>) -> Target {
    let ssh = &world.inventory.ssh;
    // A file that is named is the only one that counts; else those of ssh do.
    let usual = || vec![home.folder.join(".ssh/known_hosts"), PathBuf::from(GLOBAL_KNOWN_HOSTS)];
    let known_hosts = ssh.known_hosts.as_ref().map_or_else(usual, |path| vec![resolve(world, home, path)]);
    let hop = |name: String, address: String, port: u16, user: &str, via: Option<Arc<Target>>| Target {
        name,
        address,
        port,
        user: user.to_owned(),
        keyring: Arc::clone(keyring),
        known_hosts: known_hosts.clone(),
        accept_new: ssh.host_keys == HostKeys::AcceptNew,
        connect_timeout: ssh.connect_timeout.length(),
        via,
    };
    let jump = |via: Option<Arc<Target>>, jump: &JumpHost| {
        let user = jump.user.as_deref().unwrap_or(&ssh.user);
        Some(Arc::new(hop(jump.to_string(), jump.host.clone(), jump.port, user, via)))
    };
    let via = host.ssh_jump.iter().fold(None, jump);
    hop(host.name.clone(), host.address.to_string(), host.ssh_port, &host.ssh_user, via)
}

/// The ways to what is named, a host or a jump host as the inventory writes it,
/// and the names that mean nothing. Only jump hosts on a way need our keys.
pub(super) async fn ways(world: &World, names: &[String]) -> Result<(Vec<Target>, Vec<String>), Failure> {
    let through = world.hosts.iter().any(|host| !host.ssh_jump.is_empty());
    let keyring = if through { keyring(world).await? } else { Arc::default() };
    let hosts: Vec<&str> = world.hosts.iter().map(|host| host.name.as_str()).collect();
    let way = |target| std::iter::successors(Some(Arc::new(target)), |next: &Arc<Target>| next.via.clone());
    let known: Vec<Arc<Target>> = targets(world, &hosts, &keyring).into_iter().flat_map(way).collect();
    let find =
        |name: &String| known.iter().find(|target| &target.name == name).map(|target| Target::clone(target));
    let strangers = names.iter().filter(|name| find(name).is_none()).cloned().collect();
    Ok((names.iter().filter_map(find).collect(), strangers))
}

/// Reads the keys, and asks for a passphrase where that is needed.
async fn keyring(world: &World) -> Result<Arc<Keyring>, Failure> {
    let (home, ssh) = (Home::read(), &world.inventory.ssh);
    let usual = || DEFAULT_KEYS.iter().map(|name| home.folder.join(".ssh").join(name)).collect();
    let paths = ssh.key.as_ref().map_or_else(usual, |key| vec![resolve(world, &home, key)]);
    let files = Files { paths, named: ssh.key.is_some() };
    keys::keyring(&files, home.agent.clone().filter(|_| ssh.agent)).await.map(Arc::new)
}

fn resolve(world: &World, home: &Home, path: &str) -> PathBuf {
    beside(&world.file, &expand_home(Path::new(path), &home.folder))
}

/// Paths in an inventory are relative to it, wherever one stands.
fn beside(file: &Path, path: &Path) -> PathBuf {
    file.parent().map_or_else(|| path.to_owned(), |folder| folder.join(path))
}

/// Connects, and hands out handles that cannot write: no connection is kept.
pub(super) async fn probers(
    world: &World,
    names: &[&str],
    sink: &dyn Sink,
) -> Result<Gathered<Prober>, Failure> {
    Ok(handles(&connections(world, names, sink).await?))
}

/// Probers beside connections, for `apply`.
pub(super) fn handles(connections: &Gathered<Arc<Connection>>) -> Gathered<Prober> {
    let prober =
        |(host, connection): (&String, &Arc<Connection>)| (host.clone(), Prober::new(Arc::clone(connection)));
    Gathered { ok: connections.ok.iter().map(prober).collect(), failed: connections.failed.clone() }
}

pub(super) async fn connections(
    world: &World,
    names: &[&str],
    sink: &dyn Sink,
) -> Result<Gathered<Arc<Connection>>, Failure> {
    let keyring = keyring(world).await?;
    Ok(connect(&targets(world, names, &keyring), sink).await)
}

/// Connects to a machine that is no longer in the file, as its first host is reached.
pub(super) async fn stranger(
    world: &World,
    name: &str,
    address: &str,
    sink: &dyn Sink,
) -> Result<Gathered<Arc<Connection>>, Failure> {
    let keyring = keyring(world).await?;
    let first: Vec<&str> = world.hosts.iter().map(|host| host.name.as_str()).take(1).collect();
    let like = |like| Target { name: name.to_owned(), address: address.to_owned(), ..like };
    let target: Vec<Target> = targets(world, &first, &keyring).into_iter().map(like).collect();
    Ok(connect(&target, sink).await)
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
    let count = |kind| unreachable.values().filter(|away| away.kind == kind).count();
    let unusable =
        |some: usize, kind: &str| format!("no host can be used: {some} of {} {kind}", unreachable.len());
    let failure = match (count(Absence::Untrusted), count(Absence::NoRoot)) {
        (0, 0) => Failure::new(Reason::Unreachable, "no host answers"),
        (0, some) => Failure::new(Reason::Unreachable, unusable(some, "do not let us become root")),
        (some, _) => Failure::new(Reason::HostKey, unusable(some, "show a host key that is not trusted")),
    };
    // What is true of several hosts, such as of one jump host, is told once.
    let mut told = BTreeSet::new();
    unreachable.values().fold(failure, |failure, away| match away.why.split_once('\n') {
        Some((first, rest)) if !told.insert(rest) => failure.hint(first),
        _ => failure.hint(away.why.clone()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_several_hosts_share_is_told_once() {
        let why = |host: &str| Away::from(format!("{host}: its jump host b cannot be used\nb: it is away"));
        let hosts = ["n1", "n2"].map(|host| (host.to_owned(), why(host)));
        let hints = nobody(&hosts.into()).hints;
        assert_eq!(
            hints,
            ["n1: its jump host b cannot be used\nb: it is away", "n2: its jump host b cannot be used"]
        );
    }

    #[test]
    fn paths_are_relative_to_the_inventory() {
        let beside = |file: &str, path: &str| beside(Path::new(file), Path::new(path)).display().to_string();
        assert_eq!(beside("lab/cluster.toml", "keys/id"), "lab/keys/id");
        assert_eq!(beside("cluster.toml", "keys/id"), "keys/id");
        assert_eq!(beside("lab/cluster.toml", "/etc/key"), "/etc/key");
    }
}
