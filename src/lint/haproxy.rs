//! Owns the rules of haproxy.cfg that `haproxy -c` lets pass or fails of at the wrong
//! time. Must not know inventories.

use std::net::IpAddr;

use super::Finding;
use super::settings::{Setting, words};

const TIMEOUTS: [&str; 3] = ["connect", "client", "server"];

pub(super) fn check(text: &str) -> Vec<Finding> {
    let all = words(text);
    let mut found: Vec<Finding> = all.iter().filter_map(name).collect();
    let mut binds: Vec<&Setting> = Vec::new();
    for bind in all.iter().filter(|s| s.key == "bind") {
        let at = |s: &Setting| s.value.split_whitespace().next().unwrap_or_default().to_owned();
        if let Some(first) = binds.iter().find(|other| at(other) == at(bind)) {
            let what = format!("it binds {} as line {} does", at(bind), first.line);
            found.push(Finding::new(
                bind.line,
                what,
                "the kernel would share connections between the two: give each its own",
            ));
        }
        binds.push(bind);
    }
    let serves = all.iter().any(|s| ["frontend", "listen", "backend"].contains(&s.key.as_str()));
    let timeout = |name: &&str| all.iter().any(|s| s.key == "timeout" && s.value.starts_with(name));
    for name in TIMEOUTS.iter().filter(|name| serves && !timeout(name)) {
        let fix = "set it in `defaults`: without it connections of dead peers stay for ever";
        found.push(Finding::new(0, format!("timeout {name} is not set"), fix));
    }
    found
}

/// Servers by name keep haproxy from starting while DNS is dead.
fn name(setting: &Setting) -> Option<Finding> {
    if setting.key != "server" {
        return None;
    }
    let mut words = setting.value.split_whitespace();
    let (server, address) = (words.next()?, words.next()?);
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host).trim_matches(['[', ']']);
    let fine = host.parse::<IpAddr>().is_ok()
        || host.starts_with('/')
        || host.starts_with("unix@")
        || setting.value.contains("resolvers");
    (!fine).then(|| {
        let what = format!("server {server} is named {host}");
        Finding::new(setting.line, what, "write its address: while DNS is dead haproxy would not start")
    })
}
