//! Owns the rules of names that systems have: accounts and interfaces of Linux,
//! versions of Debian, names in PostgreSQL. Must not know where they stand.

use super::text::{at_most, only, quoted};
use super::value::Wrong;

/// Debian policy 5.6.12.
pub(super) fn package_version(text: &str) -> Result<(), Wrong> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || ".+-~:".contains(c);
    only(text, allowed, "a-z, A-Z, 0-9 and . + - ~ :")?;
    if !text.starts_with(|c: char| c.is_ascii_digit()) {
        let message = format!("is {}; a package's version starts with a digit", quoted(text));
        return Err(Wrong::new("HAC-E030", message)
            .help("copy it from `apt-cache policy PACKAGE` on a host, such as \"17.6-0+deb13u1\""));
    }
    Ok(())
}

pub(super) fn user(text: &str) -> Result<(), Wrong> {
    only(text, |c| c.is_ascii_alphanumeric() || "-_.".contains(c), "letters, digits, -, _ and .")?;
    at_most(text, 32, "a user name")?;
    if text.starts_with(['-', '.']) || text.starts_with(|c: char| c.is_ascii_digit()) {
        let message = format!("is {}; a user name starts with a letter or _", quoted(text));
        return Err(Wrong::new("HAC-E030", message).help("write an existing account, such as \"root\""));
    }
    Ok(())
}

/// `PostgreSQL` takes any character; these need no quotes in `pg_hba.conf`.
pub(super) fn postgres_name(text: &str) -> Result<(), Wrong> {
    only(text, |c| c.is_ascii_alphanumeric() || "-_.$".contains(c), "letters, digits and - _ . $")?;
    // NAMEDATALEN is 64 with the final NUL; more is cut off without a word.
    at_most(text, 63, "a name in PostgreSQL")
}

pub(super) fn interface(text: &str) -> Result<(), Wrong> {
    only(text, |c| c.is_ascii_alphanumeric() || "-_.:@".contains(c), "letters, digits, -, _, ., : and @")?;
    // IFNAMSIZ is 16 with the final NUL.
    at_most(text, 15, "an interface name")
}
