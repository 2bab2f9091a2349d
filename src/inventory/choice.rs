//! Owns values out of a closed list, durations, and free parameter values.
//! Must not know which key they belong to.

use std::fmt;
use std::time::Duration;

use serde::{Serialize, Serializer};
use toml::de::DeValue;

use super::reader::Reader;
use super::text::harmless;
use super::value::{Node, Value, Wrong, read_text};

/// `Name: "needs" { Variant = "text", ... }`
macro_rules! choice {
    ($($(#[doc = $doc:literal])+ $name:ident: $expects:literal { $($variant:ident = $text:literal),+ $(,)? })+) => {$(
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($variant),+ }

        impl $name {
            pub const ALL: &'static [&'static str] = &[$($text),+];

            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl $crate::inventory::value::Value for $name {
            const EXPECTS: &'static str = $expects;
            fn read(
                value: $crate::inventory::value::Node<'_, '_>,
                path: &str,
                reader: &mut $crate::inventory::reader::Reader,
            ) -> Option<Self> {
                $crate::inventory::value::read_text(value, path, reader, |text| match text {
                    $($text => Ok(Self::$variant),)+
                    other => Err($crate::inventory::choice::none_of(other, Self::ALL)),
                })
            }
            fn placeholder() -> Self {
                [$(Self::$variant),+][0]
            }
        }
    )+};
}
pub(super) use choice;

pub(super) fn none_of(text: &str, all: &[&str]) -> Wrong {
    let wrong = Wrong::new("HAC-E017", format!("is {text:?}; it can be {}", all.join(", ")));
    match super::suggest::nearest(text, all.iter().copied()) {
        Some(near) => wrong.help(format!("did you mean \"{near}\"?")),
        None => wrong.help(format!("write \"{}\"", all.join("\" or \""))),
    }
}

/// A length of time as people write it: `500ms`, `10s`, `5m`, `2h`, `7d`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Period {
    text: String,
    length: Duration,
}

impl Period {
    pub fn length(&self) -> Duration {
        self.length
    }

    pub(super) fn seconds(seconds: u64) -> Self {
        let text = match seconds {
            s if s > 0 && s.is_multiple_of(3600) => format!("{}h", s / 3600),
            s if s > 0 && s.is_multiple_of(60) => format!("{}m", s / 60),
            s => format!("{s}s"),
        };
        Self { text, length: Duration::from_secs(seconds) }
    }

    fn parse(text: &str) -> Result<Self, Wrong> {
        let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(split);
        let millis = match unit {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => 0,
        };
        let length = number.parse::<u64>().ok().and_then(|number| number.checked_mul(millis));
        match length {
            Some(length) if millis > 0 => {
                Ok(Self { text: text.to_owned(), length: Duration::from_millis(length) })
            }
            _ => Err(Wrong::new("HAC-E012", format!("is {text:?}, no length of time"))
                .help("write a whole number and one of ms, s, m, h, d, such as \"10s\"")),
        }
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for Period {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Value for Period {
    const EXPECTS: &'static str = "a length of time in quotes, such as \"10s\"";
    fn read(value: Node<'_, '_>, path: &str, reader: &mut Reader) -> Option<Self> {
        read_text(value, path, reader, Self::parse)
    }
    fn placeholder() -> Self {
        Self::seconds(0)
    }
}

/// The value of a `PostgreSQL` parameter.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Scalar {
    Flag(bool),
    Whole(i64),
    Decimal(f64),
    Text(String),
}

impl Value for Scalar {
    const EXPECTS: &'static str = "a text, a finite number, or true or false";
    fn read(value: Node<'_, '_>, path: &str, reader: &mut Reader) -> Option<Self> {
        let scalar = match value.get_ref() {
            DeValue::Boolean(flag) => Some(Self::Flag(*flag)),
            DeValue::Integer(number) => {
                i64::from_str_radix(number.as_str(), number.radix()).ok().map(Self::Whole)
            }
            DeValue::Float(number) => {
                number.as_str().parse().ok().filter(|number: &f64| number.is_finite()).map(Self::Decimal)
            }
            DeValue::String(text) => {
                if let Err(wrong) = harmless(text) {
                    reader.wrong(wrong, value.span(), path);
                    return None;
                }
                Some(Self::Text(text.to_string()))
            }
            _ => None,
        };
        if scalar.is_none() {
            reader.mismatch(value, path, Self::EXPECTS);
        }
        scalar
    }
    fn placeholder() -> Self {
        Self::Text(String::new())
    }
}
