//! Owns the verdict on a host key: pure functions over known-hosts texts.
//! Must not know connections, and never writes: trust is given by a person.
//!
//! Strict where OpenSSH asks: a key of another type than the one pinned counts
//! as changed, or an attacker would only have to offer another type.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use russh::keys::ssh_key::HashAlg;
use russh::keys::ssh_key::public::KeyData;
use russh::keys::{Algorithm, Certificate, PublicKey, parse_public_key_base64};

use super::certificate;
use super::host_pattern;

/// A host as known-hosts files spell it: `address`, or `[address]:port` if the
/// port is not 22. An address is an IP address or a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lookup {
    host: String,
    spelled: String,
}

impl Lookup {
    pub fn new(address: &str, port: u16) -> Self {
        let host = address.to_ascii_lowercase();
        let spelled = if port == 22 { host.clone() } else { format!("[{host}]:{port}") };
        Self { host, spelled }
    }
}

impl fmt::Display for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.spelled)
    }
}

/// Where a line stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub file: PathBuf,
    /// Counted from 1.
    pub line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

/// A key that a host must show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    pub place: Place,
    pub key: PublicKey,
}

/// What known-hosts files say of a key that a host has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Trusted,
    /// Nothing pins this host. `note` is empty, or tells of a line that names
    /// the host and is of no use, or why its certificate is not.
    Unknown {
        note: String,
    },
    /// Keys are pinned for this host and this is none of them.
    Changed {
        pin: Pin,
    },
    /// The key, or the authority behind its certificate, is marked `@revoked`.
    Revoked {
        place: Place,
    },
}

/// Known-hosts files, read.
#[derive(Debug, Clone, Default)]
pub struct KnownHosts {
    entries: Vec<Entry>,
}

#[derive(Debug, Clone)]
struct Entry {
    place: Place,
    marker: Marker,
    hosts: String,
    /// `None` if we cannot read it (a type we do not know, damage).
    key: Option<PublicKey>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Marker {
    Pin,
    Revoked,
    CertAuthority,
}

impl KnownHosts {
    /// Reads files in this order; one that is not there counts as empty.
    pub fn read(files: &[PathBuf]) -> Result<Self, (PathBuf, io::Error)> {
        let mut entries = Vec::new();
        for file in files {
            match std::fs::read(file) {
                Ok(bytes) => entries.extend(Self::parse(file, &String::from_utf8_lossy(&bytes)).entries),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err((file.clone(), error)),
            }
        }
        Ok(Self { entries })
    }

    /// Reads every line; comments and lines without three fields are skipped.
    pub fn parse(file: &Path, text: &str) -> Self {
        let entry = |(text, line)| Entry::parse(text, Place { file: file.to_owned(), line });
        Self { entries: text.lines().zip(1..).filter_map(entry).collect() }
    }

    /// The keys pinned for `host`, in the order of the files.
    pub fn pins(&self, host: &Lookup) -> impl Iterator<Item = Pin> {
        let pins = self.of(host, Marker::Pin);
        pins.filter_map(|entry| Some(Pin { place: entry.place.clone(), key: entry.key.clone()? }))
    }

    /// Whether a certificate may stand in for a pinned key.
    pub fn has_authority(&self, host: &Lookup) -> bool {
        self.authorities(host).next().is_some()
    }

    /// Judges a key that `host` has shown.
    pub fn judge(&self, host: &Lookup, key: &PublicKey) -> Verdict {
        if let Some(place) = self.revoked(host, key.key_data()) {
            return Verdict::Revoked { place };
        }
        let pins: Vec<Pin> = self.pins(host).collect();
        if pins.iter().any(|pin| pin.key.key_data() == key.key_data()) {
            return Verdict::Trusted;
        }
        let same_type = pins.iter().find(|pin| pin.key.algorithm() == key.algorithm());
        match same_type.or(pins.first()) {
            Some(pin) => Verdict::Changed { pin: pin.clone() },
            None => Verdict::Unknown { note: self.unusable(host) },
        }
    }

