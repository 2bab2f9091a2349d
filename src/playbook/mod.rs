//! Owns playbooks: the built-in ones, the user's own, and how they are read.
//! Must not know hosts.

mod check;
mod model;
mod read;

pub use model::{Once, PackageList, Phase, Playbook, Step, StepKind};

use std::path::Path;

use include_dir::{Dir, include_dir};

use crate::problem::Problems;
use crate::span::Source;

static BUILT_IN: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/playbooks");

/// Reads all playbooks; a file below `overrides` replaces the built-in one of
/// its name, and adds one where there is none.
pub fn load(overrides: Option<&Path>) -> Result<Vec<Playbook>, Problems> {
    let mut sources = std::collections::BTreeMap::new();
    for file in BUILT_IN.files() {
        let name = file.path().display().to_string();
        sources.insert(
            name.clone(),
            Source::new(format!("built-in playbooks/{name}"), file.contents_utf8().unwrap_or_default()),
        );
    }
    for path in
        overrides.and_then(|dir| dir.read_dir().ok()).into_iter().flatten().flatten().map(|e| e.path())
    {
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        if path.extension().is_some_and(|ending| ending == "toml")
            && let Ok(text) = std::fs::read_to_string(&path)
        {
            sources.insert(name, Source::new(path.display().to_string(), text));
        }
    }
    let mut playbooks = Vec::new();
    let mut problems = Vec::new();
    for source in sources.values() {
        match read::playbook(source) {
            Ok(playbook) => playbooks.push(playbook),
            Err(Problems(mut more)) => problems.append(&mut more),
        }
    }
    problems.extend(check::references(&playbooks));
    Problems::check(problems)?;
    Ok(playbooks)
}

/// Reads one playbook from text, for tests and `validate`.
pub fn parse(source: &std::sync::Arc<Source>) -> Result<Playbook, Problems> {
    read::playbook(source)
}
