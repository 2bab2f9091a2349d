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
use crate::lab::{HOSTS, Lab, seconds};
use crate::product::{Folder, Secrets};

/// Often enough to meet a command that lives as long as one apt or psql call.
const SAMPLE: Duration = Duration::from_millis(200);

/// What was looked through so far, and what was found.
#[derive(Debug, Default)]
pub struct Sweep {
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
        Arc::new(Self::default())
    }

    /// Keeps what the product said, to be searched at the end.
    pub fn said(&self, output: &Output) {
        hold(&self.outputs).push((output.line.clone(), output.both()));
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
                    if let Ok(secrets) = folder.secrets() {
                        self.sample(&secrets.hidden());
                    }
                    thread::park_timeout(SAMPLE);
                }
            });
            let result = work();
            done.store(true, Ordering::Relaxed);
            sampler.thread().unpark();
            result
        })
    }

    /// One look at the arguments and environment of every process there is.
    fn sample(&self, hidden: &[(String, String)]) {
        self.samples.fetch_add(1, Ordering::Relaxed);
        for process in fs::read_dir("/proc").into_iter().flatten().flatten() {
            for part in ["cmdline", "environ"] {
                let Ok(bytes) = fs::read(process.path().join(part)) else { continue };
                let text = String::from_utf8_lossy(&bytes);
                for (name, value) in hidden.iter().filter(|(_, value)| text.contains(value)) {
                    let program = fs::read_to_string(process.path().join("comm")).unwrap_or_default();
                    let program = program.trim().replace(value, "(secret)");
                    self.find(format!("{name} in {part} of a process ({program})"));
                }
            }
        }
    }

    /// The hosts' journals; a host that does not answer has none to read now.
    pub fn journals(&self, lab: &Lab, secrets: &Secrets) {
        for (host, said) in HOSTS.iter().map(|h| (h, search(lab, h, &secrets.hidden(), JOURNAL))) {
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
        let secrets = folder.secrets()?;
        let hidden = secrets.hidden();
        for (line, said) in hold(&self.outputs).iter() {
            for (name, _) in hidden.iter().filter(|(_, value)| said.contains(value)) {
                self.find(format!("{name} in the output of `{line}`"));
            }
        }
        files(&folder.path("state"), &mut |path, text| {
            for (name, _) in hidden.iter().filter(|(_, value)| text.contains(value)) {
                self.find(format!("{name} in {}", path.display()));
            }
        });
        for host in HOSTS {
            self.note(host, &search(lab, host, &hidden, JOURNAL)?);
            self.note(host, &search(lab, host, &hidden, FILES)?);
        }
        Ok(hold(&self.found).iter().cloned().collect())
    }

    pub fn outputs(&self) -> usize {
        hold(&self.outputs).len()
    }

    /// Proves that each way of looking finds what is there.
    pub fn prove(lab: &Lab) -> Result {
        let marker = "planted-drill-marker-3f1c";
        let planted = vec![("a planted value".to_owned(), marker.to_owned())];
        lab.sh(
            "node1",
            &format!(
                "echo {marker} | systemd-cat -t drill; journalctl --sync; echo {marker} >/tmp/drill-planted"
            ),
        )?;
        let journal = search(lab, "node1", &planted, JOURNAL)?;
        let files = search(lab, "node1", &planted, FILES)?;
        lab.sh("node1", "rm /tmp/drill-planted")?;
        let probe = Self::default();
        let shell = crate::command::Call::new(seconds(5), ["sh", "-c", "sleep 1; :", marker]).start()?;
        thread::sleep(Duration::from_millis(200));
        probe.sample(&planted);
        shell.wait()?;
        let seen = [
            journal.contains("journal: "),
            files.contains("/tmp/drill-planted"),
            !hold(&probe.found).is_empty(),
        ];
        if seen == [true; 3] {
            Ok(())
        } else {
            Err(format!("a planted value was not found (journal, files, processes: {seen:?})"))
        }
    }
}

/// Prints `lines N` and a line for what has one of the values.
const JOURNAL: &str = "journalctl -q --no-pager -o verbose --output-fields=MESSAGE,_CMDLINE >$d/journal; echo \"lines $(wc -l <$d/journal)\"
grep -aFf $d/values $d/journal | sed 's/^/journal: /' | cut -c-300";

/// What others can read, and all logs, spools and records.
const FILES: &str = "{ find /etc /usr/local /home /root /opt -xdev -type f -perm -o+r -print0
find /run /tmp /var/tmp /var/log /var/lib/hacluster /var/backups /var/cache/hacluster ! -path \"$d/*\" \
-type f -size -20M ! -path '/run/credentials/*' ! -name '*.journal' -print0; } 2>/dev/null |
xargs -0r grep -alFf $d/values | sed 's/^/a file that has it: /'";

/// The values reach the host on standard input, and lie in a 0700 folder.
fn search(lab: &Lab, host: &str, hidden: &[(String, String)], how: &str) -> Result<String> {
    let values: Vec<&str> = hidden.iter().map(|(_, value)| value.as_str()).collect();
    let script = format!(
        "d=$(mktemp -d /run/drill.XXXXXX); trap 'rm -rf $d' EXIT; cat >$d/values <<'END'\n{}\nEND\n{how}\n",
        values.join("\n")
    );
    lab.sh(host, &script)
}

fn files(dir: &Path, each: &mut impl FnMut(&Path, &str)) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, each);
        } else if let Ok(bytes) = fs::read(&path) {
            each(&path, &String::from_utf8_lossy(&bytes));
        }
    }
}
