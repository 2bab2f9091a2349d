//! Owns hosts that are folders: every script runs in a real shell, with the
//! paths it would touch put below the folder. Must not touch anything else.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::mpsc::UnboundedSender;

use super::World;
use crate::exec::drive::Stops;
use crate::exec::event::{Event, Sink};
use crate::exec::{Apply, ApplyError, Parallelism, Summary, probe_all};
use crate::plan::{Observed, Plan, Selection};
use crate::transport::fake::Fake;
use crate::transport::{Connection, Output, Prober};

/// Where a host's own files lie, in playbooks.
pub(super) const ROOT: &str = "/hac-test-root";

/// What a host is asked to write outside of its root, and where it goes.
const MOVED: [(&str, &str); 4] =
    [(ROOT, "root"), ("/var/lib/hacluster", "state"), ("/run/hacluster", "run"), ("/run/systemd", "none")];

/// Keeps every event.
#[derive(Default)]
pub(super) struct Heard(pub(super) Mutex<Vec<Event>>, Mutex<Vec<UnboundedSender<()>>>);

impl Sink for Heard {
    /// With the first batch Ctrl-C is pressed, where somebody asked for it.
    fn event(&self, event: Event) {
        if matches!(event, Event::BatchStarted { .. }) {
            self.1.lock().unwrap().drain(..).for_each(|press| press.send(()).unwrap());
        }
        self.0.lock().unwrap().push(event);
    }
}

/// A world and its hosts; gone when dropped.
pub(super) struct Lab {
    pub(super) world: World,
    pub(super) fakes: BTreeMap<String, Fake>,
    pub(super) heard: Arc<Heard>,
    dir: TempDir,
}

impl Lab {
    pub(super) fn new(steps: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let templates = dir.path().join("templates");
        fs::create_dir(&templates).unwrap();
        fs::write(templates.join("word.j2"), "word {{ secret('patroni.rest') }}\n").unwrap();
        let world = World::tiny(&filled(steps), Some(&templates));
        let fakes = ["n1", "n2"].map(|name| (name.to_owned(), fake(name, dir.path().join(name))));
        Self { world, fakes: fakes.into(), heard: Arc::default(), dir }
    }

    /// From now on these steps are asked for; what ledgers hold beyond them goes.
    pub(super) async fn ask_for(&mut self, steps: &str, destroy: bool) {
        self.world = World::tiny(&filled(steps), Some(&self.dir.path().join("templates")));
        let ledgers = self.observe().await.ledgers();
        self.world.prune(&ledgers, destroy);
    }

    /// Changes how a host answers.
    pub(super) fn host(&mut self, name: &str, change: impl FnOnce(Fake) -> Fake) {
        let fake = self.fakes.remove(name).unwrap();
        self.fakes.insert(name.to_owned(), change(fake));
    }

    pub(super) fn path(&self, host: &str, path: &str) -> PathBuf {
        self.dir.path().join(host).join(path)
    }

    pub(super) fn read(&self, host: &str, path: &str) -> Option<String> {
        let text = fs::read_to_string(self.path(host, path)).ok()?;
        Some(text.replace(&self.path(host, "root").display().to_string(), ROOT))
    }

    pub(super) fn state_dir(&self) -> PathBuf {
        self.dir.path().join("journal")
    }

    /// Every line of every journal.
    pub(super) fn journal(&self) -> String {
        let runs = fs::read_dir(self.state_dir().join("tiny/runs")).into_iter().flatten().flatten();
        runs.map(|file| fs::read_to_string(file.path()).unwrap()).collect()
    }

    fn connections(&self) -> BTreeMap<String, Arc<Connection>> {
        let link = |(name, fake): (&String, &Fake)| (name.clone(), Arc::new(Connection::Fake(fake.clone())));
        self.fakes.iter().map(link).collect()
    }

