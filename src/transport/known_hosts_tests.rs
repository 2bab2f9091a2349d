//! Owns the cases of the known-hosts policy, as data.
//! Must not know connections.

use super::*;

const A: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGtOvNZjR37kc38V9xQ7kks1667SDpmu0h2uyQoobnxs";
const B: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIP6NF/xD8LE7xy+KtU/VJHow7VfYCorWQ07O5hh7IUjl";
const RSA: &str = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQC+76ctSflcuw2ILDfVf7x7BtX199hu8qspY2XR2QyL3E4PHsiZAZEogdS6mklc0ISE/wZVRvm98ic6QPYVIZTuo5Q3uKQAqH527j+OGc43PA3U/trXpuP1DcqD5kCsYn1NmZd6UpRhpgYqIiDlPcOlDrCh9NxYDsY1MfvuxxtxYAoG3yXT7mCSLI6QLyuLM/6/IZKWdEpxtXbeOqioEDV1h0YZq2hkhd7fKQLjIuO7s1gq6pOB6rzRhfj2DrSYw1/vf2I5k+f1jcivnpv1r3nQiGGDMVWURAVPFOIj8TDSPoqt2d2GnI2I6kLAxP+EaLA4hFXknfGdAq90yLNRHfRh";
/// Both made by `ssh-keygen -H` from A: port 22 and port 2222.
const HASHED: &str = "|1|mQX0y+Wb5qiM+hI+fAO7bAK42ao=|A+lZHhe8GOTLejuIE9D8QGG/sLc=";
const HASHED_2222: &str = "|1|M00uBLYv66uViw8zhouUlAIvySk=|JcV45knDwXnOqFMkGL53ODq8Ccg=";
const HOST: &str = "192.168.15.101";
const FILE: &str = "known_hosts";

fn key(line: &str) -> PublicKey {
    parse_public_key_base64(line.split(' ').nth(1).unwrap()).unwrap()
}

fn place(line: usize) -> Place {
    Place { file: FILE.into(), line }
}

/// `A` is pinned there.
fn changed(line: usize) -> Verdict {
    Verdict::Changed { pin: Pin { place: place(line), key: key(A) } }
}

fn lookup(host: &str) -> Lookup {
    match host.strip_prefix('[').and_then(|rest| rest.split_once("]:")) {
        Some((host, port)) => Lookup::new(host, port.parse().unwrap()),
        None => Lookup::new(host, 22),
    }
}

fn unknown() -> Verdict {
    Verdict::Unknown { note: String::new() }
}

fn read(text: &str) -> KnownHosts {
    KnownHosts::parse(FILE.as_ref(), text)
}

/// The file; who is asked for; the key shown; the verdict.
type Case = (String, &'static str, &'static str, Verdict);

fn check(cases: impl IntoIterator<Item = Case>) {
    for (text, host, shown, verdict) in cases {
        assert_eq!(read(&text).judge(&lookup(host), &key(shown)), verdict, "{text}");
    }
}

#[test]
fn plain_lines() {
    check([
        (String::new(), HOST, A, unknown()),
        (format!("{HOST} {A}"), HOST, A, Verdict::Trusted),
        (format!("  {HOST}\t{A} a comment"), HOST, A, Verdict::Trusted),
        (format!("# {HOST} {A}"), HOST, A, unknown()),
        (format!("#\n\n{HOST} {A}"), HOST, B, changed(3)),
        (format!("{HOST} {A}\n{HOST} {B}"), HOST, B, Verdict::Trusted),
        (format!("node1,{HOST} {A}"), HOST, A, Verdict::Trusted),
        (format!("192.168.15.102 {A}"), HOST, A, unknown()),
        // another type than the pinned one is a change, not a new key
        (format!("{HOST} {A}"), HOST, RSA, changed(1)),
        (format!("{HOST} {RSA}\n{HOST} {A}"), HOST, B, changed(2)),
        (format!("{HOST} {RSA}"), HOST, RSA, Verdict::Trusted),
        (format!("{HOST} {A}\r\n"), HOST, A, Verdict::Trusted),
        (format!("node1, {HOST} {A}"), HOST, A, unknown()),
        (format!("{HOST},[{HOST}]:2222,node1 {A}"), HOST, A, Verdict::Trusted),
        (format!(" \t {HOST}   {A}"), HOST, A, Verdict::Trusted),
        (format!("   # {HOST} {A}"), HOST, A, unknown()),
        (format!("{HOST} {RSA}\n{HOST} {A}"), HOST, RSA, Verdict::Trusted),
    ]);
}

