//! Owns the journal: one JSON line before and after everything that changes a
//! host, synced. A hint for people and resume; the hosts are the truth.
//! Must not hold a secret.

use std::collections::BTreeMap;
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
pub(super) struct Cut {
    pub run: String,
    /// Steps that were started and of which no end is known.
    pub steps: Vec<String>,
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

/// The newest run of this cluster, if it never ended.
pub(super) fn last_cut(state: &Path, cluster: &str) -> Option<Cut> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(runs(state, cluster)).ok()?.flatten().map(|e| e.path()).collect();
    files.sort();
    let text = fs::read_to_string(files.last()?).ok()?;
    cut(&text)
}

/// Replays a journal. A torn last line counts as not written.
fn cut(text: &str) -> Option<Cut> {
    let mut found: Option<Cut> = None;
    for record in text.lines().filter_map(|line| serde_json::from_str::<Record>(line).ok()) {
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
        assert_eq!(last_cut(dir.path(), "cold"), Some(Cut { run, steps: vec!["node1/b".into()] }));
        journal.write(&Record::RunEnded { time: 4 }).unwrap();
        assert_eq!(last_cut(dir.path(), "cold"), None);
    }

    #[test]
    fn a_torn_last_line_counts_as_not_written() {
        let whole = "{\"record\":\"run_started\",\"run\":\"r\",\"cluster\":\"c\",\"time\":1}\n";
        let torn = format!("{whole}{{\"record\":\"run_en");
        assert_eq!(cut(&torn), Some(Cut { run: "r".into(), steps: vec![] }));
    }

    #[test]
    fn a_journal_torn_at_any_byte_says_what_its_whole_lines_say() {
        let mut text = String::new();
        let (run, host) = ("r".to_owned(), "n1".to_owned());
        let ids = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        for record in [
            Record::RunStarted { run: run.clone(), cluster: "c".into(), time: 1 },
            Record::Adopted { host: host.clone(), run, steps: [("ä".to_owned(), Some(0))].into(), time: 1 },
            Record::BatchStarted { host, unit: "u".into(), steps: ids(&["n1/a", "n1/ä"]), time: 2 },
            Record::StepEnded { id: "n1/a".into(), outcome: "changed".into(), time: 3 },
            Record::RunEnded { time: 4 },
        ] {
            text.push_str(&serde_json::to_string(&record).unwrap());
            text.push('\n');
        }
        for end in 0..=text.len() {
            let torn = String::from_utf8_lossy(&text.as_bytes()[..end]);
            let whole = torn.rfind('\n').map_or("", |at| &torn[..=at]);
            // A whole line lacks only its end.
            let written = text.as_bytes().get(end) == Some(&b'\n');
            let expected = if written { cut(&text[..=end]) } else { cut(whole) };
            assert_eq!(cut(&torn), expected, "after {end} bytes");
        }
    }
}
