//! A probe's answer may be anything: it gives facts or an error, what was printed is
//! read as it was meant, and nothing speaks for another section.

use std::collections::BTreeMap;

use hacluster::facts::{Fact, Needs, PackageFact, PathFact, PathType, UserFact, parse};
use proptest::collection::btree_map;
use proptest::prelude::*;
use proptest::sample::Index;
use toml::Table;

use super::{hold, text};
use crate::cases::answer::{NONCE, answer};
use crate::cases::everything::everything;
use crate::cases::hostile::{no_more_than, whole};

#[test]
fn any_bytes_give_facts_or_an_error() {
    let word = r"(b7c1e0 (begin|end|item|done) (identity|paths|checks|etcd:one|0|1) ?[01]?\n|disk=/ 1 2 3 4\n|\{}|:|\||=)";
    let piece = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..40),
        word.prop_map(String::into_bytes),
        text().prop_map(String::into_bytes),
    ];
    hold(64, prop::collection::vec(piece, 0..40), |pieces| {
        let _ = parse(&String::from_utf8_lossy(&pieces.concat()), &everything(), NONCE);
        Ok(())
    });
}

#[test]
fn an_answer_damaged_anywhere_gives_facts_or_an_error() {
    let whole = whole().into_bytes();
    let edits = prop::collection::vec((any::<Index>(), 0_usize..30, text()), 1..6);
    hold(64, edits, |edits| {
        let mut bytes = whole.clone();
        for (at, length, piece) in edits {
            let start = at.index(bytes.len());
            let end = (start + length).min(bytes.len());
            bytes.splice(start..end, piece.into_bytes());
        }
        let _ = parse(&String::from_utf8_lossy(&bytes), &everything(), NONCE);
        Ok(())
    });
}

#[test]
fn any_text_in_a_section_is_read() {
    let whole = whole();
    let lines: Vec<&str> =
        whole.lines().filter(|line| !line.is_empty() && !line.starts_with(NONCE)).collect();
    hold(64, (any::<Index>(), text()), |(at, noise)| {
        let line = lines[at.index(lines.len())];
        let _ = parse(&whole.replace(line, &noise), &everything(), NONCE);
        Ok(())
    });
}

/// Whoever can write into one answer cannot speak for another section.
#[test]
fn without_the_nonce_no_other_section_can_be_faked() {
    let needs = everything();
    let full = parse(&whole(), &needs, NONCE).unwrap();
    let line = "(b7c1e1|b7c1e|B7C1E0|0) (begin|end|item|done) (paths|ledger|0) ?[01]?";
    hold(64, prop::collection::vec(line, 1..6), |forged| {
        let forged = format!("\n{}\n\u{1b}[1A", forged.join("\nregular file|0777|evil|evil|/etc/it's\n"));
        prop_assume!(!forged.contains(NONCE));
        let text = whole().replace("text\n", &format!("text{forged}\n"));
        let mut facts = parse(&text, &needs, NONCE).unwrap();
        prop_assert_eq!(&facts.contents["/etc/a b"], &Fact::Present(format!("text{forged}")));
        facts.contents.clone_from(&full.contents);
        prop_assert_eq!(facts, full.clone());
        Ok(())
    });
}

#[test]
fn a_cut_answer_never_makes_anything_absent() {
    let (text, needs) = (whole(), everything());
    let full = parse(&text, &needs, NONCE).unwrap();
    hold(64, any::<Index>(), |at| {
        let cut = String::from_utf8_lossy(&text.as_bytes()[..at.index(text.len())]).into_owned();
        if let Ok(facts) = parse(&cut, &needs, NONCE) {
            no_more_than(&facts, &full);
        }
        Ok(())
    });
}

/// A path that a file can have and a line can hold.
fn path() -> impl Strategy<Value = String> {
    "/[ -~é]{1,20}".prop_filter("a link's arrow ends a name", |path| !path.contains(" -> "))
}

/// Rows of a host: mode, owner and hash by path, versions by package, number, group
/// and home by user, contents by path.
type Rows<T> = BTreeMap<String, T>;
type Host = (Rows<(String, String, String)>, Rows<String>, Rows<(u32, u32, String)>, Rows<String>);

fn host() -> impl Strategy<Value = Host> {
    let name = "[a-z_][a-z0-9_-]{0,8}";
    (
        btree_map(path(), ("0[0-7]{3}", name, "[0-9a-f]{64}"), 0..5),
        btree_map("[a-z][a-z0-9+.-]{1,9}", "[0-9][0-9a-z.+~:-]{0,9}", 0..4),
        btree_map(name, (any::<u32>(), any::<u32>(), "/[a-z/]{0,9}"), 0..4),
        btree_map(path(), text(), 0..4),
    )
}

/// sha256sum escapes a name with a backslash, and says so before the line.
fn hash_row(path: &str, hash: &str) -> String {
    let escaped = path.replace('\\', r"\\");
    if escaped == path { format!("{hash}  {path}") } else { format!("\\{hash}  {escaped}") }
}

/// What commands print for these rows, to one who asks for them.
fn told((paths, packages, users, contents): &Host) -> (String, Needs) {
    let mut sections = Table::new();
    let mut put = |name: &str, rows: Vec<String>| sections.insert(name.to_owned(), rows.join("\n").into());
    let path_row = |(path, (mode, owner, _)): (&String, &(String, String, String))| {
        format!("regular file|{mode}|{owner}|g|{path}")
    };
    let user_row = |(name, (uid, gid, home)): (&String, &(u32, u32, String))| {
        format!("{name}:x:{uid}:{gid}::{home}:/bin/sh")
    };
    put("paths", paths.iter().map(path_row).collect());
    put("hashes", paths.iter().map(|(path, (_, _, hash))| hash_row(path, hash)).collect());
    put("packages", packages.iter().map(|(name, version)| format!("{name}|ii |{version}")).collect());
    put("users", users.iter().map(user_row).collect());
    let items: Table = contents.iter().map(|(path, text)| (path.clone(), text.clone().into())).collect();
    sections.insert("contents".to_owned(), items.into());
    let mut needs = Needs::default();
    needs.paths.extend(paths.keys().cloned());
    needs.hashes.extend(paths.keys().cloned());
    needs.packages.extend(packages.keys().cloned());
    needs.users.extend(users.keys().cloned());
    needs.contents.extend(contents.keys().cloned());
    (answer(&sections, &needs), needs)
}

#[test]
fn what_a_host_has_is_what_is_read() {
    hold(64, host(), |host| {
        let (text, needs) = told(&host);
        let facts = parse(&text, &needs, NONCE).unwrap();
        let (paths, packages, users, contents) = host;
        for (path, (mode, owner, hash)) in paths {
            let (kind, group) = (PathType::File, "g".to_owned());
            let expected = PathFact { kind, mode, owner, group, target: None };
            prop_assert_eq!(&facts.paths[&path], &Fact::Present(expected));
            prop_assert_eq!(&facts.hashes[&path], &Fact::Present(hash));
        }
        for (name, version) in packages {
            let expected = PackageFact { version, status: "ii".to_owned(), unpacked: None };
            prop_assert_eq!(&facts.packages[&name], &Fact::Present(expected));
        }
        for (name, (uid, gid, home)) in users {
            let expected = UserFact { uid, gid, home, shell: "/bin/sh".to_owned() };
            prop_assert_eq!(&facts.users[&name], &Fact::Present(expected));
        }
        for (path, text) in contents {
            prop_assert_eq!(&facts.contents[&path], &Fact::Present(text));
        }
        Ok(())
    });
}
