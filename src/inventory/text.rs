//! Owns the kinds of text an inventory holds and which characters each may
//! have. Must not know which key is of which kind.

use std::fmt;
use std::ops::Deref;

use serde::Serialize;

use crate::age::check_recipient;

use super::path::{host_path, local_path};
use super::reader::Reader;
use super::system_names::{interface, package_version, postgres_name, user};
use super::value::{Node, Value, Wrong, read_text};

/// Longest DNS label, and so longest name of a host (RFC 1123).
const LABEL: usize = 63;

macro_rules! text {
    ($($(#[doc = $doc:literal])+ $name:ident, $expects:literal, $check:expr;)+) => {$(
        $(#[doc = $doc])+
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl Deref for $name {
            type Target = str;
            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }

        impl Value for $name {
            const EXPECTS: &'static str = $expects;
            fn read(value: Node<'_, '_>, path: &str, reader: &mut Reader) -> Option<Self> {
                read_text(value, path, reader, |text| {
                    harmless(text)?;
                    $check(text)?;
                    Ok(Self(text.to_owned()))
                })
            }
            fn placeholder() -> Self {
                Self(String::new())
            }
        }
    )+};
}

text! {
    /// A DNS label: the name of a cluster or a host.
    Name, "a name in quotes", label;
    /// A host name with dots, such as `app.example.org`.
    DnsName, "a host name in quotes", dns_name;
    /// A Unix account.
    User, "a user name in quotes", user;
    /// A role, database, schema or extension of `PostgreSQL`.
    PostgresName, "a name in quotes", postgres_name;
    /// A network interface.
    Interface, "an interface name in quotes, such as \"eth0\"", interface;
    /// An absolute path on a host.
    HostPath, "an absolute path in quotes", host_path;
    /// A path on the control side; `~` is the user's home.
    LocalPath, "a path in quotes", local_path;
    /// A role to add, or with a leading `-` to leave out.
    RoleChange, "a role in quotes, such as \"redis\" or \"-k3s\"", role_change;
    /// `secret://name`: where a secret is kept, never the secret.
    SecretName, "a reference such as \"secret://name\"", secret_name;
    /// Whom the secrets file is encrypted to.
    Recipient, "a public key in quotes, such as \"age1...\" or \"ssh-ed25519 ...\"", recipient;
    /// A version of a Debian package.
    PackageVersion, "a version in quotes, such as \"17.6-0+deb13u1\"", package_version;
    /// A plain word: a version, a size, an image tag, a time zone.
    Word, "a word in quotes", word;
    /// Any other text, such as a schedule or a time zone.
    Text, "a text in quotes", not_empty;
}

impl SecretName {
    /// A name that is not a reference yet; else what is wrong with it.
    pub fn of(name: &str) -> Result<Self, String> {
        let reference = format!("secret://{name}");
        harmless(&reference).and_then(|()| secret_name(&reference)).map_err(|wrong| wrong.message)?;
        Ok(Self(reference))
    }

    /// What the secrets file calls it.
    pub fn name(&self) -> &str {
        self.strip_prefix("secret://").unwrap_or(self)
    }
}

/// Most characters of a text that a message repeats.
const SHOWN: usize = 60;

pub(super) fn quoted(text: &str) -> String {
    if text.chars().count() <= SHOWN {
        return format!("{text:?}");
    }
    let start: String = text.chars().take(SHOWN).collect();
    format!("{start:?}…")
}

/// No text of an inventory may carry these: it ends up in files and templates on hosts.
pub(super) fn harmless(text: &str) -> Result<(), Wrong> {
    if let Some(bad) = text.chars().find(|c| c.is_control() || is_hidden(*c)) {
        let kind = if bad.is_control() { "control" } else { "invisible" };
        let message = format!("is {}: it has the {kind} character U+{:04X}", quoted(text), u32::from(bad));
        return Err(Wrong::new("HAC-E036", message).help("remove it; a text is one printable line"));
    }
    if let Some(brace) = ["{{", "{%", "{#"].into_iter().find(|brace| text.contains(brace)) {
        let message =
            format!("is {}: {brace} starts a template, and an inventory holds plain values", quoted(text));
        return Err(Wrong::new("HAC-E030", message).help("write the value itself"));
    }
    Ok(())
}

/// Marks that nobody sees: they reorder what is read, or end a line for YAML 1.1, which
/// is Patroni's.
fn is_hidden(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

fn not_empty(text: &str) -> Result<(), Wrong> {
    if text.trim().is_empty() {
        return Err(Wrong::new("HAC-E015", "is empty").help("write a value, or remove the line"));
    }
    Ok(())
}

/// Refuses the first character that `allowed` does not, and says which it is.
pub(super) fn only(text: &str, allowed: fn(char) -> bool, rule: &str) -> Result<(), Wrong> {
    not_empty(text)?;
    let Some((at, bad)) = text.char_indices().find(|(_, c)| !allowed(*c)) else { return Ok(()) };
    let position = text[..at].chars().count() + 1;
    if bad.is_alphanumeric() && !bad.is_ascii() {
        let message = format!(
            "is {}: character {position} is {bad} (U+{:04X}), which only looks like a plain letter or digit",
            quoted(text),
            u32::from(bad)
        );
        return Err(Wrong::new("HAC-E031", message).help(format!("type it again; allowed are {rule}")));
    }
    let shown = if bad == ' ' { "a space".to_owned() } else { format!("`{bad}`") };
    let message = format!("is {}: character {position}, {shown}, is not allowed", quoted(text));
    Err(Wrong::new("HAC-E030", message).help(format!("allowed are {rule}")))
}

pub(super) fn at_most(text: &str, limit: usize, what: &str) -> Result<(), Wrong> {
    let length = text.chars().count();
    if length > limit {
        let start: String = text.chars().take(16).collect();
        let message = format!("is \"{start}…\" with {length} characters; {what} has at most {limit}");
        return Err(Wrong::new("HAC-E030", message).help("shorten it"));
    }
    Ok(())
}

fn label(text: &str) -> Result<(), Wrong> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if text.chars().any(|c| c.is_ascii_uppercase()) && text.chars().all(|c| plain(c.to_ascii_lowercase())) {
        let message = format!("is {}; names are lower case", quoted(text));
        return Err(Wrong::new("HAC-E030", message).help(format!("write \"{}\"", text.to_ascii_lowercase())));
    }
    only(text, plain, "a-z, 0-9 and -")?;
    at_most(text, LABEL, "a name")?;
    if text.starts_with('-') || text.ends_with('-') {
        let message = format!("is {}; a name starts and ends with a letter or digit", quoted(text));
        let fixed = text.trim_matches('-');
        return Err(Wrong::new("HAC-E030", message).help(format!("write \"{fixed}\"")));
    }
    if text.chars().all(|c| c.is_ascii_digit()) {
        let message =
            format!("is {}; a name of digits alone is read as a number or an address", quoted(text));
        return Err(Wrong::new("HAC-E030", message).help(format!("write for example \"node{text}\"")));
    }
    Ok(())
}

pub(super) fn dns_name(text: &str) -> Result<(), Wrong> {
    if let Some((_, rest)) = text.split_once("://") {
        let message = format!("is {}, a URL; a host name is needed", quoted(text));
        return Err(Wrong::new("HAC-E030", message).help(format!("write \"{}\"", rest.trim_end_matches('/'))));
    }
    only(text, |c| c.is_ascii_alphanumeric() || c == '-' || c == '.', "letters, digits, - and .")?;
    at_most(text, 253, "a host name")?;
    let bad = text
        .split('.')
        .find(|part| part.is_empty() || part.len() > LABEL || part.starts_with('-') || part.ends_with('-'));
    match bad {
        Some(part) => {
            Err(Wrong::new("HAC-E030", format!("is {}: the part {part:?} is no DNS label", quoted(text)))
                .help("each part has 1 to 63 characters and starts and ends with a letter or digit"))
        }
        None => Ok(()),
    }
}

fn word(text: &str) -> Result<(), Wrong> {
    only(text, |c| c.is_ascii_alphanumeric() || "-_.+:/@".contains(c), "letters, digits and - _ . + : / @")
}

fn role_change(text: &str) -> Result<(), Wrong> {
    label(text.strip_prefix('-').unwrap_or(text))
}

fn secret_name(text: &str) -> Result<(), Wrong> {
    let Some(name) = text.strip_prefix("secret://") else {
        // The text may be the secret itself: it is not repeated.
        return Err(Wrong::new("HAC-E060", "holds a literal; secrets do not belong into an inventory")
            .help("write \"secret://name\"; `hacluster secrets` keeps the value beside the inventory"));
    };
    only(name, |c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_./".contains(c), "a-z, 0-9 and - _ . /")
}

fn recipient(text: &str) -> Result<(), Wrong> {
    check_recipient(text)
        .map_err(|no| Wrong::new("HAC-E062", format!("is {}, {}", quoted(text), no.why)).help(no.fix))
}
