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

/// The last look before a terminal: colours (SGR) stay, as all others were taken out
/// of foreign text before; of other escape sequences and controls nothing does.
pub(super) fn coloured(text: &str) -> String {
    let mut pieces = text.split('\u{1b}');
    let mut shown = clean(pieces.next().unwrap_or_default());
    for piece in pieces {
        let length = colour(piece);
        if length > 0 {
            shown.push('\u{1b}');
            shown.push_str(&piece[..length]);
            shown.push_str(&clean(&piece[length..]));
        } else {
            shown.push_str(&clean(&format!("\u{1b}{piece}")));
        }
    }
    shown
}

/// Length of `[31;1m` and its like, 0 of anything else.
fn colour(piece: &str) -> usize {
    let Some(rest) = piece.strip_prefix('[') else { return 0 };
    let numbers = rest.find(|c: char| !c.is_ascii_digit() && c != ';').unwrap_or(rest.len());
    if rest[numbers..].starts_with('m') { numbers + 2 } else { 0 }
}

/// JSON may hold DEL, the C1 controls and marks that reorder text as they are; a
/// terminal would obey them.
pub(super) fn escaped(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        if c != '\n' && (c.is_control() || reorders(c)) {
            text.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            text.push(c);
        }
    }
    text
}

/// Skips what follows ESC: CSI up to its final byte, OSC and its like up to BEL
/// or ST, anything else one character (ECMA-48). Never past the line's end: what
/// stands behind a sequence that was cut must not disappear with it.
fn escape(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match chars.next_if(|c| *c != '\n') {
        Some('[') => {
            while chars.next_if(|c| ('\u{20}'..='\u{3f}').contains(c)).is_some() {}
            chars.next_if(|c| ('\u{40}'..='\u{7e}').contains(c));
        }
        Some(']' | 'P' | '_' | '^' | 'X') => {
            while let Some(c) = chars.next_if(|c| *c != '\n') {
                if c == '\u{7}' || (c == '\u{1b}' && chars.next_if_eq(&'\\').is_some()) {
                    break;
                }
            }
        }
        _ => {}
    }
}

/// Bidirectional controls (Unicode 15, table 1 of UAX #9).
fn reorders(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
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
        assert_eq!(clean("a\u{1b}]0;cut\nb\u{1b}[1;\nc\u{1b}\nd"), "a\nb\nc\nd");
        assert_eq!(clean_line(" one\n\u{1b}[1mtwo\tthree\n"), "one two three");
        let text = "ä\u{1b}\u{85}\u{202e}b";
        assert_eq!(clean_in_place(text), "ä?¿\u{fffd}b");
        assert_eq!(clean_in_place(text).len(), text.len());
    }

    #[test]
    fn of_all_sequences_only_colours_reach_the_terminal() {
        assert_eq!(coloured("\u{1b}[1;31merror:\u{1b}[0m a\u{1b}[2Jb"), "\u{1b}[1;31merror:\u{1b}[0m ab");
        assert_eq!(coloured("\u{1b}]0;title\u{1b}\\x\u{1b}\u{1b}[31my\u{1b}[31"), "x\u{1b}[31my");
        assert_eq!(
            escaped("{\"a\":\"\u{9b}2J\u{7f}ä\u{202e}\"}\n"),
            "{\"a\":\"\\u009b2J\\u007fä\\u202e\"}\n"
        );
    }
}
