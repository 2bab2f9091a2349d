//! Owns the inventory as a whole: reading a file, the model with the place of
//! every value. Must not know single rules; `check` holds those.

use std::io::Read;
use std::ops::{Deref, Range};
use std::path::Path;
use std::sync::Arc;

use crate::problem::{Problem, Problems};
use crate::span::{Place, Source};

use super::host::{Host, hosts};
use super::model::Tables;
use super::preset::TAKEN_FROM;
use super::quorum::Votes;
use super::reader::Places;
use super::{context, document};

/// A `cluster.toml` that was read, with its defaults filled in. It derefs to
/// its tables, so `inventory.postgres.port` is a value and
/// `inventory.place_of("postgres.port")` where it stands.
#[derive(Debug, Clone)]
pub struct Inventory {
    pub(super) tables: Tables,
    pub(super) places: Places,
    pub(super) source: Arc<Source>,
    pub(super) warnings: Vec<Problem>,
}

impl Deref for Inventory {
    type Target = Tables;
    fn deref(&self) -> &Tables {
        &self.tables
    }
}

impl Inventory {
    /// The file's text; literal secrets in it are starred out.
    pub fn source(&self) -> &Arc<Source> {
        &self.source
    }

    /// What is worth a word and no error.
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }

    /// All hosts with their roles: nodes as they stand in the file, then the NAS.
    pub fn hosts(&self) -> Vec<Host> {
        hosts(&self.tables)
    }

    /// Who has how many votes.
    pub fn votes(&self) -> Votes {
        Votes::of(&self.hosts())
    }

    /// What templates see: every table with defaults, `hosts`, `computed`.
    pub fn context(&self) -> serde_json::Value {
        context::context(&self.tables)
    }

    /// Where a value comes from, by its path: `vip.database`, `node[0].address`.
    /// A value that is not written comes from the key its default is taken
    /// from, else from its table; nothing, if the file has neither.
    pub fn place_of(&self, path: &str) -> Option<Place> {
        let span = self.find(path)?;
        Some(Place { source: Arc::clone(&self.source), span })
    }

    fn find(&self, path: &str) -> Option<Range<usize>> {
        if let Some(span) = self.places.get(path) {
            return Some(span.clone());
        }
        let taken = TAKEN_FROM.iter().find(|(key, _)| *key == path).map(|(_, from)| *from);
        if let Some(span) = taken.and_then(|from| self.places.get(from)) {
            return Some(span.clone());
        }
        let parent = &path[..path.rfind(['.', '['])?];
        self.find(parent)
    }

    /// As [`Inventory::place_of`], and the start of the file where there is nothing.
    pub(super) fn span(&self, path: &str) -> Range<usize> {
        self.find(path).unwrap_or(0..0)
    }

    pub(super) fn is_written(&self, path: &str) -> bool {
        self.places.contains_key(path)
    }

    /// A problem at the value of a path.
    pub(super) fn problem(&self, code: &'static str, path: &str, message: impl Into<String>) -> Problem {
        Problem::error(&self.source, code, self.span(path), message)
    }
}

/// Reads and checks a file.
pub fn load(path: &Path) -> Result<Inventory, Problems> {
    let name = path.display().to_string();
    let mut bytes = Vec::new();
    let read =
        std::fs::File::open(path).and_then(|file| file.take(document::LIMIT + 1).read_to_end(&mut bytes));
    match read {
        Ok(_) => parse(&name, &bytes),
        Err(error) => {
            let source = Source::new(name.as_str(), "");
            let problem = Problem::error(&source, "HAC-E004", 0..0, format!("cannot read {name}: {error}"))
                .help("name the inventory with --file FILE; `hacluster init` writes a first one");
            Err(problem.into())
        }
    }
}

/// Checks the bytes of a file called `name`. All its problems come at once.
pub fn parse(name: &str, bytes: &[u8]) -> Result<Inventory, Problems> {
    let (inventory, problems) = document::read(name, bytes);
    let warnings = Problems::check(problems)?;
    match inventory {
        Some(inventory) => Ok(Inventory { warnings, ..inventory }),
        None => Err(Problems(warnings)),
    }
}
