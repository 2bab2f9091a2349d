//! Owns certificates: the cluster's own authority, leaves, and what a PEM text
//! says. Must not know where certificates lie on a host.

use std::net::IpAddr;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};
use sha2::{Digest, Sha256};
use x509_parser::prelude::{FromDer, GeneralName, ParsedExtension, X509Certificate};

use crate::secret::Secret;

/// Ten years: the authority outlives the machines it serves.
const AUTHORITY_DAYS: u64 = 3650;
/// Clocks of fresh machines may be behind by this much.
const BACKDATE: Duration = Duration::from_hours(1);
const DAY: u64 = 86_400;
/// Bytes of a key's identifier that are shown.
const ID: usize = 4;

#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    #[error("the certificate authority in the secrets file cannot be used: {0}")]
    Authority(rcgen::Error),
    #[error("a certificate could not be made: {0}")]
    Leaf(rcgen::Error),
}

/// The cluster's certificate authority. Its key never leaves the control side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    pub cert_pem: String,
    pub key_pem: Secret,
}

/// What a leaf must say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeafSpec {
    /// No common name where `None`: etcd's gateway takes one for a user name.
    pub common_name: Option<String>,
    /// DNS names and addresses.
    pub names: Vec<String>,
    /// `server`, `client`.
    pub usages: Vec<String>,
    pub days: u64,
}

/// What a certificate found on a host says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    pub common_name: Option<String>,
    /// Sorted, as in [`LeafSpec::names`].
    pub names: Vec<String>,
    pub usages: Vec<String>,
    /// Seconds since 1970.
    pub not_after: u64,
    /// SHA-256 of the public key (DER), lower-case hex.
    pub public_key: String,
    /// Which key it says to be signed with, as [`Authority::id`].
    pub authority: Option<String>,
    der: Vec<u8>,
}

fn params(now: u64, days: u64, common_name: Option<&str>) -> CertificateParams {
    let mut params = CertificateParams::default();
    let start = date_time_ymd(1970, 1, 1) + Duration::from_secs(now);
    params.not_before = start - BACKDATE;
    params.not_after = start + Duration::from_secs(days * DAY);
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "hacluster");
    if let Some(name) = common_name {
        params.distinguished_name.push(DnType::CommonName, name);
    }
    params
}

impl Authority {
    /// Makes a new authority for the cluster `name`. `now` in seconds since 1970.
    pub fn generate(name: &str, now: u64) -> Result<Self, PkiError> {
        let key = KeyPair::generate().map_err(PkiError::Authority)?;
        let mut params = params(now, AUTHORITY_DAYS, Some(&format!("{name} cluster authority")));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let cert = params.self_signed(&key).map_err(PkiError::Authority)?;
        Ok(Self { cert_pem: cert.pem(), key_pem: Secret::new(key.serialize_pem()) })
    }

    /// Issues a leaf; returns certificate and key as PEM.
    pub fn issue(&self, leaf: &LeafSpec, now: u64) -> Result<(String, Secret), PkiError> {
        let key = KeyPair::from_pem(self.key_pem.expose()).map_err(PkiError::Authority)?;
        let issuer = Issuer::from_ca_cert_pem(&self.cert_pem, key).map_err(PkiError::Authority)?;
        let mut params = params(now, leaf.days, leaf.common_name.as_deref());
        let names = CertificateParams::new(leaf.names.clone()).map_err(PkiError::Leaf)?;
        params.subject_alt_names = names.subject_alt_names;
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = leaf.usages.iter().filter_map(|u| usage(u)).collect();
        let key = KeyPair::generate().map_err(PkiError::Leaf)?;
        let cert = params.signed_by(&key, &issuer).map_err(PkiError::Leaf)?;
        Ok((cert.pem(), Secret::new(key.serialize_pem())))
    }

