//! Owns how the content of a file changes, as people read it.
//! Must not know where either text comes from, nor any secret's value.

use std::fmt::Write as _;
use std::time::Duration;

use similar::TextDiff;

use super::clean::clean;
use crate::facts::LARGEST_SHOWN;

/// Lines of one diff that are shown; a whole new file of more helps nobody.
const SHOWN: usize = 120;
/// A minimal diff of two long texts can take for ever; a rough one does.
const PATIENCE: Duration = Duration::from_millis(300);

/// A unified diff without a header.
pub fn unified(old: &str, new: &str) -> String {
    if old.len() > LARGEST_SHOWN || new.len() > LARGEST_SHOWN {
        // Of a larger one no more was read.
        let size = |text: &str| match text.len() {
            length if length > LARGEST_SHOWN => format!("more than {LARGEST_SHOWN}"),
            length => length.to_string(),
        };
        return format!("{} bytes become {} bytes", size(old), size(new));
    }
    let (old, new) = (clean(old), clean(new));
    let mut options = TextDiff::configure();
    options.timeout(PATIENCE);
    let text = options.diff_lines(&old, &new).unified_diff().context_radius(3).to_string();
    if text.is_empty() {
        return "only control characters differ".to_owned();
    }
    shorten(&text)
}

/// A whole new file, each line marked as added.
pub fn added(new: &str) -> String {
    let lines: Vec<String> = clean(new).lines().map(|line| format!("+{line}")).collect();
    shorten(&lines.join("\n"))
}

fn shorten(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let mut shown = lines[..lines.len().min(SHOWN)].join("\n");
    if lines.len() > SHOWN {
        let _ = write!(shown, "\n... {} more lines", lines.len() - SHOWN);
    }
    shown
}

/// Hides in `old` what may be an earlier value of a secret; today's are masked
/// in it already. `masked` is `new` with the secrets masked: where a line of it
/// holds one, every other old line that begins alike loses its rest.
pub fn hide_alike(old: &str, new: &str, masked: &str) -> String {
    let common = |a: &str, b: &str| {
        let same = a.char_indices().zip(b.chars()).take_while(|((_, a), b)| a == b);
        same.last().map_or(0, |((at, c), _)| at + c.len_utf8())
    };
    let starts: Vec<&str> = new
        .lines()
        .zip(masked.lines())
        .filter(|(new, masked)| new != masked)
        .map(|(new, masked)| &new[..common(new, masked)])
        .collect();
    let kept: Vec<&str> = masked.lines().collect();
    let hide = |line: &str| {
        let alike = starts.iter().filter(|start| line.starts_with(**start)).max_by_key(|start| start.len());
        match alike {
            Some(start) if !kept.contains(&line) => format!("{start}(earlier value)"),
            _ => line.to_owned(),
        }
    };
    let mut hidden: String = old.lines().map(|line| hide(line) + "\n").collect();
    if !old.ends_with('\n') {
        hidden.pop();
    }
    hidden
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unified_and_harmless() {
        insta::assert_snapshot!(unified("a\nb\nc\n", "a\nB\u{1b}[1m\nc\n"), @"
        @@ -1,3 +1,3 @@
         a
        -b
        +B
         c
        ");
        assert_eq!(unified("a\u{7}", "a"), "only control characters differ");
        assert!(added(&"x\n".repeat(130)).ends_with("+x\n... 10 more lines"));
    }

    /// A rotated password must not be shown by the diff that replaces it.
    #[test]
    fn earlier_secrets_are_hidden_too() {
        let new = "user: a\npassword: NEW\nport: 1\n";
        let masked = "user: a\npassword: (db)\nport: 1\n";
        let old = hide_alike("user: a\npassword: OLD\nport: 2\n", new, masked);
        assert_eq!(old, "user: a\npassword: (earlier value)\nport: 2\n");
        assert_eq!(hide_alike("OLD", "NEW", "(db)"), "(earlier value)");
        assert_eq!(hide_alike("a\n", "a\n", "a\n"), "a\n");
        assert_eq!(hide_alike(masked, new, masked), masked);
    }
}
