//! Owns the journal: one JSON line before and after everything that changes a
//! host, synced. A hint for people and resume; the hosts are the truth.
//! Must not hold a secret.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::event::Outcome;

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "record")]
pub(super) enum Record {
    RunStarted {
        run: String,
        cluster: String,
        time: u64,
    },
    /// Steps that are about to run on a host, as one unit.
    BatchStarted {
        host: String,
        unit: String,
        steps: Vec<String>,
        time: u64,
    },
    StepEnded {
        id: String,
        outcome: String,
        time: u64,
    },
    /// How the steps ended that an earlier run had left running on a host; none
    /// where that is not known.
    Adopted {
        host: String,
        run: String,
        steps: BTreeMap<String, Option<i32>>,
        time: u64,
    },
    RunEnded {
        time: u64,
    },
}

/// Where an earlier run was cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    pub run: String,
    /// Steps that were started and of which no end is known.
    pub steps: Vec<String>,
}

/// So many of the steps are named.
const NAMED: usize = 4;

impl Cut {
    /// In words: the first step of each host, then how many more there are.
    pub fn place(&self) -> String {
        let mut hosts = BTreeSet::new();
        let first = self.steps.iter().filter(|step| hosts.insert(step.split('/').next()));
        let named: Vec<&str> = first.take(NAMED).map(String::as_str).collect();
        match self.steps.len() - named.len() {
            _ if named.is_empty() => "between two steps".to_owned(),
            0 => named.join(", "),
            more => format!("{} and {more} more", named.join(", ")),
        }
    }
}

/// The journal of one run.
#[derive(Debug)]
pub(super) struct Journal {
    file: File,
}

impl Journal {
    /// Opens `STATE/CLUSTER/runs/RUN.jsonl`, 0600 in 0700 directories.
    pub(super) fn open(state: &Path, cluster: &str, run: &str) -> io::Result<Self> {
        let dir = runs(state, cluster);
        let mut folder = fs::DirBuilder::new();
        std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
        folder.recursive(true).create(&dir)?;
        let mut options = OpenOptions::new();
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.create(true).append(true).open(dir.join(format!("{run}.jsonl")))?;
        File::open(&dir)?.sync_all()?;
        Ok(Self { file })
    }

    /// Writes one record and waits until it, and what was noted before, is on
    /// the disk.
    pub(super) fn write(&mut self, record: &Record) -> io::Result<()> {
        self.note(record)?;
        self.commit()
    }

    /// Writes one record of many: a batch's ends are committed together.
    pub(super) fn note(&mut self, record: &Record) -> io::Result<()> {
        #[cfg(test)]
        kill::point();
        let mut line = serde_json::to_string(record).map_err(io::Error::other)?;
        line.push('\n');
        self.file.write_all(line.as_bytes())
    }

    pub(super) fn commit(&mut self) -> io::Result<()> {
        self.file.sync_data()?;
        #[cfg(test)]
        kill::point();
        Ok(())
    }
}

/// Ends a test's thread around a record, as a killed process ends.
#[cfg(test)]
pub(super) mod kill {
    use std::cell::RefCell;
    use std::sync::mpsc::Sender;

    thread_local! {
        static LEFT: RefCell<Option<(usize, Sender<bool>)>> = const { RefCell::new(None) };
    }

    /// This thread stops at the point of this number, and tells so.
    pub(in crate::exec) fn at(point: usize, told: Sender<bool>) {
        LEFT.set(Some((point, told)));
    }

    pub(super) fn point() {
        let over = LEFT.with_borrow_mut(|left| match left {
            Some((0, told)) => told.send(true).is_ok(),
            Some((more, _)) => {
                *more -= 1;
                false
            }
            None => false,
        });
        if over {
            loop {
                std::thread::park();
            }
        }
    }
}

fn runs(state: &Path, cluster: &str) -> PathBuf {
    state.join(cluster).join("runs")
}