    /// Judges a certificate that `host` has shown at `now` (seconds since
    /// 1970). One that vouches for nothing leaves its key to be judged alone.
    pub fn judge_certificate(&self, host: &Lookup, shown: &Certificate, now: u64) -> Verdict {
        let revoked = [shown.signature_key(), shown.public_key()].map(|key| self.revoked(host, key));
        if let Some(place) = revoked.into_iter().flatten().next() {
            return Verdict::Revoked { place };
        }
        let authorities: Vec<&PublicKey> = self.authorities(host).collect();
        let Err(why) = certificate::vouches_for(shown, &host.host, &authorities, now) else {
            return Verdict::Trusted;
        };
        match self.judge(host, &PublicKey::new(shown.public_key().clone(), "")) {
            Verdict::Unknown { .. } => Verdict::Unknown { note: format!(" (its certificate {why})") },
            verdict => verdict,
        }
    }

    fn of(&self, host: &Lookup, marker: Marker) -> impl Iterator<Item = &Entry> {
        let means = move |entry: &&Entry| host_pattern::means(&entry.hosts, &[&host.spelled]);
        self.entries.iter().filter(move |entry| entry.marker == marker).filter(means)
    }

    /// Certificates carry no ports, so lines for authorities need none either.
    fn authorities(&self, host: &Lookup) -> impl Iterator<Item = &PublicKey> {
        let means = move |entry: &&Entry| host_pattern::means(&entry.hosts, &[&host.spelled, &host.host]);
        let lines = self.entries.iter().filter(|entry| entry.marker == Marker::CertAuthority);
        lines.filter(means).filter_map(|entry| entry.key.as_ref())
    }

    fn revoked(&self, host: &Lookup, key: &KeyData) -> Option<Place> {
        let same = |entry: &&Entry| entry.key.as_ref().is_some_and(|revoked| revoked.key_data() == key);
        self.of(host, Marker::Revoked).find(same).map(|entry| entry.place.clone())
    }

    /// What lines for this host cannot do.
    fn unusable(&self, host: &Lookup) -> String {
        if let Some(entry) = self.of(host, Marker::Pin).find(|entry| entry.key.is_none()) {
            return format!(" (the key of line {} cannot be read)", entry.place.line);
        }
        if self.has_authority(host) {
            return " (a certificate authority is trusted for it, and it shows no certificate)".to_owned();
        }
        String::new()
    }
}

impl Entry {
    fn parse(text: &str, place: Place) -> Option<Self> {
        let mut fields = text.split_ascii_whitespace().peekable();
        let marker = match *fields.peek()? {
            comment if comment.starts_with('#') => return None,
            "@revoked" => Marker::Revoked,
            "@cert-authority" => Marker::CertAuthority,
            // OpenSSH does not obey a line whose marker it does not know either.
            unknown if unknown.starts_with('@') => return None,
            _ => Marker::Pin,
        };
        if marker != Marker::Pin {
            fields.next();
        }
        let (hosts, kind, base64) = (fields.next()?, fields.next()?, fields.next()?);
        let key = parse_public_key_base64(base64).ok().filter(|key| key.algorithm().as_str() == kind);
        Some(Self { place, marker, hosts: hosts.to_owned(), key })
    }
}

/// `SHA256:…`, as `ssh-keygen -l` prints it.
pub fn fingerprint(key: &KeyData) -> String {
    key.fingerprint(HashAlg::Sha256).to_string()
}

/// Type and fingerprint.
pub fn show(key: &PublicKey) -> String {
    format!("{} {}", key.algorithm().as_str(), fingerprint(key.key_data()))
}

/// Where a host keeps the public half of a host key.
pub(super) fn key_file(key: &PublicKey) -> String {
    let kind = match key.algorithm() {
        Algorithm::Rsa { .. } => "rsa",
        Algorithm::Ecdsa { .. } => "ecdsa",
        _ => "ed25519",
    };
    format!("/etc/ssh/ssh_host_{kind}_key.pub")
}

#[cfg(test)]
#[path = "known_hosts_tests.rs"]
mod tests;
