//! Owns the making of SQL and psql text from values: the only quoting there is.
//! Must not know what a statement is for, nor where it runs.

/// A name as `PostgreSQL` reads it back unchanged, whatever it holds.
///
/// NUL cannot be in a name or a text; it is dropped, as in [`crate::shell`].
pub fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('\0', "").replace('"', "\"\""))
}

/// A text as a constant. One with a backslash is written with `E`, so that it
/// reads the same whatever `standard_conforming_strings` says.
pub fn literal(text: &str) -> String {
    let quoted = text.replace('\0', "").replace('\'', "''");
    if quoted.contains('\\') { format!("E'{}'", quoted.replace('\\', r"\\")) } else { format!("'{quoted}'") }
}

/// Each text as a constant, with commas between; for `IN (...)`, so never empty.
pub fn literals<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let list: Vec<String> = texts.into_iter().map(literal).collect();
    if list.is_empty() { "NULL".to_owned() } else { list.join(", ") }
}

/// A connection string that names a database, also one with spaces or `=`.
pub fn conninfo(database: &str) -> String {
    format!("dbname='{}'", database.replace('\0', "").replace('\\', r"\\").replace('\'', r"\'"))
}

/// One argument of psql's `\connect`, which takes double quotes off what stands
/// in single quotes too.
pub fn argument(text: &str) -> String {
    format!("\"{}\"", text.replace('\0', "").replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_texts_are_quoted_whole() {
        let cases = [
            ("app", r#""app""#, "'app'"),
            ("App", r#""App""#, "'App'"),
            (r#"a"b"#, r#""a""b""#, r#"'a"b'"#),
            ("it's", r#""it's""#, "'it''s'"),
            (r"a\b", r#""a\b""#, r"E'a\\b'"),
            (r"\'; DROP ROLE x; --", r#""\'; DROP ROLE x; --""#, r"E'\\''; DROP ROLE x; --'"),
            ("a\0b", r#""ab""#, "'ab'"),
            ("", r#""""#, "''"),
            (":v", r#"":v""#, "':v'"),
        ];
        for (value, name, text) in cases {
            assert_eq!(identifier(value), name);
            assert_eq!(literal(value), text);
        }
        assert_eq!(literals(["a", "b'"]), "'a', 'b'''");
        assert_eq!(literals([]), "NULL");
    }

    #[test]
    fn a_database_is_named_through_both_layers() {
        assert_eq!(conninfo("shop"), "dbname='shop'");
        assert_eq!(conninfo(r"it's a\b"), r"dbname='it\'s a\\b'");
        assert_eq!(argument(&conninfo("it's")), r#""dbname='it\'s'""#);
        assert_eq!(argument(&conninfo(r#"My "shop""#)), r#""dbname='My ""shop""'""#);
    }
}
