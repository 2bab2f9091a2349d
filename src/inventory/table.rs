//! Owns the `table!` macro: one declaration makes the struct, its defaults, its
//! reader and its documentation. Must not know any particular table.

use toml::de::DeValue;

use super::reader::{Fields, Reader};
use super::value::{Node, Value};

/// What a key is, for messages and documentation.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    pub name: &'static str,
    /// Follows "needs": "an integer from 0 to 255".
    pub expects: &'static str,
    pub doc: &'static str,
    pub required: bool,
}

pub(super) trait Table: Sized {
    const KEYS: &'static [Key];

    fn defaults() -> Self;
    fn fields(fields: &mut Fields<'_, '_>) -> Self;

    fn read_table(value: Node<'_, '_>, path: &str, reader: &mut Reader) -> Option<Self> {
        let DeValue::Table(table) = value.get_ref() else {
            reader.mismatch(value, path, "a table");
            return None;
        };
        Some(Self::fields(&mut Fields::new(table, value.span(), path, Self::KEYS, reader)))
    }
}

pub(super) const fn any_required(keys: &[Key]) -> bool {
    let mut at = 0;
    while at < keys.len() {
        if keys[at].required {
            return true;
        }
        at += 1;
    }
    false
}

/// A key that is a word of Rust too stands there as `r#type`.
pub(super) const fn plain(name: &'static str) -> &'static str {
    match name.as_bytes() {
        [b'r', b'#', rest @ ..] => match std::str::from_utf8(rest) {
            Ok(plain) => plain,
            Err(_) => name,
        },
        _ => name,
    }
}

/// `Name { /// doc \n key: Type = default; }`: a key without a default must be
/// written, unless its type can be empty (an option, a list, a switch).
macro_rules! table {
    ($(#[doc = $about:literal])+ $name:ident {
        $( $(#[doc = $doc:literal])+ $key:ident: $type:ty $(= $default:expr)?; )+
    }) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone, PartialEq, serde::Serialize)]
        pub struct $name {
            $( $(#[doc = $doc])+ pub $key: $type, )+
        }

        impl $crate::inventory::table::Table for $name {
            const KEYS: &'static [$crate::inventory::table::Key] = &[$(
                $crate::inventory::table::Key {
                    name: $crate::inventory::table::plain(stringify!($key)),
                    expects: <$type as $crate::inventory::value::Value>::EXPECTS,
                    doc: concat!($($doc),+),
                    required: $crate::inventory::table::required!($type $(, $default)?),
                },
            )+];

            fn defaults() -> Self {
                Self { $( $key: $crate::inventory::table::default!($type $(, $default)?), )+ }
            }

            fn fields(fields: &mut $crate::inventory::reader::Fields<'_, '_>) -> Self {
                let default = Self::defaults();
                let table = Self { $( $key: fields.get($crate::inventory::table::plain(stringify!($key)), default.$key), )+ };
                fields.finish();
                table
            }
        }

        impl $crate::inventory::value::Value for $name {
            const EXPECTS: &'static str = "a table";
            const REQUIRED: bool =
                $crate::inventory::table::any_required(<Self as $crate::inventory::table::Table>::KEYS);
            fn read(
                value: $crate::inventory::value::Node<'_, '_>,
                path: &str,
                reader: &mut $crate::inventory::reader::Reader,
            ) -> Option<Self> {
                <Self as $crate::inventory::table::Table>::read_table(value, path, reader)
            }
            fn placeholder() -> Self {
                <Self as $crate::inventory::table::Table>::defaults()
            }
        }
    };
}

macro_rules! default {
    ($type:ty) => {
        <$type as $crate::inventory::value::Value>::placeholder()
    };
    ($type:ty, $default:expr) => {
        $default
    };
}

macro_rules! required {
    ($type:ty) => {
        <$type as $crate::inventory::value::Value>::REQUIRED
    };
    ($type:ty, $default:expr) => {
        false
    };
}

pub(super) use {default, required, table};

/// A table the file need not have: its own `required` keys count only once it is there.
pub(super) fn optional<T: Value>() -> T {
    T::placeholder()
}
