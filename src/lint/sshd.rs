//! Owns the rules of sshd's files that `sshd -t` lets pass and that would lock us
//! out. Must not know inventories. What stands below `Match` is not judged.

use super::settings::{Setting, words};
use super::{Finding, Reach};
use crate::wildcard;

/// Settings that may stand there more than once; of all others the first counts.
const MANY: [&str; 15] = [
    "acceptenv",
    "allowgroups",
    "allowusers",
    "denygroups",
    "denyusers",
    "hostcertificate",
    "hostkey",
    "include",
    "listenaddress",
    "permitlisten",
    "permitopen",
    "persourcepenalties",
    "port",
    "setenv",
    "subsystem",
];

pub(super) fn check(text: &str, reach: &Reach) -> Vec<Finding> {
    let all = words(text);
    let global: Vec<&Setting> = all.iter().take_while(|s| s.key != "match").collect();
    let mut found = Vec::new();
    for (at, setting) in global.iter().enumerate() {
        let twice =
            global[..at].iter().any(|s| s.key == setting.key) && !MANY.contains(&setting.key.as_str());
        if twice {
            found.push(Finding::new(
                setting.line,
                format!("{} stands there twice", setting.key),
                "keep one of them: the first counts, silently",
            ));
        }
        if let Some(what) = shuts(setting, reach) {
            found.push(Finding::new(
                setting.line,
                what,
                "hacluster could not log in any more: leave its own way open",
            ));
        }
    }
    found.extend(nowhere(&global, reach));
    found
}

/// What one setting alone shuts.
fn shuts(setting: &Setting, reach: &Reach) -> Option<String> {
    let value = setting.value.to_lowercase();
    let user = &reach.user;
    let any = |patterns: &str| patterns.split_whitespace().any(|p| matches(p, user));
    match setting.key.as_str() {
        "denyusers" if any(&setting.value) => Some(format!("DenyUsers names {user}")),
        "permitrootlogin" if user == "root" && ["no", "forced-commands-only"].contains(&value.as_str()) => {
            Some(format!("PermitRootLogin is {value}, and hacluster logs in as root"))
        }
        "pubkeyauthentication" if value == "no" => Some("PubkeyAuthentication is no".to_owned()),
        "authenticationmethods" if !value.split_whitespace().any(|m| m == "any" || m == "publickey") => {
            Some(format!("AuthenticationMethods {value} does not take a key alone"))
        }
        _ => None,
    }
}

/// A pattern with a host in it may name us.
fn matches(pattern: &str, user: &str) -> bool {
    let name = pattern.split('@').next().unwrap_or(pattern);
    wildcard::matches(name, user)
}

/// What all lines of a setting together leave open.
fn nowhere(global: &[&Setting], reach: &Reach) -> Vec<Finding> {
    let of = |key: &'static str| global.iter().filter(move |s| s.key == key);
    let mut found = Vec::new();
    let mut shut = |key: &'static str, what: String, open: &dyn Fn(&str) -> bool| {
        if let Some(first) = of(key).next()
            && !of(key).flat_map(|s| s.value.split_whitespace()).any(open)
        {
            found.push(Finding::new(
                first.line,
                what,
                "hacluster could not log in any more: leave its own way open",
            ));
        }
    };
    let (user, port, address) = (&reach.user, reach.port, &reach.address);
    shut("allowusers", format!("AllowUsers does not name {user}"), &|p| matches(p, user));
    shut("port", format!("no Port is {port}, where hacluster connects to"), &|p| p == port.to_string());
    let here = |at: &str| {
        at.contains(address.as_str())
            || at.starts_with("0.0.0.0")
            || at.starts_with("::")
            || at.starts_with("[::]")
            || at == "*"
    };
    shut("listenaddress", format!("no ListenAddress is {address}, where hacluster connects to"), &here);
    found
}
