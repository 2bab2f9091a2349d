//! Owns whether a host is meant by the first field of a known-hosts line.
//! Must not know keys, markers or files. The rules are in sshd(8).

use data_encoding::BASE64;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

use crate::wildcard;

/// Whether `field` (a comma list of names and patterns, or one hashed name)
/// means a host by any of its names. One that is negated means it by none.
pub(super) fn means(field: &str, names: &[&str]) -> bool {
    if let Some(hashed) = field.strip_prefix("|1|") {
        return names.iter().any(|name| hashed_means(hashed, name).unwrap_or(false));
    }
    let mut found = false;
    for pattern in field.split(',') {
        let (negated, pattern) = pattern.strip_prefix('!').map_or((false, pattern), |rest| (true, rest));
        if names.iter().any(|name| matches(pattern, name)) {
            if negated {
                return false;
            }
            found = true;
        }
    }
    found
}

/// `SALT|HASH`, both base64, HASH = HMAC-SHA1(SALT, host).
fn hashed_means(hashed: &str, host: &str) -> Option<bool> {
    let (salt, hash) = hashed.split_once('|')?;
    let salt = BASE64.decode(salt.as_bytes()).ok()?;
    let hash = BASE64.decode(hash.as_bytes()).ok()?;
    let mac = Hmac::<Sha1>::new_from_slice(&salt).ok()?.chain_update(host.as_bytes());
    Some(mac.verify_slice(&hash).is_ok())
}

/// Whether one pattern without negation matches a name; case does not count.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    wildcard::matches(&pattern.to_ascii_lowercase(), &name.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_mean_hosts() {
        // field, host, meant
        let cases = [
            ("192.168.15.101", "192.168.15.101", true),
            ("node1,192.168.15.101", "192.168.15.101", true),
            ("node1, 192.168.15.101", "192.168.15.101", false),
            ("192.168.15.101", "[192.168.15.101]:2222", false),
            ("[192.168.15.101]:2222", "[192.168.15.101]:2222", true),
            ("[192.168.15.101]:2222", "192.168.15.101", false),
            ("192.168.15.*", "192.168.15.101", true),
            ("192.168.15.*,!192.168.15.101", "192.168.15.101", false),
            ("!192.168.15.101,192.168.15.*", "192.168.15.101", false),
            ("!192.168.15.102", "192.168.15.101", false),
            ("192.168.15.10?", "192.168.15.101", true),
            ("192.168.15.10?", "192.168.15.10", false),
            ("*", "fd00::1", true),
            ("FD00::1", "fd00::1", true),
            ("[*]:2222", "[10.0.0.1]:2222", true),
            ("1*1*1", "192.168.15.101", true),
            ("1*2*x", "192.168.15.101", false),
            ("", "192.168.15.101", false),
            ("|1|not base64|x", "192.168.15.101", false),
        ];
        for (field, host, meant) in cases {
            assert_eq!(means(field, &[host]), meant, "{field} / {host}");
        }
    }

    #[test]
    fn one_negated_name_is_enough() {
        let names = ["[10.0.0.1]:2222", "10.0.0.1"];
        for (field, meant) in
            [("*", true), ("10.0.0.1", true), ("*,!10.0.0.1", false), ("*,![10.0.0.1]:2222", false)]
        {
            assert_eq!(means(field, &names), meant, "{field}");
        }
    }
}
