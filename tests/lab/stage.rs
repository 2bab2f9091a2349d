//! Owns what a drill stands on: the lab, the operator's folder, and in which
//! state the hosts are. Must not know any drill.

use std::sync::Arc;
use std::time::Duration;

use crate::cluster::Cluster;
use crate::command::{Output, Result};
use crate::lab::{HOSTS, Lab, Os, seconds};
use crate::observed::Terms;
use crate::product::{Folder, Secrets};
use crate::sweep::Sweep;

/// What a drill starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    /// Hosts as new.
    Fresh,
    /// Hosts as new, with Debian 12.
    Bookworm,
    /// The whole inventory was applied, and the cluster is well.
    Applied,
    /// The same, and a write is answered only when a standby has it, too.
    Synchronous,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Now {
    Unknown,
    Fresh,
    Applied,
    /// Somebody has to restore.
    Disturbed,
}

/// What comes after which line of the lab's inventory. A NAS may lead only where
/// replication waits for nobody.
const SYNCHRONOUS: [(&str, &str); 2] =
    [("preset  = \"fast\"", "synchronous = true"), ("etcd_members = 2", "failover_priority = 0")];
/// From nothing, on two cores: packages of four hosts are half of it.
pub const APPLY_LIMIT: Duration = Duration::from_mins(7);

#[derive(Debug)]
pub struct Stage {
    pub lab: Lab,
    pub folder: Folder,
    pub sweep: Arc<Sweep>,
    /// What the drill that runs asks of those who look.
    pub terms: Terms,
    now: Now,
    /// What was applied last: `Applied` or `Synchronous`.
    applied: Ground,
    /// Those of the two that can be restored.
    kept: Vec<Ground>,
    /// Why no cluster can be had; then no drill tries again.
    broken: Option<String>,
    /// What the product said last.
    pub last: Option<Output>,
}

impl Stage {
    /// The stage of a lane.
    pub fn new(lane: usize) -> Result<Self> {
        let lab = Lab::new(lane);
        lab.call(seconds(900), &["prepare"])?;
        let folder = Folder::new(&lab)?;
        let kept = lane == 0 && folder.take_secrets_of_a_kept_lab()?;
        Ok(Self {
            lab,
            folder,
            sweep: Sweep::start(),
            terms: Terms::default(),
            now: if kept { Now::Disturbed } else { Now::Unknown },
            applied: Ground::Applied,
            kept: if kept { vec![Ground::Applied] } else { Vec::new() },
            broken: None,
            last: None,
        })
    }

    /// Why there is no cluster to be had.
    pub fn broken(&self) -> Option<&str> {
        self.broken.as_deref()
    }

    /// The hosts are no longer as the last `prepare` left them.
    pub fn disturbed(&mut self) {
        self.now = Now::Disturbed;
    }

    /// Makes the ground a drill starts from.
    pub fn prepare(&mut self, ground: Ground, disturbs: bool) -> Result {
        self.use_os(if ground == Ground::Bookworm { Os::Bookworm } else { Os::Trixie });
        if matches!(ground, Ground::Fresh | Ground::Bookworm) {
            return self.fresh();
        }
        if let Some(why) = &self.broken {
            return Err(why.clone());
        }
        match self.now {
            Now::Applied => {}
            Now::Disturbed if !self.kept.is_empty() => self.restore(ground)?,
            _ => {
                if self.now != Now::Fresh {
                    self.fresh()?;
                }
                self.apply().inspect_err(|why| self.broken = Some(first_line(why)))?;
            }
        }
        // A drill that shows cases leaves all as it was, unless it fails.
        let may_disturb = disturbs || ground == Ground::Synchronous;
        if may_disturb && self.kept.is_empty() {
            self.replicate(Ground::Applied)?;
            self.keep()?;
        }
        self.replicate(ground)?;
        if may_disturb && !self.kept.contains(&ground) {
            self.keep()?;
        }
        if ground == Ground::Synchronous { self.cluster()?.synchronous("node1").map(drop) } else { Ok(()) }
    }

