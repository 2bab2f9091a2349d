//! Owns how a script stands in a case: no secret, nothing made by chance, and
//! the shared functions by their file's name. Must not know resource kinds.

/// Secrets that every case has, with values that can be found again.
pub(super) const NAMES: [&str; 4] = ["etcd.root", "etcd.patroni", "postgres.rewind", "patroni.rest"];

pub(super) fn masked(name: &str) -> String {
    format!("planted-{}-value", name.replace('.', "-"))
}

pub(super) fn legible(script: &str) -> String {
    let mut text = script.replace(include_str!("../../src/resource/etcd_api.sh"), "# etcd_api.sh\n");
    text = text.replace(include_str!("../../src/resource/patroni_api.sh"), "# patroni_api.sh\n");
    for name in NAMES {
        text = text.replace(&masked(name), &format!("<{name}>"));
    }
    // How psql is called stands once, in facts/postgres_query.rs.
    while let Some(begin) = text.find("setpriv ") {
        let end = text[begin..].find(" -d ").map_or(text.len(), |at| begin + at);
        text.replace_range(begin..end, "psql");
    }
    // A verifier's salt follows from the authority's key.
    for begin in text.match_indices("'SCRAM-SHA-256$").map(|(at, _)| at).collect::<Vec<_>>().into_iter().rev()
    {
        let end = text[begin + 1..].find('\'').map_or(text.len(), |at| begin + 1 + at);
        text.replace_range(begin + 1..end, "<verifier>");
    }
    // So does a mark of what was set last.
    for (at, _) in script.match_indices(" | hac_put /var/lib/hacluster/etcd-password-") {
        text = text.replace(&script[at.saturating_sub(64)..at], "<mark>");
    }
    // The authority of the cases is made anew in every run.
    if let Some((before, after)) = text.split_once("CLUSTER_TOKEN=") {
        let rest = after.split_once('\n').map_or("", |(_, rest)| rest);
        text = format!("{before}CLUSTER_TOKEN=<of the authority>\n{rest}");
    }
    while let Some(begin) = text.find("-----BEGIN ") {
        let label = text[begin + 11..].split("-----").next().unwrap_or_default().to_owned();
        let end_mark = format!("-----END {label}-----");
        let end = text.find(&end_mark).map_or(text.len(), |at| at + end_mark.len());
        text.replace_range(begin..end, &format!("<{label}>"));
    }
    text
}
