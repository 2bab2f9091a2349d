//! Owns whether a host is meant by the first field of a known-hosts line.
//! Must not know keys, markers or files. The rules are in sshd(8).

use data_encoding::BASE64;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

use crate::wildcard;

/// Whether `field` (a comma list of names and patterns, or one hashed name)
/// means `host`, which is an address, or `[address]:port` if the port is not 22.
pub(super) fn means(field: &str, host: &str) -> bool {
    if let Some(hashed) = field.strip_prefix("|1|") {
        return hashed_means(hashed, host).unwrap_or(false);
    }
    let host = host.to_ascii_lowercase();
    let mut found = false;
    for pattern in field.split(',') {
        let (negated, pattern) = pattern.strip_prefix('!').map_or((false, pattern), |rest| (true, rest));
        if wildcard::matches(&pattern.to_ascii_lowercase(), &host) {
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
            assert_eq!(means(field, host), meant, "{field} / {host}");
        }
    }
}
