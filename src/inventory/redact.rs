//! Owns finding literal secrets in a text and starring them out, before any
//! other part sees it. Must not know TOML's grammar: broken files have secrets too.

use std::ops::Range;

use super::model::schema;

/// Parts of a key's name that promise a secret.
const SECRET: &[&str] =
    &["password", "passwd", "passphrase", "secret", "token", "api_key", "apikey", "credential"];
/// Keys that sound like one and are none.
const HARMLESS: &[&str] = &["password_encryption", "secrets_encryption", "initial_cluster_token"];

/// A literal secret: the key it stands at, and the range that was starred out.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) key: String,
    pub(super) span: Range<usize>,
    /// The table of the file it stands in; empty inside a longer text.
    table: String,
}

impl Found {
    pub(super) fn help(&self) -> String {
        if self.table.is_empty() {
            return "leave it out of this text; hacluster keeps secrets beside the inventory".to_owned();
        }
        let mut keys = schema().filter(|(table, _)| *table == self.table).flat_map(|(_, keys)| keys);
        if keys.any(|key| key.name == self.key && key.expects.contains("://")) {
            return format!("write {} = \"secret://name\"; `hacluster secrets` keeps its value", self.key);
        }
        "remove it; hacluster makes its secrets itself and `hacluster secrets` keeps them".to_owned()
    }
}

/// The text with every literal secret replaced by as many stars, and what was found.
pub(super) fn redact(text: &str) -> (String, Vec<Found>) {
    let mut found = Vec::new();
    private_keys(text, &mut found);
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        if !line.trim_start().starts_with('#') {
            assignments(text, start..start + line.len(), &mut found);
            inside_strings(text, start..start + line.len(), &mut found);
        }
        start += line.len();
    }
    let mut bytes = text.as_bytes().to_vec();
    for Found { span, .. } in &found {
        for byte in &mut bytes[span.clone()] {
            if *byte != b'\n' && *byte != b'\r' {
                *byte = b'*';
            }
        }
    }
    // Whole characters became stars, so the text is still UTF-8.
    let redacted = String::from_utf8(bytes).unwrap_or_default();
    (redacted, found)
}

fn private_keys(text: &str, found: &mut Vec<Found>) {
    let mut from = 0;
    while let Some(at) = text[from..].find("-----BEGIN ") {
        let start = from + at;
        let end = text[start..].find("-----END ").map_or(text.len(), |end| start + end);
        if text[start..end].lines().next().is_some_and(|line| line.contains("PRIVATE KEY")) {
            found.push(Found { key: "private key".to_owned(), span: start..end, table: String::new() });
        }
        from = end.max(start + 1);
    }
}

/// `password = "..."`, also in inline tables.
fn assignments(text: &str, line: Range<usize>, found: &mut Vec<Found>) {
    for (at, _) in text[line.clone()].match_indices('=') {
        let equals = line.start + at;
        let before = text[line.start..equals].trim_end().trim_end_matches(['"', '\'']);
        let other = |(_, c): &(usize, char)| !c.is_alphanumeric() && *c != '_' && *c != '-';
        let key_start = before.char_indices().rev().find(other).map_or(0, |(at, c)| at + c.len_utf8());
        let key = &before[key_start..];
        if !is_secret(key) {
            continue;
        }
        let rest = &text[equals + 1..];
        let value = equals + 1 + (rest.len() - rest.trim_start_matches([' ', '\t']).len());
        let span = value_span(text, value, line.end);
        let content = &text[span.clone()];
        if !content.is_empty() && !content.starts_with("secret://") && !["true", "false"].contains(&content) {
            found.push(Found { key: key.to_owned(), span, table: table_of(&text[..equals]) });
        }
    }
}

/// The last header before a key.
fn table_of(before: &str) -> String {
    let header = before.lines().rev().find(|line| line.trim_start().starts_with('['));
    header.map_or("?", |line| line.trim().trim_matches(['[', ']'])).to_owned()
}

