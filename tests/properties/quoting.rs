//! What is quoted is read back as it was, by shells and by PostgreSQL's own rules.

use std::io::Write as _;
use std::process::{Command, Stdio};

use hacluster::shell::{quote, words};
use hacluster::sql;
use proptest::prelude::*;

use super::{hold, text};

/// What a shell prints that is given a script as hosts are.
fn shell(program: &str, script: &str) -> Vec<u8> {
    let mut child = Command::new(program)
        .arg("-s")
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    child.wait_with_output().unwrap().stdout
}

fn print(values: &[String]) -> String {
    format!("printf '%s\\0' {}\n", words(values.iter().map(String::as_str)))
}

#[test]
fn shells_read_back_what_was_quoted() {
    hold(16, prop::collection::vec(text(), 1..40), |values| {
        let expected: Vec<u8> = values.iter().flat_map(|value| [value.as_bytes(), b"\0"].concat()).collect();
        let nested = format!("sh -c {}\n", quote(&print(&values)));
        for program in ["dash", "bash"] {
            prop_assert_eq!(&shell(program, &print(&values)), &expected, "{}", program);
            prop_assert_eq!(&shell(program, &nested), &expected, "{} within sh -c", program);
        }
        Ok(())
    });
}

/// What stands between quotes, the quote doubled where it belongs to it.
fn undouble(text: &str, quote: char) -> Option<String> {
    let inside = text.strip_prefix(quote)?.strip_suffix(quote)?;
    let double = format!("{quote}{quote}");
    (!inside.replace(&double, "").contains(quote)).then(|| inside.replace(&double, &quote.to_string()))
}

/// What a backslash stands before, it stands for.
fn unescape(text: &str) -> Option<String> {
    let (mut plain, mut chars) = (String::new(), text.chars());
    while let Some(c) = chars.next() {
        plain.push(if c == '\\' { chars.next()? } else { c });
    }
    Some(plain)
}

/// A constant by PostgreSQL's rules (4.1.2.1 and 4.1.2.2), whatever
/// `standard_conforming_strings` says.
fn literal(text: &str) -> Option<String> {
    match text.strip_prefix('E') {
        Some(escaped) => unescape(&undouble(escaped, '\'')?),
        None => undouble(text, '\'').filter(|plain| !plain.contains('\\')),
    }
}

#[test]
fn postgresql_reads_back_what_was_quoted() {
    hold(256, text(), |value| {
        prop_assert_eq!(literal(&sql::literal(&value)), Some(value.clone()));
        prop_assert_eq!(undouble(&sql::identifier(&value), '"'), Some(value.clone()));
        let conninfo = undouble(&sql::argument(&sql::conninfo(&value)), '"').unwrap();
        let inside = conninfo.strip_prefix("dbname='").and_then(|rest| rest.strip_suffix('\'')).unwrap();
        prop_assert_eq!(unescape(inside), Some(value));
        Ok(())
    });
}
