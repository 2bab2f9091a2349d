//! Owns how Patroni's REST API is asked to change something: a client
//! certificate and the password, the password on stdin. Must not know what for.

use crate::secret::Secret;
use crate::shell::quote;

/// Shell functions that read from members.
pub(super) const PATRONI_API: &str = include_str!("patroni_api.sh");

/// One local Patroni, and who asks it.
pub(super) struct Rest<'a> {
    /// `https://127.0.0.1:8008`
    pub url: &'a str,
    pub ca: &'a str,
    /// Path stem of a client certificate.
    pub identity: &'a str,
    /// The newest first: a Patroni reads its settings once a loop.
    pub passwords: &'a [Secret],
}

impl Rest<'_> {
    /// A command that sends `body` and prints the answer; it fails where that is
    /// an error.
    pub(super) fn send(&self, verb: &str, path: &str, body: &str, seconds: u32) -> String {
        let request = format!(
            "curl -sS --fail-with-body -m {seconds} -K - -X {verb} --data-binary @\"$body\" --cacert {ca} --cert {cert} --key {key} {url}",
            ca = quote(self.ca),
            cert = quote(&format!("{}.crt", self.identity)),
            key = quote(&format!("{}.key", self.identity)),
            url = quote(&format!("{}{path}", self.url)),
        );
        let ask = |secret: &Secret| {
            let password = quote(&curl_quoted(secret.expose()));
            format!("printf 'user = \"patroni:%s\"\\n' {password} | {request}")
        };
        let asked = self.passwords.iter().map(ask).collect::<Vec<_>>().join(" || ");
        format!(
            "umask 077; body=$(mktemp /run/hacluster.XXXXXX); trap 'rm -f \"$body\"' EXIT\n\
             printf %s {} >\"$body\"\n{{ {asked}; }}",
            quote(body)
        )
    }
}

/// A value inside the double quotes of a curl configuration.
fn curl_quoted(value: &str) -> String {
    value.replace('\\', r"\\").replace('"', "\\\"")
}
