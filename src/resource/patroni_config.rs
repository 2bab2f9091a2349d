//! Owns the kind `patroni_config`: Patroni's dynamic configuration, which lives
//! in etcd once the cluster is formed. Reconciled through the REST API.
//! Must not know the local `config.yml`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::change::{Change, Fields, Have};
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
    pub password: Option<Secret>,
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
        match &cluster.patroni.config {
            Some(config) => Have::Fields(pairs(&self.config, config).1),
            None => Have::Late("Patroni does not answer yet".to_owned()),
        }
    }

    fn apply(&self, _change: &Change) -> Script {
        let password = self.password.as_ref().map_or("", Secret::expose);
        Script::new(format!(
            "umask 077; body=$(mktemp /run/hacluster.XXXXXX); trap 'rm -f \"$body\"' EXIT\n\
             printf %s {body} >\"$body\"\n\
             printf 'user = \"patroni:%s\"\\n' {password} | curl -sS -f -m 10 -K - -X PATCH --data-binary @\"$body\" \
             --cacert {ca} --cert {cert} --key {key} {url} >/dev/null",
            body = quote(&self.config.to_string()),
            password = quote(&curl_quoted(password)),
            ca = quote(&self.ca),
            cert = quote(&format!("{}.crt", self.identity)),
            key = quote(&format!("{}.key", self.identity)),
            url = quote(&format!("{}/config", self.url)),
        ))
    }

    fn resolve(&mut self, with: &dyn Resolver) -> Result<(), ResolveError> {
        let text = with.template(&self.template)?;
        self.config = serde_json::from_str(&text).map_err(|error| not_json(&self.template, text, &error))?;
        self.password = with.secrets().and_then(|s| s.get("patroni.rest")).cloned();
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

/// A value inside the double quotes of a curl configuration.
fn curl_quoted(value: &str) -> String {
    value.replace('\\', r"\\").replace('"', "\\\"")
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