    fn replicate(&mut self, ground: Ground) -> Result {
        if self.applied == ground {
            return Ok(());
        }
        self.ask_for(ground)?;
        self.apply()?;
        self.applied = ground;
        Ok(())
    }

    /// cluster.toml with that replication instead of the other.
    fn ask_for(&self, ground: Ground) -> Result {
        SYNCHRONOUS.into_iter().try_for_each(|(without, more)| {
            let with = format!("{without}\n{more}");
            let (from, to) =
                if ground == Ground::Synchronous { (without, &*with) } else { (&*with, without) };
            self.folder.edit(from, to)
        })
    }

    /// Hosts of another system are other hosts: nothing that was kept counts.
    fn use_os(&mut self, os: Os) {
        if self.lab.os != os {
            self.sweep.journals(&self.lab);
            self.lab.os = os;
            self.now = Now::Unknown;
        }
    }

    fn fresh(&mut self) -> Result {
        if ![Now::Unknown, Now::Fresh].contains(&self.now) {
            self.sweep.journals(&self.lab);
        }
        if self.now == Now::Unknown || !self.kept.is_empty() {
            // What a demo or a crashed run left; snapshots, which carry one another.
            self.lab.down()?;
            self.lab.up()?;
        } else if self.now != Now::Fresh {
            self.lab.power(&[&["reset"][..], &HOSTS].concat())?;
        }
        // A new cluster gets new secrets; an old CA beside new hosts is fine too,
        // but a ledger without its secrets is an error by design.
        self.folder = Folder::new(&self.lab)?;
        self.applied = Ground::Applied;
        self.kept.clear();
        self.now = Now::Fresh;
        Ok(())
    }

    /// From fresh hosts to a healthy cluster.
    pub fn apply(&mut self) -> Result<Output> {
        let output = self.expect(0, &["apply", "--auto-approve"])?;
        self.cluster()?.wait_healthy(&HOSTS, seconds(60))?;
        self.now = Now::Applied;
        Ok(output)
    }

    fn keep(&mut self) -> Result {
        self.sweep.journals(&self.lab);
        self.now = Now::Disturbed;
        self.lab.power(&["off"])?;
        self.lab.power(&["snapshot", snapshot(self.applied)])?;
        self.kept.push(self.applied);
        self.boot()
    }

    /// What is asked for, or what comes nearest to it.
    fn restore(&mut self, ground: Ground) -> Result {
        self.sweep.journals(&self.lab);
        let ground = if self.kept.contains(&ground) { ground } else { Ground::Applied };
        self.lab.power(&["restore", snapshot(ground)])?;
        // The disks are as they were applied, so the file is, too.
        self.folder.write_inventory(&self.lab)?;
        if ground == Ground::Synchronous {
            self.ask_for(ground)?;
        }
        self.applied = ground;
        self.boot()
    }

    fn boot(&mut self) -> Result {
        self.lab.power(&["boot"])?;
        self.cluster()?.wait_healthy(&HOSTS, seconds(90))?;
        self.now = Now::Applied;
        Ok(())
    }

    pub fn secrets(&self) -> Result<Secrets> {
        self.folder.secrets()
    }

    pub fn cluster(&self) -> Result<Cluster> {
        let secrets = self.secrets()?;
        let ca = self.folder.write("ca.crt", &secrets.authority)?;
        Ok(Cluster::new(self.lab.clone(), ca, secrets.value("etcd.root")?.to_owned()))
    }
}

/// The name of that snapshot.
fn snapshot(ground: Ground) -> &'static str {
    if ground == Ground::Synchronous { "synchronous" } else { "applied" }
}

fn first_line(why: &str) -> String {
    format!("no cluster: {}", why.lines().next().unwrap_or_default())
}
