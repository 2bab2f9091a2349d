//! Owns running one command with a time limit, and what it said.
//! Must not know the lab nor the product.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

/// Why a drill cannot go on, for people.
pub type Result<T = ()> = std::result::Result<T, String>;

/// Processes to end when the suite is interrupted.
static LIVE: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

/// What a command said.
#[derive(Debug, Clone, Default)]
pub struct Output {
    /// The command as one would type it.
    pub line: String,
    /// -1 if a signal ended it, 124 or 137 if its time ran out.
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
    pub took: Duration,
}

impl Output {
    pub fn ok(self) -> Result<Self> {
        if self.status == 0 { Ok(self) } else { Err(self.describe()) }
    }

    /// Both streams, the last 60 lines of each.
    pub fn describe(&self) -> String {
        let seconds = self.took.as_secs_f64();
        let mut text = format!("`{}`: exit {} after {seconds:.1} s", self.line, self.status);
        for (name, stream) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            let lines: Vec<&str> = stream.lines().collect();
            if !lines.is_empty() {
                let tail = &lines[lines.len().saturating_sub(60)..];
                let _ = write!(text, "\n--- {name}\n{}", tail.join("\n"));
            }
        }
        text
    }

    /// No panic, and nothing that draws on a terminal, as there is none.
    pub fn calm(&self) -> Result {
        let loud =
            ["panicked at", "stack backtrace", "\u{1b}"].iter().find(|word| self.both().contains(**word));
        loud.map_or(Ok(()), |word| Err(format!("{word:?} in what was said: {}", self.describe())))
    }

    pub fn both(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }
}

/// A command that will not run longer than its limit.
#[derive(Debug)]
pub struct Call {
    command: Command,
    line: String,
    stdin: Option<String>,
    limit: Duration,
}

impl Call {
    /// `timeout` makes a process group of it and ends the whole group.
    pub fn new<S: AsRef<OsStr>>(limit: Duration, words: impl IntoIterator<Item = S>) -> Self {
        let words: Vec<OsString> = words.into_iter().map(|w| w.as_ref().to_owned()).collect();
        let shown: Vec<_> = words.iter().map(|w| w.to_string_lossy()).collect();
        let line = shown.join(" ");
        let mut command = Command::new("timeout");
        command.args(["-k", "5", &limit.as_secs().to_string()]).args(&words);
        Self { command, line, stdin: None, limit }
    }

    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub fn dir(mut self, dir: &Path) -> Self {
        self.command.current_dir(dir);
        self
    }

    pub fn stdin(mut self, text: impl Into<String>) -> Self {
        self.stdin = Some(text.into());
        self
    }

    pub fn run(self) -> Result<Output> {
        self.start()?.wait()
    }

    pub fn start(mut self) -> Result<Running> {
        let input = if self.stdin.is_some() { Stdio::piped() } else { Stdio::null() };
        self.command.stdin(input).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().map_err(|e| format!("`{}`: {e}", self.line))?;
        alter(|live| live.insert(child.id()));
        let stdout = collect(child.stdout.take());
        let stderr = collect(child.stderr.take());
        if let (Some(text), Some(mut pipe)) = (self.stdin, child.stdin.take()) {
            // Nobody may read it to its end: then the exit status says so.
            thread::spawn(move || drop(pipe.write_all(text.as_bytes())));
        }
        Ok(Running { child, line: self.line, limit: self.limit, start: Instant::now(), stdout, stderr })
    }
}

/// A command that was started and not waited for.
#[derive(Debug)]
pub struct Running {
    child: Child,
    line: String,
    limit: Duration,
    start: Instant,
    stdout: thread::JoinHandle<String>,
    stderr: thread::JoinHandle<String>,
}

impl Running {
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Ends it before its time.
    pub fn end(self) -> Result<Output> {
        signal("TERM", self.child.id())?;
        self.wait()
    }

    pub fn wait(mut self) -> Result<Output> {
        let deadline = self.start + self.limit + Duration::from_secs(15);
        let status = loop {
            match self.child.try_wait() {
                Ok(Some(status)) => break status.code().unwrap_or(-1),
                Ok(None) if Instant::now() > deadline => break -1,
                Ok(None) => thread::sleep(Duration::from_millis(2)),
                Err(error) => return Err(format!("`{}`: {error}", self.line)),
            }
        };
        let took = self.start.elapsed();
        alter(|live| live.remove(&self.child.id()));
        let text = |stream: thread::JoinHandle<String>| stream.join().unwrap_or_default();
        let (stdout, stderr) = (text(self.stdout), text(self.stderr));
        Ok(Output { line: self.line, status, stdout, stderr, took })
    }
}

fn collect(pipe: Option<impl std::io::Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = pipe.by_ref().read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

fn alter<T>(change: impl FnOnce(&mut BTreeSet<u32>) -> T) {
    change(&mut LIVE.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
}

pub fn signal(name: &str, pid: u32) -> Result {
    Call::new(Duration::from_secs(5), ["kill", &format!("-{name}"), &pid.to_string()]).run()?.ok().map(drop)
}

/// Ends what still runs; `timeout` hands the signal on to its command.
pub fn end_all() {
    alter(|live| {
        for pid in live.iter() {
            let _ = Command::new("kill").arg(pid.to_string()).stderr(Stdio::null()).status();
        }
    });
}

/// Looks every `pause` until `look` finds something; its last words if it never does.
pub fn wait_for<T>(
    what: &str,
    limit: Duration,
    pause: Duration,
    mut look: impl FnMut() -> Result<T>,
) -> Result<T> {
    let start = Instant::now();
    loop {
        match look() {
            Ok(found) => return Ok(found),
            Err(last) if start.elapsed() > limit => {
                return Err(format!("{what}: not within {} s; last seen: {last}", limit.as_secs()));
            }
            Err(_) => thread::sleep(pause),
        }
    }
}

/// Fails a drill with what was seen where a condition does not hold.
macro_rules! ensure {
    ($holds:expr, $($said:tt)*) => {
        let holds: bool = $holds;
        if !holds {
            return Err(format!($($said)*));
        }
    };
}
pub(crate) use ensure;
