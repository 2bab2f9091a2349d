//! Owns the search for secrets where nobody may see them: outputs, processes,
//! journals, readable files. Must not know what a secret is for.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::command::{Output, Result};
use crate::forms::Needles;
use crate::lab::{HOSTS, Lab};
use crate::product::Folder;

/// Often enough to meet a command that lives as long as one apt or psql call.
const SAMPLE: Duration = Duration::from_millis(200);

/// What was looked through so far, and what was found.
#[derive(Debug, Default)]
pub struct Sweep {
    pause: Duration,
    /// Every secret there was so far, whether or not it still counts.
    needles: Mutex<Needles>,
    outputs: Mutex<Vec<(String, String)>>,
    found: Mutex<BTreeSet<String>>,
    pub samples: AtomicUsize,
    pub journal_lines: AtomicUsize,
}

fn hold<T>(list: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    list.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Sweep {
    pub fn start() -> Arc<Self> {
        Self::every(SAMPLE)
    }

    /// One that looks at processes so often.
    pub fn every(pause: Duration) -> Arc<Self> {
        Arc::new(Self { pause, ..Self::default() })
    }

    /// Keeps what the product said, to be searched at the end.
    pub fn said(&self, output: &Output) {
        hold(&self.outputs).push((output.line.clone(), output.both()));
    }

    /// From now on these are looked for too.
    pub fn learn(&self, hidden: impl IntoIterator<Item = (String, String)>) {
        let mut needles = hold(&self.needles);
        for (name, value) in hidden {
            needles.add(&name, &value);
        }
    }

    pub fn needles(&self) -> Needles {
        hold(&self.needles).clone()
    }

    fn find(&self, what: String) {
        hold(&self.found).insert(what);
    }

    /// Looks at all processes, ours and the hosts', while `work` goes on.
    pub fn during<T>(&self, folder: &Folder, work: impl FnOnce() -> T) -> T {
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            let sampler = scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    // There are none before the first plan, and others after a rotation.
                    self.learn(folder.secrets().map(|secrets| secrets.hidden()).unwrap_or_default());
                    self.sample(&self.needles());
                    thread::park_timeout(self.pause);
                }
            });
            let result = work();
            done.store(true, Ordering::Relaxed);
            sampler.thread().unpark();
            result
        })
    }

    /// One look at the arguments and environment of every process there is.
    fn sample(&self, needles: &Needles) {
        self.samples.fetch_add(1, Ordering::Relaxed);
        for process in fs::read_dir("/proc").into_iter().flatten().flatten() {
            for part in ["cmdline", "environ"] {
                let Ok(bytes) = fs::read(process.path().join(part)) else { continue };
                for name in needles.within(&String::from_utf8_lossy(&bytes)) {
                    let program = fs::read_to_string(process.path().join("comm")).unwrap_or_default();
                    self.find(format!("{name} in {part} of a process ({})", program.trim()));
                }
            }
        }
    }

    /// The hosts' journals, which go with their disks; a host that does not answer has
    /// none to read now.
    pub fn journals(&self, lab: &Lab) {
        for (host, said) in HOSTS.iter().map(|h| (h, search(lab, h, &self.needles(), JOURNAL))) {
            let Ok(said) = said else { continue };
            self.note(host, &said);
        }
    }

    /// Lines `lines N` are counted, all others are finds.
    fn note(&self, host: &str, said: &str) {
        for line in said.lines() {
            match line.strip_prefix("lines ").and_then(|n| n.parse().ok()) {
                Some(lines) => drop(self.journal_lines.fetch_add(lines, Ordering::Relaxed)),
                None => self.find(format!("{host}: {line}")),
            }
        }
    }

    /// Everything found until now, here and on the hosts.
    pub fn finish(&self, lab: &Lab, folder: &Folder) -> Result<Vec<String>> {
        self.learn(folder.secrets()?.hidden());
        let needles = self.needles();
        for (line, said) in hold(&self.outputs).iter() {
            for name in needles.within(said) {
                self.find(format!("{name} in the output of `{line}`"));
            }
        }
        files(&folder.path(""), &mut |path, text| {
            for name in needles.within(text) {
                self.find(format!("{name} in {}", path.display()));
            }
        });
        for host in HOSTS {
            self.note(host, &search(lab, host, &needles, JOURNAL)?);
            self.note(host, &search(lab, host, &needles, FILES)?);
        }
        Ok(hold(&self.found).iter().cloned().collect())
    }

    pub fn outputs(&self) -> usize {
        hold(&self.outputs).len()
    }

    /// Proves that each way of looking finds what is there.
    pub fn prove(lab: &Lab) -> Result {
        let marks = ["journal", "file", "argument", "environment"];
        let planted = |place: &str| format!("planted-as-{place}-3f1c9e0d7b52");
        let mut needles = Needles::default();
        for place in marks {
            needles.add(place, &planted(place));
        }
        let [journal, file, argument, environment] = marks.map(planted);
        lab.sh(
            "node1",
            &format!(
                "echo {journal} | systemd-cat -t drill; journalctl --sync; echo {file} >/tmp/drill-planted"
            ),
        )?;
        let journal = search(lab, "node1", &needles, JOURNAL)?;
        let files = search(lab, "node1", &needles, FILES)?;
        lab.sh("node1", "rm /tmp/drill-planted")?;
        let probe = Self::default();
        let shell = lab
            .start("node2", &format!("DRILL={environment} sleep 2 & sh -c 'sleep 2; :' {argument}; wait"))?;
        thread::sleep(Duration::from_secs(1));
        probe.sample(&needles);
        shell.wait()?;
        let processes: Vec<String> = hold(&probe.found).iter().cloned().collect();
        let expected =
            ["argument in cmdline of a process (sh)", "environment in environ of a process (sleep)"];
        if journal.contains("journal: ") && files.contains("/tmp/drill-planted") && processes == expected {
            Ok(())
        } else {
            Err(format!("planted values were not found as they are: {journal}{files}{processes:?}"))
        }
    }
}

