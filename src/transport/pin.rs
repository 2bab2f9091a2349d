//! Owns writing a known-hosts file: one host's pin is replaced, everything else
//! stays as it is, byte for byte. Must not know whether a key deserves trust.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use data_encoding::BASE64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;

use super::host_pattern;
use super::known_hosts::Lookup;
use super::offer::Offered;
use super::target::Target;
use crate::replace::{folder_of, replace, target_of};

/// Bytes of a hashed name's salt, as ssh makes it.
const SALT: usize = 20;

/// Makes `key` the only one that `file` pins for `target`. Whoever reads
/// meanwhile sees the old file or the new.
pub fn pin(target: &Target, file: &Path, key: &Offered) -> io::Result<()> {
    put(file, &Lookup::new(&target.address, target.port).to_string(), key)
}

fn put(file: &Path, host: &str, key: &Offered) -> io::Result<()> {
    let file = target_of(file);
    let folder = folder_of(&file);
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
    let lock = File::open(&folder)?;
    lock.lock()?;
    let old = match fs::read_to_string(&file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        read => read?,
    };
    let line = format!("{} {}", key.kind, BASE64.encode(&key.key.to_bytes().map_err(io::Error::other)?));
    replace(&file, &repin(&old, host, &line))
}

/// The text with `key` (type and base64) as the only pin of `host`, in the place
/// of the first that goes. Marked lines and comments stay.
fn repin(text: &str, host: &str, key: &str) -> String {
    let mut new = String::with_capacity(text.len() + key.len() + host.len() + 2);
    let mut put = false;
    for line in text.split_inclusive('\n') {
        let Some(kept) = without(line, host) else {
            new.push_str(line);
            continue;
        };
        if !put {
            let hashed = line.trim_start().starts_with("|1|");
            new.push_str(&pin_line(host, key, hashed));
            put = true;
        }
        new.push_str(&kept);
    }
    if !put {
        if !new.is_empty() && !new.ends_with('\n') {
            new.push('\n');
        }
        new.push_str(&pin_line(host, key, false));
    }
    new
}

fn pin_line(host: &str, key: &str, hashed: bool) -> String {
    let name = Some(host).filter(|_| hashed).and_then(hash).unwrap_or_else(|| host.to_owned());
    format!("{name} {key}\n")
}

fn hash(host: &str) -> Option<String> {
    let salt: [u8; SALT] = rand::random();
    let mac = Hmac::<Sha1>::new_from_slice(&salt).ok()?.chain_update(host.as_bytes());
    Some(format!("|1|{}|{}", BASE64.encode(&salt), BASE64.encode(&mac.finalize().into_bytes())))
}

/// A line that pins `host`, as it reads for all others: empty where it was for
/// nobody else. `None` where it does not pin this host.
fn without(line: &str, host: &str) -> Option<String> {
    let start = line.len() - line.trim_start().len();
    let field = line[start..].split_ascii_whitespace().next()?;
    if field.starts_with(['#', '@']) || !host_pattern::means(field, &[host]) {
        return None;
    }
    if field.starts_with('|') {
        return Some(String::new());
    }
    let names: Vec<&str> = field.split(',').filter(|name| !name.eq_ignore_ascii_case(host)).collect();
    let mut others = names.join(",");
    // A pattern that means it among others goes on without it.
    if !others.is_empty() && host_pattern::means(&others, &[host]) {
        others = format!("{others},!{host}");
    }
    if names.iter().all(|name| name.starts_with('!')) {
        return Some(String::new());
    }
    let rest = &line[start + field.len()..];
    Some(format!("{}{others}{rest}", &line[..start]))
}

#[cfg(test)]
#[path = "pin_tests.rs"]
mod tests;
