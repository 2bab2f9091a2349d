//! Owns reading a value from a person or a pipe, without echo.
//! Must not know what it is kept as.

use std::io::{self, IsTerminal as _, Read as _};

use console::Term;

use crate::error::{Failure, Reason};
use crate::secret::Secret;

/// Longest value.
const LIMIT: u64 = 64 * 1024;

pub(super) fn value(name: &str) -> Result<Secret, Failure> {
    let terminal = Term::stderr();
    // With nowhere to ask, what is typed is nothing: it must not be echoed either.
    let read = if io::stdin().is_terminal() { typed(&terminal, name) } else { piped() };
    let value = read.map_err(|error| Failure::new(Reason::Usage, format!("cannot read a value: {error}")))?;
    check(value)
}

fn typed(terminal: &Term, name: &str) -> io::Result<Secret> {
    let ask = |what: &str| -> io::Result<Secret> {
        terminal.write_str(what)?;
        terminal.read_secure_line().map(Secret::new)
    };
    let first = ask(&format!("Value of {name}: "))?;
    if first == ask("The same again: ")? { Ok(first) } else { Err(io::Error::other("the two differ")) }
}

/// Up to its end; the line break of `echo` is none of it.
fn piped() -> io::Result<Secret> {
    let mut text = String::new();
    io::stdin().lock().take(LIMIT + 1).read_to_string(&mut text)?;
    if text.ends_with('\n') {
        text.pop();
    }
    if text.ends_with('\r') {
        text.pop();
    }
    Ok(Secret::new(text))
}

fn check(value: Secret) -> Result<Secret, Failure> {
    let text = value.expose();
    let wrong = if text.is_empty() {
        "the value is empty"
    } else if text.len() as u64 > LIMIT {
        "the value has more than 64 KiB"
    } else if text.contains('\0') {
        "the value has a NUL character"
    } else {
        return Ok(value);
    };
    Err(Failure::new(Reason::Usage, format!("{wrong}; nothing was changed")))
}
