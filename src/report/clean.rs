//! Owns making foreign text harmless for a terminal.
//! Must not know where a text comes from.

/// Drops escape sequences, control characters (but newline and tab) and the
/// characters that reorder text. Everything a host printed goes through here.
pub fn clean(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => escape(&mut chars),
            '\n' | '\t' => clean.push(c),
            c if c.is_control() || reorders(c) => {}
            c => clean.push(c),
        }
    }
    clean
}

/// As [`clean`], on one line.
pub fn clean_line(text: &str) -> String {
    let words: Vec<String> = text.lines().map(|line| clean(line).replace('\t', " ")).collect();
    words.join(" ").trim().to_owned()
}

/// As [`clean`], every character replaced by one of the same length in bytes,
/// so that places in the text stay where they are.
pub(super) fn clean_in_place(text: &str) -> String {
    let harmless = |c: char| match c {
        '\n' | '\t' => c,
        c if c.is_ascii_control() => '?',
        c if c.is_control() => '¿',
        c if reorders(c) => '\u{fffd}',
        c => c,
    };
    text.chars().map(harmless).collect()
}

/// Skips what follows ESC: CSI up to its final byte, OSC and its like up to BEL
/// or ST, anything else one character (ECMA-48).
fn escape(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match chars.next() {
        Some('[') => drop(chars.find(|c| ('\u{40}'..='\u{7e}').contains(c))),
        Some(']' | 'P' | '_' | '^' | 'X') => {
            while let Some(c) = chars.next() {
                if c == '\u{7}' || (c == '\u{1b}' && chars.next_if_eq(&'\\').is_some()) {
                    break;
                }
            }
        }
        _ => {}
    }
}

/// Bidirectional controls (Unicode 15, 3.3.2 of UAX #9).
fn reorders(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reaches_the_terminal_but_text() {
        assert_eq!(clean("a\u{1b}[31;1mred\u{1b}[0m\tb\n"), "ared\tb\n");
        assert_eq!(clean("\u{1b}]0;title\u{7}x\u{1b}]8;;http://a\u{1b}\\y"), "xy");
        assert_eq!(clean("a\r\u{8}b\u{9b}c\u{202e}d"), "abcd");
        assert_eq!(clean("\u{1b}["), "");
        assert_eq!(clean_line(" one\n\u{1b}[1mtwo\tthree\n"), "one two three");
        let text = "ä\u{1b}\u{85}\u{202e}b";
        assert_eq!(clean_in_place(text), "ä?¿\u{fffd}b");
        assert_eq!(clean_in_place(text).len(), text.len());
    }
}