/// Prints `lines N` and a line for what has one of the values.
const JOURNAL: &str = "journalctl -q --no-pager -o verbose --output-fields=MESSAGE,_CMDLINE >$d/journal; echo \"lines $(wc -l <$d/journal)\"
grep -aFf $d/values $d/journal | sed 's/^/journal: /' | cut -c-300";

/// What others can read, all that is not root's alone among what we keep there, and
/// logs and spools whoever can read them. What a step said stays for root alone, in
/// memory, until the next run.
const FILES: &str = "{ find / -xdev '(' -path /proc -o -path /sys -o -path /srv -o -path /usr/lib -o -path /usr/share ')' -prune \
-o -type f -perm -o+r -print0
find /var/lib/hacluster /var/backups /var/cache/hacluster -type f -perm /137 -print0
find /run /tmp /var/tmp /var/log ! -path \"$d/*\" -type f -size -20M ! -path '/run/credentials/*' ! -name '*.journal' \
! '(' -path '/run/hacluster/hacluster-*.out' -user root -perm 0600 ')' -print0; } 2>/dev/null | xargs -0r grep -alFf $d/values | sort -u | sed 's/^/a file that has it: /'";

/// The values reach the host on standard input, and lie in a 0700 folder.
fn search(lab: &Lab, host: &str, needles: &Needles, how: &str) -> Result<String> {
    let script = format!(
        "d=$(mktemp -d /run/drill.XXXXXX); trap 'rm -rf $d' EXIT; cat >$d/values <<'END'\n{}\nEND\n{how}\n",
        needles.lines()
    );
    lab.sh(host, &script)
}

/// Where an operator has secrets, and our own tools' passwords.
fn keeps(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    ["secrets.", "pgpass"].iter().any(|start| name.starts_with(start))
}

fn files(dir: &Path, each: &mut impl FnMut(&Path, &str)) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, each);
        } else if !keeps(&path)
            && let Ok(bytes) = fs::read(&path)
        {
            each(&path, &String::from_utf8_lossy(&bytes));
        }
    }
}