    pub(super) async fn observe(&self) -> Observed {
        // Fresh hosts: what is counted and cut are the calls of a run.
        let probe = |name: &String| {
            let link = Connection::Fake(fake(name, self.dir.path().join(name)));
            (name.clone(), Prober::new(Arc::new(link)))
        };
        let probers = self.fakes.keys().map(probe).collect();
        let gathered = probe_all(&probers, &crate::expand::needs(&self.world.resources), &()).await;
        Observed::new(gathered.ok, gathered.failed, 1_790_000_000)
    }

    pub(super) async fn plan(&self) -> Plan {
        self.world.planner().plan(&self.observe().await).unwrap()
    }

    pub(super) async fn apply(&self) -> Apply<'_> {
        let observed = self.observe().await;
        Apply {
            planner: self.world.planner(),
            plan: self.world.planner().plan(&observed).unwrap(),
            observed,
            read: std::time::Instant::now(),
            connections: self.connections(),
            cluster: "tiny".to_owned(),
            inventory: BTreeMap::new(),
            step_timeout: Duration::from_secs(20),
            run_timeout: Duration::from_mins(1),
            state_dir: self.state_dir(),
            approved: false,
            fail_fast: false,
            selection: Selection::default(),
            parallelism: Parallelism::default(),
            sink: Arc::clone(&self.heard) as Arc<dyn Sink>,
        }
    }

    pub(super) async fn run(&self) -> Result<Summary, ApplyError> {
        let (heard, stops) = tokio::sync::mpsc::unbounded_channel();
        let ended = self.run_until(stops).await;
        drop(heard);
        ended
    }

    /// Ctrl-C is pressed so often as soon as something runs.
    pub(super) async fn run_pressed(&self, times: usize) -> Result<Summary, ApplyError> {
        let (heard, stops) = tokio::sync::mpsc::unbounded_channel();
        *self.heard.1.lock().unwrap() = vec![heard.clone(); times];
        let ended = self.run_until(stops).await;
        drop(heard);
        ended
    }

    pub(super) async fn run_until(&self, stops: Stops) -> Result<Summary, ApplyError> {
        self.apply().await.run_until(stops).await
    }
}

/// Steps with the user of the tests and the folder of the hosts.
fn filled(steps: &str) -> String {
    let own = format!("owner = \"{}\", group = \"{}\"", id("-un"), id("-gn"));
    steps.replace("OWN", &own).replace("ROOT", ROOT)
}

fn id(option: &str) -> String {
    let out = Command::new("id").arg(option).output().unwrap();
    String::from_utf8(out.stdout).unwrap().trim().to_owned()
}

fn fake(name: &str, dir: PathBuf) -> Fake {
    for (_, folder) in MOVED.iter().filter(|(_, folder)| *folder != "none") {
        fs::create_dir_all(dir.join(folder)).unwrap();
    }
    on(Fake::new(name), dir)
}

/// Whatever no rule before answers runs in a shell.
pub(super) fn on(fake: Fake, dir: PathBuf) -> Fake {
    fake.on_script(move |script| Some(shell(script, &dir)))
}

/// Runs a script with a host's paths put below `dir`.
fn shell(script: &str, dir: &Path) -> Output {
    // A probe's wrapper is the transport's own and is tested there.
    let probe = script.split_once("<<'HACLUSTER_PROBE_END'\n");
    let body = probe.and_then(|(_, rest)| rest.split("\nHACLUSTER_PROBE_END\n").next()).unwrap_or(script);
    let place = |folder: &str| dir.join(folder).display().to_string();
    let text = MOVED.iter().fold(body.to_owned(), |text, (from, to)| text.replace(from, &place(to)));
    let file = tempfile::NamedTempFile::new_in(dir).unwrap();
    fs::write(file.path(), text).unwrap();
    let mut sh = Command::new("sh");
    let out = sh.arg(file.path()).env("LC_ALL", "C").stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&out.stdout).replace(&place("root"), ROOT);
    Output { status: out.status.code().unwrap_or(-1), stdout: said.into(), stderr: out.stderr }
}
