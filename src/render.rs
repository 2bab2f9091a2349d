//! Owns rendering: templates and the strings of playbooks, strictly. Must not
//! know what is rendered or where it goes.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use include_dir::{Dir, include_dir};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Value, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior};

use crate::problem::{Problem, Problems};
use crate::resource::sha256;
use crate::secrets::Secrets;
use crate::shell::quote;
use crate::span::{Place, Source};

static BUILT_IN: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/templates");

/// A template could not be rendered, and why.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    #[error(transparent)]
    Problems(#[from] Problems),
    /// It reads a secret and none are at hand.
    #[error("needs the secrets, which are not at hand")]
    NoSecrets,
}

/// All templates, and the language they are written in.
#[derive(Debug)]
pub struct Renderer {
    env: Environment<'static>,
    sources: BTreeMap<String, Arc<Source>>,
    lacked_secrets: Arc<AtomicBool>,
}

impl Renderer {
    /// Built-in templates, each replaced whole by a file of the same name below
    /// `overrides` where there is one; other files there are templates too.
    pub fn new(overrides: Option<&Path>, secrets: Option<Arc<Secrets>>) -> Self {
        let mut sources = BTreeMap::new();
        collect(&BUILT_IN, &mut sources);
        if let Some(dir) = overrides {
            collect_own(dir, dir, &mut sources);
        }
        let lacked_secrets = Arc::new(AtomicBool::new(false));
        let mut env = environment();
        let flag = Arc::clone(&lacked_secrets);
        let by_name = secrets.clone();
        env.add_function("secret", move |name: String| secret(by_name.as_deref(), &flag, &name));
        let flag = Arc::clone(&lacked_secrets);
        env.add_function("authority", move || authority(secrets.as_deref(), &flag));
        let by_name = sources.clone();
        env.set_loader(move |name| Ok(by_name.get(name).map(|source| source.text.clone())));
        Self { env, sources, lacked_secrets }
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.sources.keys().map(String::as_str)
    }

    pub fn has(&self, name: &str) -> bool {
        self.sources.contains_key(name)
    }

    /// A template as it is written.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.sources.get(name).map(|source| source.text.as_str())
    }

    /// The one place in the template `name` where this line stands as it is.
    pub fn place(&self, name: &str, line: &str) -> Option<Place> {
        let source = self.sources.get(name)?;
        let mut found = source.text.match_indices(line).filter(|_| !line.trim().is_empty());
        let (at, _) = found.next()?;
        let place = Place { source: Arc::clone(source), span: at..at + line.len() };
        found.next().is_none().then_some(place)
    }

    /// Renders the template `name`.
    pub fn template(&self, name: &str, context: &Value) -> Result<String, RenderError> {
        let rendered = self.env.get_template(name).and_then(|t| t.render(context.clone()));
        rendered.map_err(|error| {
            if self.lacked_secrets.swap(false, Ordering::Relaxed) {
                return RenderError::NoSecrets;
            }
            let fallback = Source::new(name, "");
            let source = error.name().and_then(|n| self.sources.get(n)).or(self.sources.get(name));
            RenderError::Problems(problem(&error, source.unwrap_or(&fallback), 0).into())
        })
    }

    /// Renders one string of a playbook.
    pub fn line(&self, text: &str, at: &Place, context: &Value) -> Result<String, Problems> {
        if !text.contains("{{") && !text.contains("{%") {
            return Ok(text.to_owned());
        }
        self.env
            .render_named_str("a playbook's string", text, context.clone())
            .map_err(|error| at_place(&error, at).into())
    }

    /// Evaluates an expression such as `postgres.enabled`.
    pub fn expression(&self, text: &str, at: &Place, context: &Value) -> Result<Value, Problems> {
        let value = self.env.compile_expression(text).and_then(|e| e.eval(context.clone()));
        value.map_err(|error| at_place(&error, at).into())
    }

    /// Dotted names of what a template reads: `vip.database`, `host.name`.
    pub fn reads(&self, name: &str) -> Vec<String> {
        let Ok(template) = self.env.get_template(name) else { return Vec::new() };
        let mut names: Vec<String> = template.undeclared_variables(true).into_iter().collect();
        names.sort();
        names
    }
}

fn collect(dir: &Dir<'static>, into: &mut BTreeMap<String, Arc<Source>>) {
    for file in dir.files() {
        let name = file.path().display().to_string();
        let text = file.contents_utf8().unwrap_or_default();
        into.insert(name.clone(), Source::new(format!("built-in templates/{name}"), text));
    }
    for dir in dir.dirs() {
        collect(dir, into);
    }
}

