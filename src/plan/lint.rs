//! Owns our own check of what is about to be sent: a file its format's rules refuse
//! never leaves this machine. Must not know the rules.

use crate::expand::Resource;
use crate::lint::{Finding, Reach};
use crate::problem::{Problem, Problems};
use crate::render::Renderer;
use crate::resource::{File, Kind};
use crate::secret::Secret;
use crate::secrets::Secrets;

/// Refuses a file whose content breaks a rule of its format.
pub(super) fn lint(
    resource: &Resource,
    kind: &Kind,
    renderer: &Renderer,
    secrets: Option<&Secrets>,
) -> Result<(), Problems> {
    let Kind::File(file) = kind else { return Ok(()) };
    let (Some(lint), Some(text)) = (file.lint, file.text.as_ref().map(Secret::expose)) else { return Ok(()) };
    let host = |key: &str| resource.setting("host", key);
    let reach = Reach {
        address: host("address").unwrap_or_default(),
        user: host("ssh_user").unwrap_or_else(|| "root".to_owned()),
        port: resource.number("host", "ssh_port").unwrap_or(22),
    };
    let mut found = lint.check(text, &reach);
    found.extend(lint.compare(text, &file.holds));
    let problem = |finding: &Finding| problem(resource, file, text, finding, renderer, secrets);
    Problems::check(found.iter().map(problem).collect()).map(drop)
}

/// At the template's line where that reads as what came of it, else at the step.
fn problem(
    resource: &Resource,
    file: &File,
    text: &str,
    finding: &Finding,
    renderer: &Renderer,
    secrets: Option<&Secrets>,
) -> Problem {
    let line = finding.line.checked_sub(1).and_then(|at| text.lines().nth(at));
    let place = file.template.as_deref().and_then(|name| renderer.place(name, line?));
    let place = place.unwrap_or_else(|| resource.place.clone());
    let at = if finding.line > 0 { format!(", line {}", finding.line) } else { String::new() };
    let said = format!("{}{at}, would be wrong: {}", resource.id, finding.what);
    let said = secrets.map_or_else(|| said.clone(), |secrets| secrets.mask(&said));
    Problem::error(&place.source, "HAC-E096", place.span, said).help(finding.fix.clone())
}
