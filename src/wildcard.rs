//! Owns patterns with `*` and `?`, as known-hosts files and our flags have them.
//! Must not know what is matched.

/// `*` is any text, `?` any one byte. Linear but for the last star.
pub fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(byte) if *byte == b'?' || *byte == text[t] => {
                p += 1;
                t += 1;
            }
            _ => {
                let Some((star_p, star_t)) = star else { return false };
                star = Some((star_p, star_t + 1));
                (p, t) = (star_p + 1, star_t + 1);
            }
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks() {
        // pattern, text, matches
        let cases = [
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("node?", "node1", true),
            ("node?", "node", false),
            ("*/unit:patroni.service", "node1/unit:patroni.service", true),
            ("*/unit:patroni.service", "node1/unit:patroni.service.d", false),
            ("node1/*", "node1/file:/etc/a/b", true),
            ("node1/*", "node10/file:/etc/a", false),
            ("1*1*1", "192.168.15.101", true),
            ("1*2*x", "192.168.15.101", false),
            ("a.c", "abc", false),
        ];
        for (pattern, text, matched) in cases {
            assert_eq!(matches(pattern, text), matched, "{pattern} / {text}");
        }
    }
}
