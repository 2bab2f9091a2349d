//! Owns the cases of replacing a pin, as data, and what happens to the file.
//! Must not know connections.

use std::os::unix::fs::{PermissionsExt as _, symlink};

use russh::keys::parse_public_key_base64;

use super::*;

const HOST: &str = "192.168.15.101";
const OLD: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGtOvNZjR37kc38V9xQ7kks1667SDpmu0h2uyQoobnxs";
const NEW: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIP6NF/xD8LE7xy+KtU/VJHow7VfYCorWQ07O5hh7IUjl";
/// Made by `ssh-keygen -H` for HOST.
const HASHED: &str = "|1|mQX0y+Wb5qiM+hI+fAO7bAK42ao=|A+lZHhe8GOTLejuIE9D8QGG/sLc=";

fn key() -> Offered {
    Offered::new(parse_public_key_base64(NEW.split(' ').nth(1).unwrap()).unwrap())
}

/// The file before, and after.
#[test]
fn only_this_hosts_pin_goes() {
    let cases = [
        (String::new(), format!("{HOST} {NEW}\n")),
        (format!("other {OLD}"), format!("other {OLD}\n{HOST} {NEW}\n")),
        // in its place, with everything around it untouched
        (
            format!("# mine\r\n\n  other {OLD} a  comment\n{HOST} {OLD}\nlast {OLD}"),
            format!("# mine\r\n\n  other {OLD} a  comment\n{HOST} {NEW}\nlast {OLD}"),
        ),
        // keys of other types go too: any of them would be accepted later
        (
            format!("{HOST} {OLD}\nx {OLD}\n{HOST} ssh-rsa AAAAB3NzaC1yc2E\n"),
            format!("{HOST} {NEW}\nx {OLD}\n"),
        ),
        // a line for several hosts stays for the others
        (format!("node1,{HOST},db {OLD} c\n"), format!("{HOST} {NEW}\nnode1,db {OLD} c\n")),
        (format!("\t{HOST},node1 {OLD}\n"), format!("{HOST} {NEW}\n\tnode1 {OLD}\n")),
        (format!("{HOST},!10.0.0.1 {OLD}\n"), format!("{HOST} {NEW}\n")),
        // a pattern goes on without it
        (format!("192.168.15.* {OLD}\n"), format!("{HOST} {NEW}\n192.168.15.*,!{HOST} {OLD}\n")),
        (format!("192.168.*,!{HOST} {OLD}\n"), format!("192.168.*,!{HOST} {OLD}\n{HOST} {NEW}\n")),
        // marked lines and comments are no pins
        (
            format!("@revoked * {OLD}\n@cert-authority {HOST} {OLD}\n#{HOST} {OLD}\n"),
            format!("@revoked * {OLD}\n@cert-authority {HOST} {OLD}\n#{HOST} {OLD}\n{HOST} {NEW}\n"),
        ),
        // another port is another host
        (format!("[{HOST}]:2222 {OLD}\n"), format!("[{HOST}]:2222 {OLD}\n{HOST} {NEW}\n")),
    ];
    for (before, after) in cases {
        assert_eq!(repin(&before, HOST, NEW), after, "{before}");
        assert_eq!(repin(&after, HOST, NEW), after, "a second time: {before}");
    }
}

#[test]
fn a_hashed_name_is_found_and_stays_hashed() {
    let new = repin(&format!("a {OLD}\n{HASHED} {OLD}\nb {OLD}\n"), HOST, NEW);
    let lines: Vec<&str> = new.lines().collect();
    assert_eq!((lines.len(), lines[0], lines[2]), (3, &*format!("a {OLD}"), &*format!("b {OLD}")));
    let (name, key) = lines[1].split_once(' ').unwrap();
    assert!(name.starts_with("|1|") && host_pattern::means(name, &[HOST]) && key == NEW, "{new}");
    assert_eq!(repin(&new, "192.168.15.102", NEW), format!("{new}192.168.15.102 {NEW}\n"));
}

#[test]
fn the_file_keeps_its_mode_and_a_link_stays_one() {
    let dir = tempfile::tempdir().unwrap();
    let (file, link) = (dir.path().join("known_hosts"), dir.path().join("link"));
    fs::write(&file, format!("{HOST} {OLD}\n")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    symlink(&file, &link).unwrap();
    put(&link, HOST, &key()).unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap(), format!("{HOST} {NEW}\n"));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2, "a temporary file stayed");
    // A file that is not there is made, with its folder, for its owner alone.
    let fresh = dir.path().join(".ssh/known_hosts");
    put(&fresh, HOST, &key()).unwrap();
    assert_eq!(fs::metadata(&fresh).unwrap().permissions().mode() & 0o777, 0o600);
    // One that cannot be read as text is left alone.
    fs::write(&file, [0xff, b'\n']).unwrap();
    assert!(put(&file, HOST, &key()).is_err());
    assert_eq!(fs::read(&file).unwrap(), [0xff, b'\n']);
}

#[test]
fn pins_made_at_once_are_all_there() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("known_hosts");
    std::thread::scope(|scope| {
        for number in 0..8 {
            let file = &file;
            scope.spawn(move || put(file, &format!("10.0.0.{number}"), &key()).unwrap());
        }
    });
    assert_eq!(fs::read_to_string(&file).unwrap().lines().count(), 8);
}
