//! Owns the cases of the known-hosts policy, as data.
//! Must not know connections.

use super::*;

const A: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGtOvNZjR37kc38V9xQ7kks1667SDpmu0h2uyQoobnxs";
const A_PRINT: &str = "ssh-ed25519 SHA256:6V8kAT5UN0mo5BxjrlgCMo50h7Q+0A8bdVwMXX72As8";
const B: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIP6NF/xD8LE7xy+KtU/VJHow7VfYCorWQ07O5hh7IUjl";
const RSA: &str = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQC+76ctSflcuw2ILDfVf7x7BtX199hu8qspY2XR2QyL3E4PHsiZAZEogdS6mklc0ISE/wZVRvm98ic6QPYVIZTuo5Q3uKQAqH527j+OGc43PA3U/trXpuP1DcqD5kCsYn1NmZd6UpRhpgYqIiDlPcOlDrCh9NxYDsY1MfvuxxtxYAoG3yXT7mCSLI6QLyuLM/6/IZKWdEpxtXbeOqioEDV1h0YZq2hkhd7fKQLjIuO7s1gq6pOB6rzRhfj2DrSYw1/vf2I5k+f1jcivnpv1r3nQiGGDMVWURAVPFOIj8TDSPoqt2d2GnI2I6kLAxP+EaLA4hFXknfGdAq90yLNRHfRh";
/// Both made by `ssh-keygen -H` from A: port 22 and port 2222.
const HASHED: &str = "|1|mQX0y+Wb5qiM+hI+fAO7bAK42ao=|A+lZHhe8GOTLejuIE9D8QGG/sLc=";
const HASHED_2222: &str = "|1|M00uBLYv66uViw8zhouUlAIvySk=|JcV45knDwXnOqFMkGL53ODq8Ccg=";
const HOST: &str = "192.168.15.101";

fn key(line: &str) -> PublicKey {
    parse_public_key_base64(line.split(' ').nth(1).unwrap()).unwrap()
}

fn changed(line: usize) -> Verdict {
    Verdict::Changed { line, pinned: A_PRINT.into() }
}

fn unknown() -> Verdict {
    Verdict::Unknown { note: String::new() }
}

/// The file; who is asked for; the key shown; the verdict.
type Case = (String, &'static str, &'static str, Verdict);

fn check(cases: impl IntoIterator<Item = Case>) {
    for (text, host, shown, verdict) in cases {
        assert_eq!(KnownHosts::parse(&text).judge(host, &key(shown)), verdict, "{text}");
    }
}

#[test]
fn plain_lines() {
    check([
        (String::new(), HOST, A, unknown()),
        (format!("{HOST} {A}"), HOST, A, Verdict::Known),
        (format!("  {HOST}\t{A} a comment"), HOST, A, Verdict::Known),
        (format!("# {HOST} {A}"), HOST, A, unknown()),
        (format!("#\n\n{HOST} {A}"), HOST, B, changed(3)),
        (format!("{HOST} {A}\n{HOST} {B}"), HOST, B, Verdict::Known),
        (format!("node1,{HOST} {A}"), HOST, A, Verdict::Known),
        (format!("192.168.15.102 {A}"), HOST, A, unknown()),
        // another type than the pinned one is a change, not a new key
        (format!("{HOST} {A}"), HOST, RSA, changed(1)),
        (format!("{HOST} {RSA}\n{HOST} {A}"), HOST, B, changed(2)),
        (format!("{HOST} {RSA}"), HOST, RSA, Verdict::Known),
        (format!("{HOST} {A}\r\n"), HOST, A, Verdict::Known),
    ]);
}

#[test]
fn ports_hashes_and_patterns() {
    check([
        (format!("{HOST} {A}"), "[192.168.15.101]:2222", A, unknown()),
        (format!("[{HOST}]:2222 {A}"), "[192.168.15.101]:2222", A, Verdict::Known),
        (format!("{HASHED} {A}"), HOST, A, Verdict::Known),
        (format!("{HASHED} {A}"), HOST, B, changed(1)),
        (format!("{HASHED} {A}"), "192.168.15.102", A, unknown()),
        (format!("{HASHED_2222} {A}"), "[192.168.15.101]:2222", A, Verdict::Known),
        (format!("{HASHED_2222} {A}"), HOST, A, unknown()),
        (format!("192.168.15.* {A}"), HOST, A, Verdict::Known),
        (format!("192.168.*,!{HOST} {A}"), HOST, A, unknown()),
    ]);
}

#[test]
fn markers_and_lines_that_cannot_be_used() {
    check([
        // revoked wins over known; a revoked other key pins nothing
        (format!("{HOST} {A}\n@revoked * {A}"), HOST, A, Verdict::Revoked { line: 2 }),
        (format!("@revoked {HOST} {B}"), HOST, A, unknown()),
        (
            format!("@cert-authority * {A}"),
            HOST,
            A,
            Verdict::Unknown {
                note: " (line 1 trusts a certificate authority: host certificates are not supported, pin the key)"
                    .into(),
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
        ("garbage\n\u{0}\n@revoked\n@cert-authority x".into(), HOST, A, unknown()),
    ]);
}

#[test]
fn pinned_types_come_in_the_files_order() {
    let text = format!("{HOST} {RSA}\n@revoked {HOST} {B}\nother {B}\n{HASHED} {A}");
    let types = KnownHosts::parse(&text).pinned_types(HOST);
    assert_eq!(types.iter().map(Algorithm::as_str).collect::<Vec<_>>(), ["ssh-rsa", "ssh-ed25519"]);
}

#[test]
fn hosts_are_looked_up_as_ssh_spells_them() {
    let spell = |address: &str, port| lookup_name(address.parse().unwrap(), port);
    assert_eq!(spell("192.168.15.101", 22), "192.168.15.101");
    assert_eq!(spell("192.168.15.101", 2222), "[192.168.15.101]:2222");
    assert_eq!(spell("FD00::1", 22), "fd00::1");
    assert_eq!(spell("fd00::1", 2222), "[fd00::1]:2222");
}
