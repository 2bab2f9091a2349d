//! Owns the two streams: what is written to them, in colour or not, as text or
//! as JSON lines. Must not know what is said.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use super::clean::{coloured, escaped};

/// Version of the JSON lines: the same number means that fields are only added.
pub const JSON_VERSION: u32 = 1;

/// What the user asked of the output.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wishes {
    /// `None`: wherever there is a terminal.
    pub color: Option<bool>,
    pub json: bool,
    pub verbose: bool,
    pub quiet: bool,
}

/// Clones share the streams.
#[derive(Debug, Clone)]
pub struct Ui {
    out: Paint,
    err: Paint,
    wishes: Wishes,
    progress: bool,
    greeted: Arc<AtomicBool>,
}

impl Ui {
    pub fn new(wishes: Wishes) -> Self {
        let (out, err) = (io::stdout().is_terminal(), io::stderr().is_terminal());
        Self {
            out: Paint { on: wishes.color.unwrap_or(out) && !wishes.json },
            err: Paint { on: wishes.color.unwrap_or(err) },
            wishes,
            progress: err && !wishes.json && !wishes.quiet,
            greeted: Arc::default(),
        }
    }

    /// How standard output is coloured.
    pub fn paint(&self) -> Paint {
        self.out
    }

    pub fn error_paint(&self) -> Paint {
        self.err
    }

    pub fn is_json(&self) -> bool {
        self.wishes.json
    }

    pub fn is_verbose(&self) -> bool {
        self.wishes.verbose
    }

    pub fn is_quiet(&self) -> bool {
        self.wishes.quiet
    }

    /// Standard error is a terminal where lines may be drawn over.
    pub fn draws_progress(&self) -> bool {
        self.progress
    }

    /// Writes to standard output; nothing in JSON mode.
    pub fn say(&self, text: &str) -> io::Result<()> {
        if self.wishes.json {
            return Ok(());
        }
        self.write(text)
    }

    /// Writes to standard output, whatever the mode: scripts, graphs. Of what is no
    /// text only colours get there.
    pub fn write(&self, text: &str) -> io::Result<()> {
        let text = coloured(text);
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        if !text.ends_with('\n') && !text.is_empty() {
            out.write_all(b"\n")?;
        }
        out.flush()
    }

    /// Writes a line of JSON; nothing in text mode. The first line of all
    /// carries the version.
    pub fn json(&self, value: &Value) -> io::Result<()> {
        if !self.wishes.json {
            return Ok(());
        }
        let mut text = String::new();
        if !self.greeted.swap(true, Ordering::Relaxed) {
            let program = env!("CARGO_PKG_VERSION");
            let first = json!({ "type": "version", "version": JSON_VERSION, "hacluster": program });
            text = format!("{first}\n");
        }
        self.write(&escaped(&format!("{text}{value}\n")))
    }

    /// A remark on standard error, unless it is to be quiet. That nobody reads
    /// it is no error.
    pub fn note(&self, text: &str) {
        if !self.wishes.quiet && !self.wishes.json {
            self.complain(text);
        }
    }

    /// Writes to standard error whatever the mode.
    pub fn complain(&self, text: &str) {
        let _ = writeln!(io::stderr().lock(), "{}", coloured(text.trim_end()));
    }

    /// Asks on standard output; `None` where nobody can answer.
    pub fn ask(&self, question: &str) -> io::Result<Option<String>> {
        if !io::stdin().is_terminal() || self.wishes.json {
            return Ok(None);
        }
        let mut out = io::stdout().lock();
        write!(out, "{}", coloured(question))?;
        out.flush()?;
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer)?;
        Ok(Some(answer.trim_end_matches(['\r', '\n']).to_owned()))
    }
}

/// Colours, or none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Paint {
    pub on: bool,
}

impl Paint {
    fn code(self, code: &str, text: &str) -> String {
        if self.on && !text.is_empty() { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    pub fn bold(self, text: &str) -> String {
        self.code("1", text)
    }

    pub fn dim(self, text: &str) -> String {
        self.code("2", text)
    }

    pub fn red(self, text: &str) -> String {
        self.code("31", text)
    }

    pub fn green(self, text: &str) -> String {
        self.code("32", text)
    }

    pub fn yellow(self, text: &str) -> String {
        self.code("33", text)
    }

    pub fn cyan(self, text: &str) -> String {
        self.code("36", text)
    }
}