#[test]
fn ports_hashes_and_patterns() {
    check([
        (format!("{HOST} {A}"), "[192.168.15.101]:2222", A, unknown()),
        (format!("[{HOST}]:2222 {A}"), "[192.168.15.101]:2222", A, Verdict::Trusted),
        (format!("{HASHED} {A}"), HOST, A, Verdict::Trusted),
        (format!("{HASHED} {A}"), HOST, B, changed(1)),
        (format!("{HASHED} {A}"), "192.168.15.102", A, unknown()),
        (format!("{HASHED_2222} {A}"), "[192.168.15.101]:2222", A, Verdict::Trusted),
        (format!("{HASHED_2222} {A}"), HOST, A, unknown()),
        (format!("192.168.15.* {A}"), HOST, A, Verdict::Trusted),
        (format!("192.168.*,!{HOST} {A}"), HOST, A, unknown()),
    ]);
}

#[test]
fn markers_and_lines_that_cannot_be_used() {
    check([
        // revoked wins over known; a revoked other key pins nothing
        (format!("{HOST} {A}\n@revoked * {A}"), HOST, A, Verdict::Revoked { place: place(2) }),
        (format!("@revoked {HOST} {B}"), HOST, A, unknown()),
        (
            format!("@cert-authority * {A}"),
            HOST,
            A,
            Verdict::Unknown {
                note: " (a certificate authority is trusted for it, and it shows no certificate)".into(),
            },
        ),
        (
            format!("{HOST} ssh-ed25519 AAAA"),
            HOST,
            A,
            Verdict::Unknown { note: " (the key of line 1 cannot be read)".into() },
        ),
        (
            format!("{HOST} {}", A.replace("ssh-ed25519", "ssh-rsa")),
            HOST,
            A,
            Verdict::Unknown { note: " (the key of line 1 cannot be read)".into() },
        ),
        (format!("@REVOKED {HOST} {A}"), HOST, A, unknown()),
        (format!("@revoked\t  {HOST}\t{A} stolen\r\n"), HOST, A, Verdict::Revoked { place: place(1) }),
        (format!("@revoked {HASHED} {A}\n{HOST} {A}"), HOST, A, Verdict::Revoked { place: place(1) }),
        (format!("@revoked [{HOST}]:2222 {A}\n{HOST} {A}"), HOST, A, Verdict::Trusted),
        // a revoked key that is pinned as well pins all the same
        (format!("@revoked * {A}\n{HOST} {A}"), HOST, B, changed(2)),
        (format!("@cert-authority * {B}\n{HOST} {A}"), HOST, A, Verdict::Trusted),
        ("garbage\n\u{0}\n@revoked\n@cert-authority x".into(), HOST, A, unknown()),
    ]);
}

#[test]
fn pins_come_in_the_files_order() {
    let text = format!("{HOST} {RSA}\n@revoked {HOST} {B}\nother {B}\n{HASHED} {A}");
    let pins: Vec<Pin> = read(&text).pins(&lookup(HOST)).collect();
    assert_eq!(pins, [Pin { place: place(1), key: key(RSA) }, Pin { place: place(4), key: key(A) }]);
}

#[test]
fn files_are_read_in_order_and_may_be_missing() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    std::fs::write(at("user"), format!("# ours\n{HOST} {A}\n")).unwrap();
    std::fs::write(at("global"), [format!("@revoked * {A}\n").as_bytes(), b"caf\xe9"].concat()).unwrap();
    let known = KnownHosts::read(&[at("user"), at("absent")]).unwrap();
    assert_eq!(known.judge(&lookup(HOST), &key(A)), Verdict::Trusted);
    let known = KnownHosts::read(&[at("user"), at("global")]).unwrap();
    let revoked = Verdict::Revoked { place: Place { file: at("global"), line: 1 } };
    assert_eq!(known.judge(&lookup(HOST), &key(A)), revoked);
    assert_eq!(KnownHosts::read(&[dir.path().to_owned()]).unwrap_err().0, dir.path());
}

#[test]
fn hosts_are_looked_up_as_ssh_spells_them() {
    let spell = |address: &str, port| Lookup::new(address, port).to_string();
    assert_eq!(spell("192.168.15.101", 22), "192.168.15.101");
    assert_eq!(spell("192.168.15.101", 2222), "[192.168.15.101]:2222");
    assert_eq!(spell("Bastion.Example", 22), "bastion.example");
    assert_eq!(spell("fd00::1", 2222), "[fd00::1]:2222");
}
