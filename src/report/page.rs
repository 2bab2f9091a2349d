//! Owns putting lines together: appended, indented, counted.
//! Must not know what they say.

use super::clean::clean;

/// Appends a line.
pub(crate) fn put(into: &mut String, line: &str) {
    into.push_str(line);
    into.push('\n');
}

/// A foreign text, made harmless, each line behind four spaces.
pub(super) fn indented(text: &str) -> String {
    let mut lines = String::new();
    for line in clean(text).lines() {
        put(&mut lines, &format!("    {}", line.trim_end()));
    }
    lines
}

/// `1 line`, `2 lines`.
pub(super) fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}
