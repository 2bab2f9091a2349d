//! Owns how one TOML value becomes a typed one, and the words for when it
//! does not. Must not know tables, keys, or what a value is for.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use serde::Serialize;
use toml::Spanned;
use toml::de::DeValue;

use super::address::{AddressRange, Cidr, parse_ipv4};
use super::reader::Reader;
use super::text::harmless;

pub(super) type Node<'a, 't> = &'a Spanned<DeValue<'t>>;

/// Why a value is refused. The message follows "`table.key` ".
#[derive(Debug)]
pub(super) struct Wrong {
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) help: Option<String>,
}

impl Wrong {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), help: None }
    }

    pub(super) fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }
}

/// A type that a key of the inventory can have.
pub(super) trait Value: Sized {
    /// Follows "needs": an integer from 0 to 255.
    const EXPECTS: &'static str;
    /// A key of this type without a default must be written.
    const REQUIRED: bool = true;

    /// Reads a value; if it is wrong, tells the reader and returns nothing.
    fn read(value: Node<'_, '_>, path: &str, reader: &mut Reader) -> Option<Self>;

    /// What stands in the model where the file has nothing usable.
    fn placeholder() -> Self;

    /// What a key that was left out means in a table that is there.
    fn unset(default: Self) -> Self {
        default
    }
}

/// Reads a string through `parse`; any other TOML type is a mismatch.
pub(super) fn read_text<T: Value>(
    value: Node<'_, '_>,
    path: &str,
    reader: &mut Reader,
    parse: impl Fn(&str) -> Result<T, Wrong>,
) -> Option<T> {
    let DeValue::String(text) = value.get_ref() else {
        reader.mismatch(value, path, T::EXPECTS);
        return None;
    };
    parse(text).map_err(|wrong| reader.wrong(wrong, value.span(), path)).ok()
}

macro_rules! parsed {
    ($($type:ty, $expects:literal, $parse:expr, $placeholder:expr;)+) => {$(
        impl Value for $type {
            const EXPECTS: &'static str = $expects;
            fn read(value: Node<'_, '_>, path: &str, reader: &mut Reader) -> Option<Self> {
                read_text(value, path, reader, $parse)
            }
            fn placeholder() -> Self {
                $placeholder
            }
        }
    )+};
}

parsed! {
    Ipv4Addr, "an IPv4 address in quotes", parse_ipv4, Ipv4Addr::UNSPECIFIED;
    Cidr, "a network in quotes, such as \"192.168.15.0/24\"", Cidr::parse, Cidr::new(Ipv4Addr::UNSPECIFIED, 0);
    AddressRange, "addresses in quotes, such as \"192.168.15.100-192.168.15.110\"", AddressRange::parse,
        AddressRange::single(Ipv4Addr::UNSPECIFIED);
}

macro_rules! integer {
    ($($type:ty, $least:literal, $expects:literal;)+) => {$(
        impl Value for $type {
            const EXPECTS: &'static str = $expects;
            fn read(value: Node<'_, '_>, path: &str, reader: &mut Reader) -> Option<Self> {
                let DeValue::Integer(number) = value.get_ref() else {
                    reader.mismatch(value, path, Self::EXPECTS);
                    return None;
                };
                let number = Self::from_str_radix(number.as_str(), number.radix());
                let number = number.ok().filter(|number| ($least..=Self::MAX).contains(number));
                if number.is_none() {
                    reader.mismatch(value, path, Self::EXPECTS);
                }
                number
            }
            fn placeholder() -> Self {
                $least
            }
        }
    )+};
}

integer! {
    u8, 0, "an integer from 0 to 255";
    u16, 1, "a port from 1 to 65535";
    u32, 0, "an integer from 0 to 4294967295";
    u64, 0, "an integer from 0 to 9223372036854775807";
}

impl Value for bool {
    const EXPECTS: &'static str = "true or false";
    fn read(value: Node<'_, '_>, path: &str, reader: &mut Reader) -> Option<Self> {
        let DeValue::Boolean(truth) = value.get_ref() else {
            reader.mismatch(value, path, Self::EXPECTS);
            return None;
        };
        Some(*truth)
    }
    fn placeholder() -> Self {
        false
    }
}

/// `enabled`: off where the table is missing, on where it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Switch(pub(super) bool);

impl Switch {
    pub fn on(self) -> bool {
        self.0
    }
}

impl Value for Switch {
    const EXPECTS: &'static str = bool::EXPECTS;
    const REQUIRED: bool = false;
    fn read(value: Node<'_, '_>, path: &str, reader: &mut Reader) -> Option<Self> {
        bool::read(value, path, reader).map(Self)
    }
    fn placeholder() -> Self {
        Self(false)
    }
    fn unset(_default: Self) -> Self {
        Self(true)
    }
}

impl<T: Value> Value for Option<T> {
    const EXPECTS: &'static str = T::EXPECTS;
    const REQUIRED: bool = false;
    fn read(value: Node<'_, '_>, path: &str, reader: &mut Reader) -> Option<Self> {
        T::read(value, path, reader).map(Some)
    }
    fn placeholder() -> Self {
        None
    }
}

impl<T: Value> Value for Vec<T> {
    const EXPECTS: &'static str = "a list";
    const REQUIRED: bool = false;
    fn read(value: Node<'_, '_>, path: &str, reader: &mut Reader) -> Option<Self> {
        let DeValue::Array(items) = value.get_ref() else {
            reader.no_list(value, path, T::EXPECTS);
            return None;
        };
        let mut list = Self::new();
        for (index, item) in items.iter().enumerate() {
            let path = format!("{path}[{index}]");
            reader.place(&path, item.span());
            list.push(T::read(item, &path, reader).unwrap_or_else(T::placeholder));
        }
        Some(list)
    }
    fn placeholder() -> Self {
        Self::new()
    }
}

impl<T: Value> Value for BTreeMap<String, T> {
    const EXPECTS: &'static str = "a table";
    const REQUIRED: bool = false;
    fn read(value: Node<'_, '_>, path: &str, reader: &mut Reader) -> Option<Self> {
        let DeValue::Table(entries) = value.get_ref() else {
            reader.mismatch(value, path, Self::EXPECTS);
            return None;
        };
        let mut map = Self::new();
        for (key, value) in entries {
            if let Err(wrong) = harmless(key.get_ref()) {
                reader.wrong(wrong, key.span(), &format!("{path}.{}", key.get_ref().escape_debug()));
                continue;
            }
            let path = format!("{path}.{}", key.get_ref());
            reader.place(&path, value.span());
            if let Some(value) = T::read(value, &path, reader) {
                map.insert(key.get_ref().to_string(), value);
            }
        }
        Some(map)
    }
    fn placeholder() -> Self {
        Self::new()
    }
}
