//! Owns the making of POSIX shell text from values: the only quoting there is.
//! Must not know what a script is for, nor where it runs.

/// Quotes any value so that a POSIX shell reads back exactly these bytes.
///
/// NUL cannot be carried by a shell; inventory checks refuse control characters
/// before a value gets here, so NUL is dropped.
pub fn quote(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !value.is_empty() && value.chars().all(plain) {
        return value.to_owned();
    }
    format!("'{}'", value.replace('\0', "").replace('\'', r"'\''"))
}

/// Quotes each value and joins them with spaces.
pub fn words<'a>(values: impl IntoIterator<Item = &'a str>) -> String {
    values.into_iter().map(quote).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_only_what_needs_it() {
        assert_eq!(quote("/etc/etcd.env"), "/etc/etcd.env");
        assert_eq!(quote(""), "''");
        assert_eq!(quote("it's"), r"'it'\''s'");
        assert_eq!(words(["a b", "c"]), "'a b' c");
    }
}
