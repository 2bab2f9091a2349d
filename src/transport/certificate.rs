//! Owns what makes an SSH certificate valid, one of a host or one of ours.
//! Must not know known-hosts files, key files or connections.

use russh::keys::ssh_key::certificate::CertType;
use russh::keys::ssh_key::public::KeyData;
use russh::keys::{Algorithm, Certificate, HashAlg, PublicKey};

use super::host_pattern;
use super::known_hosts::fingerprint;

/// Whether one of `authorities` vouches by `shown` that this is `host` at `now`
/// (seconds since 1970). The error follows "its certificate".
pub(super) fn vouches_for(
    shown: &Certificate,
    host: &str,
    authorities: &[&PublicKey],
    now: u64,
) -> Result<(), String> {
    let signer = fingerprint(shown.signature_key());
    if !authorities.iter().any(|authority| authority.key_data() == shown.signature_key()) {
        return Err(format!("is signed by {signer}, no authority that is trusted for it"));
    }
    let weak = matches!(shown.signature().algorithm(), Algorithm::Rsa { hash: None } | Algorithm::Dsa);
    if weak || !is_signed(shown) {
        return Err("has a signature that is broken or made with SHA-1".to_owned());
    }
    if shown.cert_type() != CertType::Host {
        return Err("is one for users, not for hosts".to_owned());
    }
    if let Some((option, _)) = shown.critical_options().iter().next() {
        return Err(format!("has the critical option {option}, which no host's may have"));
    }
    let names = shown.valid_principals();
    if !names.iter().any(|name| host_pattern::matches(name, host)) {
        let names = if names.is_empty() { "no host".to_owned() } else { names.join(", ") };
        return Err(format!("names {names}, not {host}: sign it with `ssh-keygen -h -n {host}`"));
    }
    is_current(shown, now)
}

/// Whether a certificate of ours may be shown for `key`. The error follows
/// "its certificate".
pub(super) fn belongs_to(ours: &Certificate, key: &KeyData, now: u64) -> Result<(), String> {
    if ours.public_key() != key {
        return Err("belongs to another key".to_owned());
    }
    if ours.cert_type() != CertType::User {
        return Err("is one for hosts, not for users".to_owned());
    }
    is_current(ours, now)
}

fn is_current(certificate: &Certificate, now: u64) -> Result<(), String> {
    if now < certificate.valid_after() {
        return Err(format!("is not valid before {}", date(certificate.valid_after())));
    }
    if now >= certificate.valid_before() {
        return Err(format!("expired on {}", date(certificate.valid_before())));
    }
    Ok(())
}

/// Checks the signature alone: at the start of its own time a certificate is
/// current, and the authority asked about is the one it names.
fn is_signed(certificate: &Certificate) -> bool {
    let signer = certificate.signature_key().fingerprint(HashAlg::Sha256);
    certificate.validate_at(certificate.valid_after(), [&signer]).is_ok()
}

fn date(seconds: u64) -> String {
    let time = i64::try_from(seconds).ok().and_then(|s| jiff::Timestamp::from_second(s).ok());
    time.map_or_else(|| "a time far away".to_owned(), |time| time.strftime("%Y-%m-%d %H:%M UTC").to_string())
}

#[cfg(test)]
#[path = "certificate_tests.rs"]
mod tests;
