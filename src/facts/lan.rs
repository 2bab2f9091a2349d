//! Owns who else is on a host's network: who has an address, who sends VRRP
//! adverts. Must not know which of them belong there.

use super::Fact;
use crate::shell::{quote, words};

const LOOK: &str = include_str!("lan.pl");

/// VRRP routers say so every second unless told otherwise (RFC 5798); a machine
/// that does not answer the first question has two more.
const LOOK_SECONDS: &str = "2.4";

/// What to look for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LanNeeds {
    /// The network card.
    pub interface: String,
    /// Whose are these?
    pub addresses: Vec<String>,
}

/// What was heard.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LanFact {
    /// Addresses and the MAC of each machine that says it has it.
    pub owners: Vec<(String, String)>,
    pub routers: Vec<VrrpRouter>,
}

/// Somebody who sends VRRP adverts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VrrpRouter {
    pub id: u32,
    pub address: String,
    pub mac: String,
}

/// Perl is what every Debian has that can send a packet of its own making.
pub(super) fn ask(needs: &LanNeeds, seconds: u32) -> String {
    let LanNeeds { interface, addresses } = needs;
    let asked = words(addresses.iter().map(String::as_str));
    format!(
        "{{ command -v perl >/dev/null || {{ echo 'there is no perl'; exit 1; }}; \
         timeout -k 1 {seconds} perl -e {} {} {LOOK_SECONDS} {asked}; }}",
        quote(LOOK),
        quote(interface)
    )
}

/// Any other line says why the host could not look.
pub(super) fn read(body: &str, status: i32) -> Fact<LanFact> {
    let mut fact = LanFact::default();
    let mut why = None;
    for line in body.lines().filter(|line| !line.is_empty()) {
        let row: Vec<&str> = line.split(' ').collect();
        match row[..] {
            ["has", address, mac] => fact.owners.push((address.to_owned(), mac.to_owned())),
            ["vrrp", id, address, mac] => {
                let Ok(id) = id.parse() else { continue };
                let (address, mac) = (address.to_owned(), mac.to_owned());
                fact.routers.push(VrrpRouter { id, address, mac });
            }
            _ => why = Some(line.to_owned()),
        }
    }
    match status {
        0 => Fact::Present(fact),
        _ => Fact::Unreadable(why.unwrap_or_else(|| format!("looking ended with {status}"))),
    }
}
