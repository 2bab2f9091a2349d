//! Owns what a drill stands on: the lab, the operator's folder, and in which
//! state the hosts are. Must not know any drill.

use std::sync::Arc;
use std::time::Duration;

use crate::cluster::Cluster;
use crate::command::{Call, Output, Result, ensure};
use crate::lab::{HOSTS, Lab, Os, seconds};
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

const SNAPSHOT: &str = "applied";
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
    now: Now,
    /// The replication that was applied last waits for a standby.
    synchronous: bool,
    snapshot: bool,
    /// Why no cluster can be had; then no drill tries again.
    broken: Option<String>,
    last: Option<Output>,
}

impl Stage {
    pub fn new() -> Result<Self> {
        let lab = Lab::new();
        lab.call(seconds(900), &["prepare"])?;
        let folder = Folder::new(&lab)?;
        let kept = folder.take_secrets_of_a_kept_lab()?;
        Ok(Self {
            lab,
            folder,
            sweep: Sweep::start(),
            now: if kept { Now::Disturbed } else { Now::Unknown },
            synchronous: false,
            snapshot: kept,
            broken: None,
            last: None,
        })
    }

    /// Why there is no cluster to be had.
    pub fn broken(&self) -> Option<&str> {
        self.broken.as_deref()
    }

    pub fn last(&self) -> Option<&Output> {
        self.last.as_ref()
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
            Now::Disturbed if self.snapshot => self.restore()?,
            _ => {
                if self.now != Now::Fresh {
                    self.fresh()?;
                }
                self.apply().inspect_err(|why| self.broken = Some(first_line(why)))?;
            }
        }
        // A drill of a fault leaves all as it was, unless it fails.
        let may_disturb = disturbs || ground == Ground::Synchronous;
        if may_disturb && !self.snapshot {
            self.replicate(false)?;
            self.keep()?;
        }
        self.replicate(ground == Ground::Synchronous)
    }

    fn replicate(&mut self, synchronous: bool) -> Result {
        if self.synchronous != synchronous {
            for (without, more) in SYNCHRONOUS {
                let with = format!("{without}\n{more}");
                let (from, to) = if synchronous { (without, &*with) } else { (&*with, without) };
                self.folder.edit(from, to)?;
            }
            self.apply()?;
            self.synchronous = synchronous;
        }
        if synchronous { self.cluster()?.synchronous("node1").map(drop) } else { Ok(()) }
    }

    /// Hosts of another system are other hosts: nothing that was kept counts.
    fn use_os(&mut self, os: Os) {
        if self.lab.os != os {
            self.sweep.journals(&self.lab);
            self.lab.os = os;
            self.now = Now::Unknown;
            self.snapshot = false;
        }
    }

    fn fresh(&mut self) -> Result {
        if self.now == Now::Unknown {
            // What a demo or a crashed run left.
            self.lab.down()?;
            self.lab.up()?;
        } else if self.now != Now::Fresh {
            self.sweep.journals(&self.lab);
            self.lab.power(&[&["reset"][..], &HOSTS].concat())?;
        }
        // A new cluster gets new secrets; an old CA beside new hosts is fine too,
        // but a ledger without its secrets is an error by design.
        self.folder = Folder::new(&self.lab)?;
        self.synchronous = false;
        self.snapshot = false;
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
        self.lab.power(&["snapshot", SNAPSHOT])?;
        self.snapshot = true;
        self.boot()
    }

    fn restore(&mut self) -> Result {
        self.sweep.journals(&self.lab);
        self.lab.power(&["restore", SNAPSHOT])?;
        // The disks are as they were applied, so the file is, too.
        self.folder.write_inventory(&self.lab)?;
        self.synchronous = false;
        self.boot()
    }

    fn boot(&mut self) -> Result {
        self.lab.power(&["boot"])?;
        self.cluster()?.wait_healthy(&HOSTS, seconds(90))?;
        self.now = Now::Applied;
        Ok(())
    }

    /// Runs the product; its words are kept for the search for secrets.
    pub fn hacluster(&mut self, words: &[&str]) -> Result<Output> {
        let call = self.folder.hacluster(&self.lab, APPLY_LIMIT, words);
        self.watched(call)
    }

    /// The same with something to read on its standard input.
    pub fn told(&mut self, words: &[&str], input: &str) -> Result<Output> {
        let call = self.folder.hacluster(&self.lab, APPLY_LIMIT, words).stdin(input);
        self.watched(call)
    }

    fn watched(&mut self, call: Call) -> Result<Output> {
        let output = self.sweep.during(&self.folder, || call.run())?;
        self.sweep.said(&output);
        self.last = Some(output.clone());
        output.calm()?;
        Ok(output)
    }

    /// The same with the exit status it must have.
    pub fn expect(&mut self, status: i32, words: &[&str]) -> Result<Output> {
        let output = self.hacluster(words)?;
        ensure!(output.status == status, "exit {} instead of {status}: {}", output.status, output.describe());
        Ok(output)
    }

    /// Nothing to do, said by exit code and words.
    pub fn expect_converged(&mut self) -> Result<Output> {
        let output = self.expect(0, &["plan", "--detailed-exitcode"])?;
        let counts = crate::product::counts(&output.stdout)?;
        ensure!(counts.is_none_or(|c| c == [0; 3]), "exit 0 with a plan of {counts:?}");
        Ok(output)
    }

    /// Does `work` as another operator, with the same cluster.toml and
    /// secrets.toml in a folder of his own that he may edit.
    pub fn as_another<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let other = self.folder.fresh_clone(&self.lab)?;
        let own = std::mem::replace(&mut self.folder, other);
        let done = work(self);
        self.folder = own;
        done
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

fn first_line(why: &str) -> String {
    format!("no cluster: {}", why.lines().next().unwrap_or_default())
}
