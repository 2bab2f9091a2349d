//! Owns the kind `patroni_config`: Patroni's dynamic configuration, which lives
//! in etcd once the cluster is formed. Reconciled through the REST API, and
//! `postgresql.parameters` as a whole. Must not know the local `config.yml`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::change::{self, Change, Field, Fields, Have};
use super::patroni_rest::{PATRONI_API, Rest};
use super::restart_settings::needs_restart;
use super::{Manage, ResolveError, Resolver, Script};
use crate::facts::view::View;
use crate::facts::{Facts, Needs, PatroniEndpoint};
use crate::problem::{Problem, Problems};
use crate::secret::Secret;
use crate::shell::quote;
use crate::span::Source;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PatroniConfig {
    #[serde(default)]
    pub name: String,
    /// A template that gives JSON.
    pub template: String,
    /// `https://127.0.0.1:8008`
    pub url: String,
    pub ca: String,
    /// Path stem of a client certificate.
    pub identity: String,
    pub data: String,
    #[serde(skip)]
    pub config: Value,
    #[serde(skip)]
    pub passwords: Vec<Secret>,
}

/// The table that is ours whole: what stands there and not here goes.
const PARAMETERS: &str = "postgresql.parameters.";
/// Seconds a request may take: one write to etcd.
const PATCH_SECONDS: u32 = 10;

impl PatroniConfig {
    /// Parameters of PostgreSQL that `change` changes: name, from, to.
    pub fn parameters(change: &Change) -> impl Iterator<Item = (&str, &str, &str)> {
        let parameter = |f: &Field| f.name.starts_with(PARAMETERS);
        let fields = change.fields().iter().filter(move |f| parameter(f));
        fields.map(|f| (&f.name[PARAMETERS.len()..], f.from.as_str(), f.to.as_str()))
    }

    /// The configuration, and null for each parameter that is to go.
    fn body(&self, change: &Change) -> String {
        let mut body = self.config.clone();
        let ours = |name: &str| !self.config["postgresql"]["parameters"][name].is_null();
        for (name, _, _) in Self::parameters(change).filter(|(name, _, to)| to.is_empty() && !ours(name)) {
            body["postgresql"]["parameters"][name] = Value::Null;
        }
        body.to_string()
    }

    /// Seconds until members show what they owe; `None` where they owe nothing.
    fn patience(&self, change: &Change) -> Option<u64> {
        let told: Vec<Option<bool>> =
            Self::parameters(change).map(|(name, _, _)| needs_restart(name)).collect();
        let loop_wait = self.config["loop_wait"].as_u64().unwrap_or(10);
        match (told.contains(&Some(true)), told.contains(&None)) {
            // Two of Patroni's loops, and a reload.
            (true, _) => Some(2 * loop_wait + 10),
            // They may never show anything.
            (false, true) => Some(loop_wait + 3),
            (false, false) => None,
        }
    }
}

impl Manage for PatroniConfig {
    fn needs(&self, needs: &mut Needs) {
        let endpoint =
            PatroniEndpoint { url: self.url.clone(), ca: self.ca.clone(), data: self.data.clone() };
        needs.patroni = Some(endpoint);
    }

    fn want(&self) -> Option<Fields> {
        Some(pairs(&self.config, &Value::Null).0)
    }

    fn have(&self, _host: &Facts, cluster: &View) -> Have {
        let Some(config) = &cluster.patroni.config else {
            return Have::Late("Patroni does not answer yet".to_owned());
        };
        let mut have = pairs(&self.config, config).1;
        let parameters = |config: &Value| config["postgresql"]["parameters"].as_object().cloned();
        if let (Some(_), Some(there)) = (parameters(&self.config), parameters(config)) {
            for (name, value) in there {
                have.entry(format!("{PARAMETERS}{name}")).or_insert_with(|| text(&value));
            }
        }
        Have::Fields(have)
    }

    fn diff(&self, host: &Facts, cluster: &View) -> Change {
        let (mut want, have) = (self.want().unwrap_or_default(), self.have(host, cluster));
        if let Have::Fields(have) = &have {
            for name in have.keys() {
                want.entry(name.clone()).or_default();
            }
        }
        change::compare(Some(want), have)
    }

    /// Goes on once every member took it over: only then is known what they owe.
    fn apply(&self, change: &Change) -> Script {
        let rest =
            Rest { url: &self.url, ca: &self.ca, identity: &self.identity, passwords: &self.passwords };
        let send = format!("{} >/dev/null", rest.send("PATCH", "/config", &self.body(change), PATCH_SECONDS));
        let Some(seconds) = self.patience(change) else { return Script::new(send) };
        let (ca, url) = (quote(&self.ca), quote(&self.url));
        Script::new(format!(
            "{PATRONI_API}\nmembers=$(patroni_members {ca} {url})\n\
             # One word a member.\n# shellcheck disable=SC2086\nbefore=$(patroni_owing {ca} $members)\n\
             {send}\n# shellcheck disable=SC2086\npatroni_taken {seconds} {ca} \"$before\" $members"
        ))
    }

    fn resolve(&mut self, with: &dyn Resolver) -> Result<(), ResolveError> {
        let text = with.template(&self.template)?;
        self.config = serde_json::from_str(&text).map_err(|error| not_json(&self.template, text, &error))?;
        self.passwords = with.secrets().map(|secrets| secrets.known("patroni.rest")).unwrap_or_default();
        Ok(())
    }
}

/// Points into what was rendered; no secret stands in it, as it is kept in etcd.
fn not_json(template: &str, text: String, error: &serde_json::Error) -> Problems {
    let line = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum::<usize>();
    let at = (line + error.column().saturating_sub(1)).min(text.len());
    let source = Source::new(format!("{template}, rendered"), text);
    Problem::error(&source, "HAC-E080", at..at, format!("this is no JSON: {error}"))
        .help("every value goes through the filter tojson; no comma after the last one")
        .into()
}

/// Every leaf of `want` by its dotted name, and what `have` holds in its place.
fn pairs(want: &Value, have: &Value) -> (Fields, Fields) {
    let mut both = (Fields::new(), Fields::new());
    walk("", want, Some(have), &mut both);
    both
}

/// Lists count as one value: Patroni replaces them whole. Null means that the
/// name must not be there, as in Patroni's own merge.
fn walk(prefix: &str, want: &Value, have: Option<&Value>, both: &mut (Fields, Fields)) {
    if let Value::Object(map) = want {
        for (key, value) in map {
            let name = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
            walk(&name, value, have.and_then(|h| h.get(key)), both);
        }
        return;
    }
    both.0.insert(prefix.to_owned(), text(want));
    both.1.insert(prefix.to_owned(), have.map(text).unwrap_or_default());
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
