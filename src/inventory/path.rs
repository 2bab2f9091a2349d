//! Owns what a path may be, on a host and on the control side.
//! Must not know whose path it is, nor whether it exists.

use super::text::{only, quoted};
use super::value::Wrong;

fn path(text: &str) -> Result<(), Wrong> {
    only(
        text,
        |c| c.is_ascii_alphanumeric() || "-_.+/~@:".contains(c),
        "letters, digits and - _ . + / ~ @ :",
    )?;
    if text.split('/').any(|part| part == "..") {
        let message = format!("is {}; a path may not go up with ..", quoted(text));
        return Err(Wrong::new("HAC-E034", message).help("write the path it means"));
    }
    Ok(())
}

pub(super) fn local_path(text: &str) -> Result<(), Wrong> {
    only(text, |c| !"`$;|&<>*?\"'\\".contains(c), "all but ` $ ; | & < > * ? quotes and \\")
}

/// Directories that belong to the system, not to one service.
const SYSTEM: [&str; 14] = [
    "", "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/proc", "/root", "/run", "/sys", "/tmp", "/usr",
    "/var",
];

pub(super) fn host_path(text: &str) -> Result<(), Wrong> {
    path(text)?;
    if !text.starts_with('/') {
        let message = format!("is {}; a path on a host starts with /", quoted(text));
        return Err(
            Wrong::new("HAC-E034", message).help(format!("write \"/{}\"", text.trim_start_matches("~/")))
        );
    }
    if SYSTEM.contains(&text.trim_end_matches('/')) {
        let message = format!("is {}, a directory of the system itself", quoted(text));
        return Err(
            Wrong::new("HAC-E035", message).help("name a directory of its own, such as \"/var/lib/…\"")
        );
    }
    Ok(())
}