/// The word the journal keeps of an outcome.
pub(super) fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Changed => "changed",
        Outcome::Unchanged => "unchanged",
        Outcome::Failed { .. } => "failed",
        Outcome::Skipped { .. } => "skipped",
        Outcome::Deferred { .. } => "deferred",
    }
}

/// The newest run of this cluster, if it never ended. One that did not get as far
/// as its first record did nothing, and hides no earlier one.
pub(super) fn last_cut(state: &Path, cluster: &str) -> Option<Cut> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(runs(state, cluster)).ok()?.flatten().map(|e| e.path()).collect();
    files.sort();
    let began = |bytes: &Vec<u8>| records(bytes).next().is_some();
    let newest = files.iter().rev().filter_map(|file| fs::read(file).ok()).find(began)?;
    replay(&newest)
}

/// The whole lines of a journal: one that is torn counts as not written.
fn records(bytes: &[u8]) -> impl Iterator<Item = Record> {
    bytes.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok())
}

/// What a journal says of a run that never ended. Any bytes may be torn off or wrong:
/// a step counts as ended only where a whole line says so.
pub fn replay(bytes: &[u8]) -> Option<Cut> {
    let mut found: Option<Cut> = None;
    for record in records(bytes) {
        match record {
            Record::RunStarted { run, .. } => found = Some(Cut { run, steps: Vec::new() }),
            Record::BatchStarted { steps, .. } => {
                if let Some(cut) = &mut found {
                    cut.steps.extend(steps);
                }
            }
            Record::StepEnded { id, .. } => {
                if let Some(cut) = &mut found {
                    cut.steps.retain(|step| step != &id);
                }
            }
            Record::Adopted { .. } => {}
            Record::RunEnded { .. } => found = None,
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_run_names_what_it_was_doing() {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(dir.path(), "cold", "run1").unwrap();
        let run = "run1".to_owned();
        journal.write(&Record::RunStarted { run: run.clone(), cluster: "cold".into(), time: 1 }).unwrap();
        let steps = vec!["node1/a".to_owned(), "node1/b".to_owned()];
        let host = "node1".to_owned();
        journal.write(&Record::BatchStarted { host, unit: "u".into(), steps, time: 2 }).unwrap();
        let ended = Record::StepEnded { id: "node1/a".into(), outcome: "changed".into(), time: 3 };
        journal.write(&ended).unwrap();
        let cut = Some(Cut { run, steps: vec!["node1/b".into()] });
        assert_eq!(last_cut(dir.path(), "cold"), cut);
        // Torn within a character, and a newer run that was killed before its first record.
        std::io::Write::write_all(&mut journal.file, b"{\"record\":\"step_ended\",\"id\":\"\xc3").unwrap();
        Journal::open(dir.path(), "cold", "run2").unwrap();
        assert_eq!(last_cut(dir.path(), "cold"), cut);
        journal.file.write_all(b"\n").unwrap();
        journal.write(&Record::RunEnded { time: 4 }).unwrap();
        assert_eq!(last_cut(dir.path(), "cold"), None);
    }

    #[test]
    fn a_torn_last_line_counts_as_not_written() {
        let whole = "{\"record\":\"run_started\",\"run\":\"r\",\"cluster\":\"c\",\"time\":1}\n";
        let torn = format!("{whole}{{\"record\":\"run_en");
        assert_eq!(replay(torn.as_bytes()), Some(Cut { run: "r".into(), steps: vec![] }));
    }
    #[test]
    fn a_run_that_was_cut_on_many_hosts_names_them() {
        let place = |steps: &[&str]| {
            let steps = steps.iter().map(|step| (*step).to_owned()).collect();
            Cut { run: "r".into(), steps }.place()
        };
        assert_eq!(place(&[]), "between two steps");
        assert_eq!(place(&["a/x", "b/x"]), "a/x, b/x");
        assert_eq!(place(&["a/x", "a/y", "b/x", "c/x", "d/x", "e/x"]), "a/x, b/x, c/x, d/x and 2 more");
    }
}
