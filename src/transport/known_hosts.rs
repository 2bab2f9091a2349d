//! Owns the verdict on a host key: a pure function over a known-hosts text.
//! Must not know connections, and never writes: trust is given by a person.
//!
//! Strict where OpenSSH asks: a key of another type than the one pinned counts
//! as changed, or an attacker would only have to offer another type.

use std::net::IpAddr;

use russh::keys::ssh_key::HashAlg;
use russh::keys::{Algorithm, PublicKey, parse_public_key_base64};

use super::host_pattern;

/// What a known-hosts text says of a key that a host has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Known,
    /// Nothing pins this host. `note` is empty, or tells of a line that names
    /// the host and cannot be used.
    Unknown {
        note: String,
    },
    /// Keys are pinned for this host and this is none of them. Lines count from 1.
    Changed {
        line: usize,
        pinned: String,
    },
    Revoked {
        line: usize,
    },
}

/// A known-hosts text, read.
#[derive(Debug, Clone, Default)]
pub struct KnownHosts {
    entries: Vec<Entry>,
}

#[derive(Debug, Clone)]
struct Entry {
    line: usize,
    marker: Marker,
    hosts: String,
    /// `None` if we cannot read it (security keys, DSA, damage).
    key: Option<PublicKey>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Marker {
    Pin,
    Revoked,
    CertAuthority,
}

impl KnownHosts {
    /// Reads every line; comments and lines without three fields are skipped.
    pub fn parse(text: &str) -> Self {
        Self { entries: text.lines().zip(1..).filter_map(|(text, line)| Entry::parse(text, line)).collect() }
    }

    /// Judges `key`, shown by `host` (see [`lookup_name`]).
    pub fn judge(&self, host: &str, key: &PublicKey) -> Verdict {
        let entries: Vec<_> = self.of(host).collect();
        let same = |entry: &&&Entry| entry.key.as_ref().is_some_and(|pin| pin.key_data() == key.key_data());
        let pins = || entries.iter().filter(|entry| entry.marker == Marker::Pin);
        if let Some(entry) = entries.iter().filter(|entry| entry.marker == Marker::Revoked).find(same) {
            return Verdict::Revoked { line: entry.line };
        }
        if pins().any(|entry| same(&entry)) {
            return Verdict::Known;
        }
        let readable = || pins().filter_map(|entry| Some((entry.line, entry.key.as_ref()?)));
        let same_type = readable().find(|(_, pin)| pin.algorithm() == key.algorithm());
        if let Some((line, pin)) = same_type.or_else(|| readable().next()) {
            return Verdict::Changed { line, pinned: show(pin) };
        }
        Verdict::Unknown { note: entries.iter().map(|entry| entry.note()).collect() }
    }

    /// Types of the keys pinned for `host`, in the order of the file.
    pub fn pinned_types(&self, host: &str) -> Vec<Algorithm> {
        self.of(host)
            .filter(|entry| entry.marker == Marker::Pin)
            .filter_map(|entry| Some(entry.key.as_ref()?.algorithm()))
            .collect()
    }

    fn of<'a>(&'a self, host: &'a str) -> impl Iterator<Item = &'a Entry> {
        self.entries.iter().filter(move |entry| host_pattern::means(&entry.hosts, host))
    }
}

impl Entry {
    fn parse(text: &str, line: usize) -> Option<Self> {
        let mut fields = text.split_ascii_whitespace().peekable();
        let marker = match *fields.peek()? {
            comment if comment.starts_with('#') => return None,
            "@revoked" => Marker::Revoked,
            "@cert-authority" => Marker::CertAuthority,
            _ => Marker::Pin,
        };
        if marker != Marker::Pin {
            fields.next();
        }
        let (hosts, kind, base64) = (fields.next()?, fields.next()?, fields.next()?);
        let key = parse_public_key_base64(base64).ok().filter(|key| key.algorithm().as_str() == kind);
        Some(Self { line, marker, hosts: hosts.to_owned(), key })
    }

    fn note(&self) -> String {
        let line = self.line;
        match (self.marker, &self.key) {
            (Marker::CertAuthority, _) => {
                format!(
                    " (line {line} trusts a certificate authority: host certificates are not supported, pin the key)"
                )
            }
            (Marker::Pin, None) => format!(" (the key of line {line} cannot be read)"),
            _ => String::new(),
        }
    }
}

/// How known-hosts files spell a host: `address`, or `[address]:port` if the
/// port is not 22.
pub fn lookup_name(address: IpAddr, port: u16) -> String {
    if port == 22 { address.to_string() } else { format!("[{address}]:{port}") }
}

/// `SHA256:…`, as `ssh-keygen -l` prints it.
pub(super) fn fingerprint(key: &PublicKey) -> String {
    key.fingerprint(HashAlg::Sha256).to_string()
}

/// Type and fingerprint.
pub(super) fn show(key: &PublicKey) -> String {
    format!("{} {}", key.algorithm().as_str(), fingerprint(key))
}

/// The word `ssh-keyscan -t` and the names of host key files use.
pub(super) fn short_type(key: &PublicKey) -> &'static str {
    match key.algorithm() {
        Algorithm::Rsa { .. } => "rsa",
        Algorithm::Ecdsa { .. } => "ecdsa",
        _ => "ed25519",
    }
}

#[cfg(test)]
#[path = "known_hosts_tests.rs"]
mod tests;
