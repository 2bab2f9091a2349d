//! Owns IPv4 addresses, networks and ranges as people write them, with the
//! arithmetic on them. Must not know which table an address stands in.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use serde::{Serialize, Serializer};

use super::value::Wrong;

const CODE: &str = "HAC-E029";

/// An IPv4 network, such as `192.168.15.0/24`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cidr {
    network: Ipv4Addr,
    prefix: u8,
}

impl Cidr {
    /// The network of `prefix` bits that holds `address`; a longer prefix than 32 counts as 32.
    pub fn new(address: Ipv4Addr, prefix: u8) -> Self {
        let prefix = prefix.min(32);
        Self { network: Ipv4Addr::from(u32::from(address) & mask(prefix)), prefix }
    }

    pub fn network(self) -> Ipv4Addr {
        self.network
    }

    pub fn prefix(self) -> u8 {
        self.prefix
    }

    pub fn broadcast(self) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(self.network) | !mask(self.prefix))
    }

    pub fn contains(self, address: Ipv4Addr) -> bool {
        self.range().contains(address)
    }

    pub fn range(self) -> AddressRange {
        AddressRange { first: self.network, last: self.broadcast() }
    }

    pub(super) fn parse(text: &str) -> Result<Self, Wrong> {
        let Some((address, prefix)) = text.split_once('/') else {
            let address = parse_ipv4(text)?;
            let guess = Self::new(address, 24);
            return Err(Wrong::new(
                CODE,
                format!("is {text:?}, an address; a network needs a prefix length"),
            )
            .help(format!("write for example \"{guess}\"")));
        };
        let address = parse_ipv4(address)?;
        let Some(prefix) = prefix.parse::<u8>().ok().filter(|bits| *bits <= 32 && !prefix.starts_with('+'))
        else {
            return Err(Wrong::new(CODE, format!("is {text:?}; the prefix length is a number from 0 to 32"))
                .help(format!("write for example \"{}\"", Self::new(address, 24))));
        };
        let cidr = Self::new(address, prefix);
        if cidr.network == address {
            return Ok(cidr);
        }
        Err(Wrong::new(
            CODE,
            format!("is {text:?}, which names a host; a network ends where its prefix ends"),
        )
        .help(format!("write \"{cidr}\"")))
    }
}

fn mask(prefix: u8) -> u32 {
    u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0)
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.prefix)
    }
}

impl Serialize for Cidr {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Addresses from `first` to `last`, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct AddressRange {
    pub first: Ipv4Addr,
    pub last: Ipv4Addr,
}

impl AddressRange {
    pub fn single(address: Ipv4Addr) -> Self {
        Self { first: address, last: address }
    }

    pub fn contains(self, address: Ipv4Addr) -> bool {
        (self.first..=self.last).contains(&address)
    }

    /// What two ranges have in common.
    pub fn overlap(self, other: Self) -> Option<Self> {
        let both = Self { first: self.first.max(other.first), last: self.last.min(other.last) };
        (both.first <= both.last).then_some(both)
    }

    /// How many addresses; the whole of IPv4 fits.
    pub fn count(self) -> u64 {
        u64::from(u32::from(self.last)) - u64::from(u32::from(self.first)) + 1
    }

    pub fn addresses(self) -> impl Iterator<Item = Ipv4Addr> {
        (u32::from(self.first)..=u32::from(self.last)).map(Ipv4Addr::from)
    }

    pub(super) fn parse(text: &str) -> Result<Self, Wrong> {
        if text.contains('/') {
            return Cidr::parse(text).map(Cidr::range);
        }
        let Some((first, last)) = text.split_once('-') else {
            return parse_ipv4(text).map(Self::single);
        };
        let range = Self { first: parse_ipv4(first.trim())?, last: parse_ipv4(last.trim())? };
        if range.first <= range.last {
            return Ok(range);
        }
        Err(Wrong::new(CODE, format!("is {text:?}, a range that ends before it starts"))
            .help(format!("write \"{}-{}\"", range.last, range.first)))
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            return write!(f, "{}", self.first);
        }
        write!(f, "{}-{}", self.first, self.last)
    }
}

impl Serialize for AddressRange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

pub(super) fn parse_ipv4(text: &str) -> Result<Ipv4Addr, Wrong> {
    text.parse().map_err(|_| why_no_address(text))
}

fn why_no_address(text: &str) -> Wrong {
    let wrong = |why: &str| Wrong::new(CODE, format!("is {text:?}, {why}"));
    if text.trim() != text && text.trim().parse::<Ipv4Addr>().is_ok() {
        return wrong("an address with spaces around it").help(format!("write \"{}\"", text.trim()));
    }
    if text.parse::<Ipv6Addr>().is_ok() {
        return wrong("an IPv6 address; hosts and VIPs are IPv4 here").help("write the host's IPv4 address");
    }
    if let Some((address, rest)) = text.split_once(['/', ':'])
        && address.parse::<Ipv4Addr>().is_ok()
    {
        let what = if text.contains('/') { "prefix length" } else { "port" };
        return wrong(&format!("an address and more; the {what} {rest} does not belong here"))
            .help(format!("write \"{address}\""));
    }
    if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return why_no_octets(text);
    }
    wrong("which is no IP address; a name would not resolve in a DNS outage")
        .help("write the IPv4 address, such as \"192.168.15.101\"")
}

fn why_no_octets(text: &str) -> Wrong {
    let octets: Vec<&str> = text.split('.').collect();
    let wrong = |why: String| Wrong::new(CODE, format!("is {text:?}: {why}"));
    if octets.len() != 4 || octets.iter().any(|octet| octet.is_empty()) {
        return wrong("an IPv4 address has four numbers".into()).help("write it like \"192.168.15.101\"");
    }
    if let Some(octet) = octets.iter().find(|octet| octet.parse::<u8>().is_err()) {
        return wrong(format!("{octet} is over 255")).help("each of the four numbers is 0 to 255");
    }
    let zero = octets.iter().find(|octet| octet.len() > 1 && octet.starts_with('0')).unwrap_or(&"");
    let plain: Vec<String> =
        octets.iter().map(|octet| octet.parse::<u8>().unwrap_or_default().to_string()).collect();
    wrong(format!("{zero} has a leading zero, which some programs read as octal"))
        .help(format!("write \"{}\"", plain.join(".")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks() {
        let cidr = Cidr::parse("192.168.15.0/24").unwrap();
        assert_eq!(cidr.broadcast().to_string(), "192.168.15.255");
        assert!(cidr.contains("192.168.15.7".parse().unwrap()));
        assert!(!cidr.contains("192.168.16.7".parse().unwrap()));
        assert_eq!(Cidr::parse("0.0.0.0/0").unwrap().range().count(), 1 << 32);
        assert!(Cidr::parse("192.168.15.1/24").unwrap_err().help.unwrap().contains("192.168.15.0/24"));
        assert!(Cidr::parse("192.168.15.0/33").is_err());
    }

    #[test]
    fn ranges() {
        let pool = AddressRange::parse("10.0.0.5-10.0.0.9").unwrap();
        assert_eq!(pool.count(), 5);
        let other = AddressRange::parse("10.0.0.8/30").unwrap();
        assert_eq!(pool.overlap(other).unwrap().to_string(), "10.0.0.8-10.0.0.9");
        assert!(AddressRange::parse("10.0.0.9-10.0.0.5").is_err());
    }
}
