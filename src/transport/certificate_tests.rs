//! Owns the cases of what a certificate vouches for, as data.
//! Must not know connections.

use russh::keys::PrivateKey;
use russh::keys::ssh_key::certificate::Builder;
use russh::keys::ssh_key::private::Ed25519Keypair;

use super::*;
use crate::transport::known_hosts::{KnownHosts, Lookup, Verdict};

const HOST: &str = "192.168.15.101";
/// Certificates of these tests are valid from 1000 to 2000, which is in 1970.
const NOW: u64 = 1500;

fn key(seed: u8) -> PrivateKey {
    PrivateKey::from(Ed25519Keypair::from_seed(&[seed; 32]))
}

const AUTHORITY: u8 = 1;
const OURS: u8 = 2;
const STRANGER: u8 = 3;

/// Signs a certificate for the key `OURS`.
fn sign(authority: u8, kind: CertType, names: &[&str], option: Option<&str>) -> Certificate {
    let mut builder = Builder::new([7; 16], key(OURS).public_key().clone(), 1000, 2000).unwrap();
    builder.cert_type(kind).unwrap().all_principals_valid().unwrap();
    for name in names {
        builder.valid_principal(*name).unwrap();
    }
    if let Some(option) = option {
        builder.critical_option(option, "").unwrap();
    }
    builder.sign(&key(authority)).unwrap()
}

fn host(names: &[&str]) -> Certificate {
    sign(AUTHORITY, CertType::Host, names, None)
}

#[test]
fn an_authority_vouches_for_what_it_signed() {
    let signed_by_stranger = format!(
        "is signed by {}, no authority that is trusted for it",
        fingerprint(key(STRANGER).public_key().key_data())
    );
    let names = |names: &str| format!("names {names}, not {HOST}: sign it with `ssh-keygen -h -n {HOST}`");
    let user = sign(AUTHORITY, CertType::User, &[HOST], None);
    let bound = sign(AUTHORITY, CertType::Host, &[HOST], Some("force-command"));
    let strange = sign(STRANGER, CertType::Host, &[HOST], None);
    // certificate, time, why it does not vouch
    let cases = [
        (host(&[HOST]), NOW, None),
        (host(&["node1", HOST]), NOW, None),
        (host(&["192.168.15.*"]), NOW, None),
        (host(&[HOST]), 1000, None),
        (host(&[HOST]), 999, Some("is not valid before 1970-01-01 00:16 UTC".to_owned())),
        (host(&[HOST]), 2000, Some("expired on 1970-01-01 00:33 UTC".to_owned())),
        (host(&["node1", "node2"]), NOW, Some(names("node1, node2"))),
        (host(&[]), NOW, Some(names("no host"))),
        (user, NOW, Some("is one for users, not for hosts".to_owned())),
        (bound, NOW, Some("has the critical option force-command, which no host's may have".to_owned())),
        (strange, NOW, Some(signed_by_stranger)),
    ];
    let authority = key(AUTHORITY).public_key().clone();
    for (certificate, now, why) in cases {
        assert_eq!(vouches_for(&certificate, HOST, &[&authority], now).err(), why);
    }
}

#[test]
fn a_certificate_that_was_tampered_with_vouches_for_nothing() {
    let mut bytes = host(&[HOST]).to_bytes().unwrap();
    let at = bytes.windows(HOST.len()).position(|part| part == HOST.as_bytes()).unwrap();
    bytes[at + HOST.len() - 1] = b'2';
    let forged = Certificate::from_bytes(&bytes).unwrap();
    let why = vouches_for(&forged, "192.168.15.102", &[key(AUTHORITY).public_key()], NOW).unwrap_err();
    assert_eq!(why, "has a signature that is broken or made with SHA-1");
}

#[test]
fn ours_is_shown_only_while_it_is_valid() {
    let user = sign(AUTHORITY, CertType::User, &["root"], None);
    let mine = key(OURS);
    let mine = mine.public_key().key_data();
    assert_eq!(belongs_to(&user, mine, NOW), Ok(()));
    assert_eq!(belongs_to(&user, mine, 2000).unwrap_err(), "expired on 1970-01-01 00:33 UTC");
    let other = key(STRANGER);
    assert_eq!(belongs_to(&user, other.public_key().key_data(), NOW).unwrap_err(), "belongs to another key");
    assert_eq!(belongs_to(&host(&[HOST]), mine, NOW).unwrap_err(), "is one for hosts, not for users");
}

/// What known-hosts lines make of a certificate.
#[test]
fn lines_judge_certificates() {
    let line = |seed| key(seed).public_key().to_openssh().unwrap();
    let (authority, ours, stranger) = (line(AUTHORITY), line(OURS), line(STRANGER));
    let unknown = |note: &str| format!("Unknown ({note})");
    let trusted = || "Trusted".to_owned();
    let cases = [
        (format!("@cert-authority * {authority}"), NOW, trusted()),
        (format!("@cert-authority 192.168.15.* {authority}"), NOW, trusted()),
        (format!("@cert-authority [{HOST}]:2222 {authority}"), NOW, trusted()),
        (format!("@cert-authority *,!{HOST} {authority}"), NOW, unknown("is signed by")),
        (format!("@cert-authority * {stranger}"), NOW, unknown("is signed by")),
        (format!("@cert-authority * {authority}"), 2000, unknown("expired on")),
        // A pinned key needs no certificate, and one of another key is a change.
        (format!("@cert-authority * {authority}\n[{HOST}]:2222 {ours}"), 2000, trusted()),
        (format!("@cert-authority * {authority}\n[{HOST}]:2222 {stranger}"), 2000, "Changed 2".to_owned()),
        (format!("@cert-authority * {authority}\n[{HOST}]:2222 {stranger}"), NOW, trusted()),
        (format!("@cert-authority * {authority}\n@revoked * {authority}"), NOW, "Revoked 2".to_owned()),
        (format!("@cert-authority * {authority}\n@revoked * {ours}"), NOW, "Revoked 2".to_owned()),
    ];
    for (text, now, wanted) in cases {
        let known = KnownHosts::parse("known_hosts".as_ref(), &text);
        let said = match known.judge_certificate(&Lookup::new(HOST, 2222), &host(&[HOST]), now) {
            Verdict::Trusted => "Trusted".to_owned(),
            Verdict::Unknown { note } => {
                let start: Vec<&str> = note.split(' ').skip(3).take(wanted.matches(' ').count()).collect();
                format!("Unknown ({})", start.join(" "))
            }
            Verdict::Changed { pin } => format!("Changed {}", pin.place.line),
            Verdict::Revoked { place } => format!("Revoked {}", place.line),
        };
        assert_eq!(said, wanted, "{text}");
    }
}
