//! Owns the text that secrets are kept as.
//! Must not know where it lies, nor whether it is encrypted there.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Secrets, Stage, Succession};
use crate::pki::Authority;
use crate::secret::Secret;

const HEAD: &str = "# The cluster's secrets. Keep this file safe and out of git: without it no host\n\
    # can be added or rebuilt. Made by hacluster; 0600. `hacluster secrets` changes it.\n";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OnDisk {
    authority_certificate: String,
    authority_key: String,
    /// Names of those they came of and of themselves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    generations: Vec<String>,
    values: Values,
    /// Until every host knows the new ones.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    previous: BTreeMap<String, Vec<String>>,
    /// Until one authority has followed another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    succession: Option<Other>,
}

/// The authority that is to come, or that was.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Other {
    stage: Stage,
    certificate: String,
    key: String,
}

type Values = BTreeMap<String, String>;

/// The line that is wrong, counted from 1. The parser's own words may quote it.
fn read<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, usize> {
    toml::from_str(text)
        .map_err(|error| error.span().map_or(1, |span| text[..span.start].matches('\n').count() + 1))
}

pub(super) fn parse_values(text: &str) -> Result<BTreeMap<String, Secret>, usize> {
    Ok(hide(read::<Values>(text)?))
}

pub(super) fn values(secrets: &Secrets) -> std::io::Result<Secret> {
    toml::to_string(&show(secrets)).map(Secret::new).map_err(std::io::Error::other)
}

fn hide(values: Values) -> BTreeMap<String, Secret> {
    values.into_iter().map(|(name, value)| (name, Secret::new(value))).collect()
}

fn show(secrets: &Secrets) -> Values {
    secrets.iter().map(|(name, value)| (name.to_owned(), value.expose().to_owned())).collect()
}

pub(super) fn parse(text: &str) -> Result<Secrets, usize> {
    let disk: OnDisk = read(text)?;
    Ok(Secrets {
        authority: Authority {
            cert_pem: disk.authority_certificate,
            key_pem: Secret::new(disk.authority_key),
        },
        values: hide(disk.values),
        previous: disk
            .previous
            .into_iter()
            .map(|(k, list)| (k, list.into_iter().map(Secret::new).collect()))
            .collect(),
        succession: disk.succession.map(|other| Succession {
            stage: other.stage,
            other: Authority { cert_pem: other.certificate, key_pem: Secret::new(other.key) },
        }),
        generations: disk.generations,
    })
}

pub(super) fn text(secrets: &Secrets) -> std::io::Result<Secret> {
    let disk = OnDisk {
        authority_certificate: secrets.authority.cert_pem.clone(),
        authority_key: secrets.authority.key_pem.expose().to_owned(),
        generations: secrets.generations.clone(),
        values: show(secrets),
        previous: secrets
            .previous
            .iter()
            .map(|(k, list)| (k.clone(), list.iter().map(|v| v.expose().to_owned()).collect()))
            .collect(),
        succession: secrets.succession.as_ref().map(|succession| Other {
            stage: succession.stage,
            certificate: succession.other.cert_pem.clone(),
            key: succession.other.key_pem.expose().to_owned(),
        }),
    };
    let body = toml::to_string(&disk).map_err(std::io::Error::other)?;
    Ok(Secret::new(format!("{HEAD}{body}")))
}