fn is_secret(key: &str) -> bool {
    let key = key.to_lowercase().replace('-', "_");
    SECRET.iter().any(|word| key.contains(word)) && !HARMLESS.contains(&key.as_str())
}

/// The characters of a value, without its quotes.
fn value_span(text: &str, start: usize, line_end: usize) -> Range<usize> {
    let line = &text[start.min(line_end)..line_end];
    for quotes in ["\"\"\"", "'''"] {
        if line.starts_with(quotes) {
            let inner = start + quotes.len();
            return inner..text[inner..].find(quotes).map_or(text.len(), |end| inner + end);
        }
    }
    let trimmed = line.trim_end().len();
    if let Some(quote) = line.chars().next().filter(|c| ['"', '\''].contains(c)) {
        let mut escaped = false;
        for (at, c) in line[1..trimmed.max(1)].char_indices() {
            if c == quote && !escaped {
                return start + 1..start + 1 + at;
            }
            escaped = c == '\\' && quote == '"' && !escaped;
        }
        return start + 1..start + trimmed.max(1);
    }
    if line.starts_with(['[', '{']) {
        return start..start;
    }
    start..start + line[..trimmed].find([' ', '\t', ',', '}', '#', '"', '\'']).unwrap_or(trimmed)
}

/// `password=...` in a connection string, `user:password@` in a URL.
fn inside_strings(text: &str, line: Range<usize>, found: &mut Vec<Found>) {
    let body = &text[line.clone()];
    for name in ["password=", "passwd=", "pwd="] {
        for (at, _) in body.match_indices(name) {
            let start = at + name.len();
            let end = body[start..]
                .find([' ', '\t', '\n', '\r', '"', '\'', '&'])
                .map_or(body.len(), |end| start + end);
            push(found, "password", line.start + start..line.start + end);
        }
    }
    for (at, _) in body.match_indices("AGE-SECRET-KEY-1") {
        let end = body[at..].find(|c: char| !c.is_ascii_alphanumeric() && c != '-');
        push(found, "age key", line.start + at..line.start + end.map_or(body.len(), |end| at + end));
    }
    for (at, _) in body.match_indices("://") {
        let start = at + 3;
        let end =
            body[start..].find([' ', '\t', '\n', '\r', '"', '\'', '/']).map_or(body.len(), |end| start + end);
        let Some(login) = body[start..end].rfind('@') else { continue };
        if let Some(colon) = body[start..start + login].find(':') {
            push(found, "password", line.start + start + colon + 1..line.start + start + login);
        }
    }
}

fn push(found: &mut Vec<Found>, key: &str, span: Range<usize>) {
    let known = found.iter().any(|other| other.span.start <= span.start && span.end <= other.span.end);
    if !span.is_empty() && !known {
        found.push(Found { key: key.to_owned(), span, table: String::new() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_starred_out_and_nothing_else_is() {
        let cases = [
            ("password = \"hunter2\"", "password = \"*******\""),
            ("password = \"hun\\\"ter2\" # x", "password = \"*********\" # x"),
            ("password = \"hunter2", "password = \"*******"),
            ("x = { api_key = 'hunter2', y = 1 }", "x = { api_key = '*******', y = 1 }"),
            ("token = hunter2", "token = *******"),
            ("password = \"secret://redis\"", "password = \"secret://redis\""),
            ("password_encryption = \"scram-sha-256\"", "password_encryption = \"scram-sha-256\""),
            ("conninfo = \"user=x password=hunter2\"", "conninfo = \"user=x password=*******\""),
            ("url = \"postgres://u:hunter2@h/db\"", "url = \"postgres://u:*******@h/db\""),
            ("recipients = [\"AGE-SECRET-KEY-1HUNTER2\"]", "recipients = [\"***********************\"]"),
            ("# password = \"example\"", "# password = \"example\""),
            ("password = \"\"\"hunter2\nmore\"\"\"", "password = \"\"\"*******\n****\"\"\""),
            ("ключ_password = \"é\"", "ключ_password = \"**\""),
        ];
        for (text, expected) in cases {
            assert_eq!(redact(text).0, expected);
        }
    }
}
