//! What happens to a file at any of its characters: it is read, or a problem
//! says where; never a panic.

use std::{fs, thread};

use hacluster::inventory;

use super::{cases, problems, shipped, shown};

const FILES: [&str; 2] = ["lab.toml", "cold-storage.toml"];

/// A small generator with a fixed seed, so that a failure comes again.
fn random(state: &mut u64) -> usize {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    usize::try_from(*state >> 33).unwrap()
}

/// Every problem has a place and a fix, and few characters make few problems.
fn check(name: &str, text: &str, most: usize) {
    let result = inventory::parse(name, text.as_bytes());
    for problem in problems(&result) {
        assert!(problem.place().span.end <= problem.source.text.len(), "{}", shown(problem));
        assert!(problem.help.is_some(), "{}", shown(problem));
    }
    let count = problems(&result).len();
    let all: String = problems(&result).iter().map(shown).collect();
    assert!(count <= most, "{count} problems of a few characters:\n{all}\n{text}");
    assert!(result.is_ok() || count > 0);
}

/// The same for many texts, on as many threads as the machine has.
fn check_all(texts: &[(String, String)], most: usize) {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for texts in texts.chunks(texts.len().div_ceil(threads)) {
            scope.spawn(move || texts.iter().for_each(|(name, text)| check(name, text, most)));
        }
    });
}

/// Every inventory there is that can be read, with warnings or without.
fn valid() -> Vec<(String, String)> {
    let read = |path: std::path::PathBuf| Some((path.display().to_string(), fs::read_to_string(path).ok()?));
    let shipped = FILES.iter().map(|name| ((*name).to_owned(), shipped(name)));
    let all = shipped.chain(cases().into_iter().filter_map(read));
    all.filter(|(name, text)| inventory::parse(name, text.as_bytes()).is_ok()).collect()
}

/// Found by `properties::inventory`.
#[test]
fn what_is_wrong_at_the_end_of_a_file_has_its_place_in_it() {
    for text in ["'''\n", "\"\"\"\n", "a = '''\n", "[cluster]\n'''\n"] {
        check("end.toml", text, 9);
    }
}

#[test]
fn any_character_may_be_missing() {
    let mut texts = Vec::new();
    for (name, text) in valid() {
        let chars: Vec<(usize, char)> = text.char_indices().collect();
        // Of equal neighbours each leaves the same text.
        let first = |at: &usize| *at == 0 || chars[*at].1 != chars[at - 1].1;
        for (at, char) in (0..chars.len()).filter(first).map(|at| chars[at]) {
            texts.push((name.clone(), [&text[..at], &text[at + char.len_utf8()..]].concat()));
        }
    }
    assert!(texts.len() >= 10_000, "{}", texts.len());
    check_all(&texts, 9);
}

#[test]
fn several_characters_may_be_missing_or_wrong() {
    const ODD: [char; 14] = ['"', '[', ']', '=', '\u{0}', '“', '\'', '{', '\\', 'é', '#', '\n', '.', '9'];
    let (mut state, mut texts) = (7, Vec::new());
    let originals = FILES.map(|name| shipped(name).chars().collect::<Vec<char>>());
    for round in 0..5_200 {
        let mut chars = originals[round % 2].clone();
        for _ in 0..=round % 3 {
            let (at, odd) = (random(&mut state) % chars.len(), ODD[random(&mut state) % ODD.len()]);
            match random(&mut state) % 3 {
                0 => drop(chars.remove(at)),
                1 => chars[at] = odd,
                _ => chars.insert(at, odd),
            }
        }
        texts.push((FILES[round % 2].to_owned(), chars.into_iter().collect()));
    }
    check_all(&texts, 12);
}