    /// Tells authorities of one cluster apart: the start of its key's identifier, hex.
    pub fn id(&self) -> Option<String> {
        let (_, pem) = x509_parser::pem::parse_x509_pem(self.cert_pem.as_bytes()).ok()?;
        let own = pem.parse_x509().ok()?;
        own.iter_extensions().find_map(|extension| match extension.parsed_extension() {
            ParsedExtension::SubjectKeyIdentifier(key) => Some(short(key.0)),
            _ => None,
        })
    }

    /// Whether `leaf` carries this authority's signature.
    pub fn signed(&self, leaf: &Described) -> bool {
        let Ok((_, pem)) = x509_parser::pem::parse_x509_pem(self.cert_pem.as_bytes()) else { return false };
        let Ok(own) = pem.parse_x509() else { return false };
        X509Certificate::from_der(&leaf.der)
            .is_ok_and(|(_, cert)| cert.verify_signature(Some(own.public_key())).is_ok())
    }
}

fn short(identifier: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(&identifier[..identifier.len().min(ID)])
}

fn usage(word: &str) -> Option<ExtendedKeyUsagePurpose> {
    match word {
        "server" => Some(ExtendedKeyUsagePurpose::ServerAuth),
        "client" => Some(ExtendedKeyUsagePurpose::ClientAuth),
        _ => None,
    }
}

/// Reads a PEM certificate; `None` when it is none.
pub fn describe(pem: &str) -> Option<Described> {
    let (_, pem) = x509_parser::pem::parse_x509_pem(pem.as_bytes()).ok()?;
    let cert = pem.parse_x509().ok()?;
    let mut names: Vec<String> = match cert.subject_alternative_name().ok()? {
        Some(extension) => extension.value.general_names.iter().filter_map(san).collect(),
        None => Vec::new(),
    };
    names.sort();
    let mut usages = Vec::new();
    if let Some(extension) = cert.extended_key_usage().ok()? {
        if extension.value.client_auth {
            usages.push("client".to_owned());
        }
        if extension.value.server_auth {
            usages.push("server".to_owned());
        }
    }
    let authority = cert.iter_extensions().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::AuthorityKeyIdentifier(key) => key.key_identifier.as_ref().map(|key| short(key.0)),
        _ => None,
    });
    let common_name =
        cert.subject().iter_common_name().next().and_then(|n| n.as_str().ok()).map(str::to_owned);
    Some(Described {
        common_name,
        names,
        usages,
        not_after: cert.validity().not_after.timestamp().max(0).cast_unsigned(),
        public_key: data_encoding::HEXLOWER.encode(&Sha256::digest(cert.public_key().raw)),
        authority,
        der: pem.contents.clone(),
    })
}

fn san(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => match <[u8; 4]>::try_from(*bytes) {
            Ok(four) => Some(IpAddr::from(four).to_string()),
            Err(_) => <[u8; 16]>::try_from(*bytes).ok().map(|six| IpAddr::from(six).to_string()),
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_790_000_000;

    fn leaf() -> LeafSpec {
        LeafSpec {
            common_name: None,
            names: vec!["node1".into(), "192.168.15.101".into(), "127.0.0.1".into()],
            usages: vec!["client".into(), "server".into()],
            days: 825,
        }
    }

    #[test]
    fn a_leaf_says_what_was_asked_and_chains_to_its_authority() {
        let ours = Authority::generate("cold", NOW).unwrap();
        let other = Authority::generate("cold", NOW).unwrap();
        let (pem, key) = ours.issue(&leaf(), NOW).unwrap();
        let found = describe(&pem).unwrap();
        assert_eq!(found.names, ["127.0.0.1", "192.168.15.101", "node1"]);
        assert_eq!(found.usages, ["client", "server"]);
        assert_eq!(found.common_name, None);
        assert_eq!(found.not_after, NOW + 825 * DAY);
        assert!(ours.signed(&found));
        assert!(!other.signed(&found));
        assert!(found.authority.is_some() && found.authority == ours.id() && ours.id() != other.id());
        assert!(key.expose().contains("PRIVATE KEY"));
    }

    #[test]
    fn what_is_no_certificate_describes_nothing() {
        assert_eq!(describe("hello"), None);
        assert_eq!(describe("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), None);
    }
}
