//! Owns what a probe asks of services on their host: by curl, never by a program
//! of theirs. Must not know how the answers are read.

use super::needs::{EtcdEndpoint, PatroniEndpoint};
use crate::shell::quote;

/// Seconds one REST answer may take; a healthy one needs milliseconds.
const REST_SECONDS: u32 = 3;

/// One connection, three questions, each answer on a line of its own. The
/// unauthenticated read tells whether authentication is on without a password.
pub(super) fn etcd(endpoint: &EtcdEndpoint) -> String {
    let EtcdEndpoint { client_url, metrics_url, data, identity, ca } = endpoint;
    let tls = format!(
        "-s -m {REST_SECONDS} --cacert {} --cert {} --key {} -w '\\n'",
        quote(ca),
        quote(&format!("{identity}.crt")),
        quote(&format!("{identity}.key"))
    );
    let ask = |path: &str, body: &str| {
        format!("{tls} -d {} {}", quote(body), quote(&format!("{client_url}{path}")))
    };
    format!(
        "{{\nif [ -d {}/member ]; then echo data; fi\ncurl -s -m {REST_SECONDS} -w '\\n' {} --next {} --next {} --next {}\n}}",
        quote(data),
        quote(&format!("{metrics_url}/health")),
        ask("/v3/maintenance/status", "{}"),
        ask("/v3/cluster/member/list", "{}"),
        ask("/v3/kv/range", r#"{"key":"AA=="}"#),
    )
}

/// Three questions over one connection.
pub(super) fn patroni(endpoint: &PatroniEndpoint) -> String {
    let PatroniEndpoint { url, ca, data } = endpoint;
    let ask = |path: &str| {
        format!("-s -m {REST_SECONDS} --cacert {} -w '\\n' {}", quote(ca), quote(&format!("{url}{path}")))
    };
    format!(
        "{{\nif [ -e {}/PG_VERSION ]; then echo data; fi\ncurl {} --next {} --next {}\n}}",
        quote(data),
        ask("/patroni"),
        ask("/cluster"),
        ask("/config"),
    )
}
