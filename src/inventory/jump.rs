//! Owns how a jump host is written: `[user@]host[:port]`.
//! Must not know which hosts are behind it.

use std::fmt;
use std::net::Ipv6Addr;

use serde::{Serialize, Serializer};

use super::address::parse_ipv4;
use super::reader::Reader;
use super::system_names::user;
use super::text::{dns_name, harmless, quoted};
use super::value::{Node, Value, Wrong, read_text};

/// A host that others are reached through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JumpHost {
    /// Where none is written, the account of `[ssh]`.
    pub user: Option<String>,
    /// An IP address or a name: it may stand outside of the LAN.
    pub host: String,
    pub port: u16,
    text: String,
}

impl JumpHost {
    fn parse(text: &str) -> Result<Self, Wrong> {
        harmless(text)?;
        if let Some((_, rest)) = text.split_once("://") {
            return Err(Wrong::new("HAC-E030", format!("is {}, a URL", quoted(text)))
                .help(format!("write \"{}\"", rest.trim_end_matches('/'))));
        }
        if text.contains(',') {
            let items: Vec<String> = text.split(',').map(|item| format!("{:?}", item.trim())).collect();
            return Err(Wrong::new(
                "HAC-E030",
                format!("is {}, several jump hosts in one text", quoted(text)),
            )
            .help(format!("write each as an item of its own: {}", items.join(", "))));
        }
        let (account, place) = match text.split_once('@') {
            Some((account, place)) => (Some(account), place),
            None => (None, text),
        };
        if account == Some("") {
            return Err(Wrong::new("HAC-E030", format!("is {}: nobody stands before the @", quoted(text)))
                .help(format!("write \"ops{text}\", or \"{place}\" for the account of [ssh]")));
        }
        account.map_or(Ok(()), user)?;
        let (host, port) = split(place)?;
        if host.parse::<Ipv6Addr>().is_err() {
            let digits = host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') && !host.is_empty();
            if digits { parse_ipv4(host).map(drop)? } else { dns_name(host)? }
        }
        let port = match port {
            None => 22,
            Some(port) => port.parse().ok().filter(|port| *port > 0).ok_or_else(|| {
                let message = format!("is {}: {port:?} is no port from 1 to 65535", quoted(text));
                Wrong::new("HAC-E012", message).help(format!("write for example \"{host}:22\""))
            })?,
        };
        Ok(Self { user: account.map(str::to_owned), host: host.to_owned(), port, text: text.to_owned() })
    }
}

/// Host and port. An IPv6 address with a port stands in brackets.
fn split(place: &str) -> Result<(&str, Option<&str>), Wrong> {
    let brackets = |why: &str| {
        Wrong::new("HAC-E030", format!("is {}: {why}", quoted(place)))
            .help("write an IPv6 address like \"[fd00::1]:22\"")
    };
    if let Some(rest) = place.strip_prefix('[') {
        let (host, rest) = rest.split_once(']').ok_or_else(|| brackets("the bracket does not end"))?;
        let port = if rest.is_empty() { None } else { rest.strip_prefix(':') };
        if host.parse::<Ipv6Addr>().is_err() || (port.is_none() && !rest.is_empty()) {
            return Err(brackets("only an IPv6 address stands in brackets, and only a port follows them"));
        }
        return Ok((host, port));
    }
    if place.matches(':').count() > 1 && place.parse::<Ipv6Addr>().is_err() {
        return Err(brackets("with more than one colon it can only be an IPv6 address"));
    }
    match place.split_once(':') {
        Some((host, port)) if place.matches(':').count() == 1 => Ok((host, Some(port))),
        _ => Ok((place, None)),
    }
}

impl fmt::Display for JumpHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for JumpHost {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Value for JumpHost {
    const EXPECTS: &'static str = "a jump host in quotes, such as \"ops@bastion.example:22\"";
    fn read(value: Node<'_, '_>, path: &str, reader: &mut Reader) -> Option<Self> {
        read_text(value, path, reader, Self::parse)
    }
    fn placeholder() -> Self {
        Self { user: None, host: String::new(), port: 22, text: String::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        // written, user, host, port
        let cases = [
            ("bastion", None, "bastion", 22),
            ("ops@bastion.example:2222", Some("ops"), "bastion.example", 2222),
            ("192.0.2.1:22", None, "192.0.2.1", 22),
            ("ops@[fd00::1]:2200", Some("ops"), "fd00::1", 2200),
            ("fd00::1", None, "fd00::1", 22),
        ];
        for (text, user, host, port) in cases {
            let jump = JumpHost::parse(text).unwrap();
            let read = (jump.user.as_deref(), jump.host.as_str(), jump.port);
            assert_eq!((read, jump.to_string().as_str()), ((user, host, port), text));
        }
    }
}