/// Files that cannot be read are left out: `validate` names what is missing.
fn collect_own(root: &Path, dir: &Path, into: &mut BTreeMap<String, Arc<Source>>) {
    for path in dir.read_dir().into_iter().flatten().flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            collect_own(root, &path, into);
        } else if let (Ok(name), Ok(text)) = (path.strip_prefix(root), std::fs::read_to_string(&path)) {
            into.insert(name.display().to_string(), Source::new(path.display().to_string(), text));
        }
    }
}

fn environment() -> Environment<'static> {
    let mut env = Environment::new();
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    env.set_auto_escape_callback(|_| AutoEscape::None);
    env.set_debug(true);
    env.set_formatter(|out, _state, value| match value.kind() {
        ValueKind::String | ValueKind::Number => Ok(std::fmt::Write::write_str(out, &value.to_string())?),
        ValueKind::Undefined => Err(Error::from(ErrorKind::UndefinedError)),
        kind => Err(Error::new(
            ErrorKind::InvalidOperation,
            format!("a {kind} cannot be printed as it is; use a filter such as tojson or join(',')"),
        )),
    });
    let syntax =
        SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build();
    if let Ok(syntax) = syntax {
        env.set_syntax(syntax);
    }
    env.add_filter("sh", |value: String| quote(&value));
    env.add_filter("sha256", |value: String| sha256(&value));
    env
}

/// The secrets, or an error that is told apart from every other.
fn at_hand<'a>(secrets: Option<&'a Secrets>, lacked: &AtomicBool) -> Result<&'a Secrets, Error> {
    secrets.ok_or_else(|| {
        lacked.store(true, Ordering::Relaxed);
        Error::new(ErrorKind::InvalidOperation, "the secrets are not at hand")
    })
}

/// Certificates of the authorities that hosts trust, without the last line's end.
fn authority(secrets: Option<&Secrets>, lacked: &AtomicBool) -> Result<String, Error> {
    Ok(at_hand(secrets, lacked)?.trusted().trim_end().to_owned())
}

fn secret(secrets: Option<&Secrets>, lacked: &AtomicBool, name: &str) -> Result<String, Error> {
    let secrets = at_hand(secrets, lacked)?;
    let value = secrets.get(name).map(|secret| secret.expose().to_owned());
    value.ok_or_else(|| Error::new(ErrorKind::InvalidOperation, format!("the secrets file has no {name}")))
}

fn words(error: &Error) -> String {
    error.detail().map_or_else(|| error.kind().to_string(), |detail| format!("{}: {detail}", error.kind()))
}

fn problem(error: &Error, source: &Arc<Source>, offset: usize) -> Problem {
    let line_start =
        |line: usize| source.text.match_indices('\n').nth(line.saturating_sub(2)).map_or(0, |m| m.0 + 1);
    let span = error.range().unwrap_or_else(|| {
        let start = error.line().filter(|l| *l > 1).map_or(0, line_start);
        start..start
    });
    let span = span.start + offset..span.end + offset;
    Problem::error(source, "HAC-E080", span, words(error))
        .help("a template may read only what it is given; `hacluster render` shows one alone")
}

fn at_place(error: &Error, at: &Place) -> Problem {
    Problem::error(&at.source, "HAC-E081", at.span.clone(), words(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> Place {
        Place { source: Source::new("p.toml", "x"), span: 0..1 }
    }

    #[test]
    fn prints_strings_and_numbers_and_refuses_the_rest() {
        let renderer = Renderer::new(None, None);
        let context = minijinja::context! { name => "a", n => 3, flag => true, list => vec!["x", "y"] };
        let line = |text: &str| renderer.line(text, &place(), &context);
        assert_eq!(line("{{ name }}-{{ n }}").unwrap(), "a-3");
        assert_eq!(line("{{ list|join(',') }} {{ flag|tojson }}").unwrap(), "x,y true");
        assert!(line("{{ flag }}").unwrap_err().to_string().contains("use a filter"));
        assert!(line("{{ nmae }}").unwrap_err().to_string().starts_with("p.toml:1:1: error[HAC-E081]"));
        assert_eq!(line("{{ name|sh }} {{ \"it's\"|sh }}").unwrap(), r"a 'it'\''s'");
    }
}
