//! Owns what a recipient looks like: a public key that a file is encrypted to.
//! Must not run anything: names of plugins are refused here, never executed.

use data_encoding::BASE64;

/// The human-readable part of a native key, and the length of its data.
const HRP: &str = "age";
const KEY_BYTES: usize = 32;
/// A length-prefixed type name and a length-prefixed key (RFC 8709).
const SSH_BYTES: usize = 4 + 11 + 4 + KEY_BYTES;

/// What is wrong with a recipient, and what helps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoRecipient {
    /// Follows "is".
    pub why: &'static str,
    pub fix: &'static str,
}

const fn no(why: &'static str, fix: &'static str) -> Result<(), NoRecipient> {
    Err(NoRecipient { why, fix })
}

pub fn check(text: &str) -> Result<(), NoRecipient> {
    let mut words = text.split_whitespace();
    let (first, second) = (words.next().unwrap_or_default(), words.next());
    match (first, second) {
        ("ssh-ed25519", Some(key)) => ssh(key),
        ("ssh-ed25519", None) => {
            no("an SSH key without the key itself", "copy the whole line of the .pub file")
        }
        (word, None) if word.starts_with("age1") => native(word),
        (word, _) if ["ssh-", "ecdsa-", "sk-"].iter().any(|kind| word.starts_with(kind)) => {
            no("an SSH key of another type", "write an ed25519 key; `ssh-keygen -t ed25519` makes one")
        }
        _ => no(
            "no recipient",
            "write the public key that `age-keygen` prints (age1...), or an ssh-ed25519 one",
        ),
    }
}

fn ssh(key: &str) -> Result<(), NoRecipient> {
    match BASE64.decode(key.as_bytes()) {
        Ok(bytes) if bytes.len() == SSH_BYTES && bytes[4..15] == *b"ssh-ed25519" => Ok(()),
        _ => no("a damaged SSH key", "copy the whole line of the .pub file"),
    }
}

fn native(word: &str) -> Result<(), NoRecipient> {
    let (hrp, data) = word.rsplit_once('1').unwrap_or_default();
    if hrp != HRP {
        return no(
            "a plugin's key",
            "write a plain age1... key: a plugin is a program, and hacluster runs none",
        );
    }
    match bech32(hrp, data) {
        Some(KEY_BYTES) => Ok(()),
        _ => no("a damaged age key: its check characters do not fit", "copy it again"),
    }
}

/// The data's length in bytes where the checksum of BIP 173 holds.
fn bech32(hrp: &str, data: &str) -> Option<usize> {
    const CHARACTERS: &str = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    const CHECK: usize = 6;
    let five = |c: char| CHARACTERS.find(c).and_then(|at| u32::try_from(at).ok());
    let data: Vec<u32> = data.chars().map(five).collect::<Option<_>>()?;
    let high = hrp.bytes().map(|b| u32::from(b) >> 5);
    let low = hrp.bytes().map(|b| u32::from(b) & 31);
    let all = high.chain([0]).chain(low).chain(data.iter().copied());
    let sum = all.fold(1, |sum: u32, value| {
        const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
        let bits = (0..5).filter(|bit| (sum >> (25 + bit)) & 1 == 1);
        bits.fold(((sum & 0x01ff_ffff) << 5) ^ value, |sum, bit| sum ^ GENERATOR[bit])
    });
    (sum == 1).then(|| data.len().saturating_sub(CHECK) * 5 / 8)
}

#[cfg(test)]
mod tests {
    use super::check;

    /// Made by `age-keygen` and `ssh-keygen -t ed25519`.
    const NATIVE: &str = "age1q93ev2v8xfkw20e4acmt0zh6l07x0gy0z9yyf74af7pgyvsjn57qf2u9mf";
    const SSH: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDMKZAtemg6iRDf97WnnUHWeY2Q+MymtVVtSJqsVPb5c";

    #[test]
    fn keys_that_age_takes() {
        for good in [NATIVE, SSH, &format!("{SSH} root@laptop")] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn and_what_it_does_not() {
        let typo = NATIVE.replacen("q93", "p93", 1);
        let short = &SSH[..SSH.len() - 4];
        let cases = [
            (typo.as_str(), "check characters"),
            (&NATIVE[..40], "check characters"),
            ("age1yubikey1qwertyuiop", "plugin"),
            ("ssh-rsa AAAAB3NzaC1yc2E=", "another type"),
            ("sk-ssh-ed25519@openssh.com AAAA", "another type"),
            ("ssh-ed25519", "without the key"),
            (short, "damaged SSH key"),
            ("me@example.org", "no recipient"),
            ("", "no recipient"),
        ];
        for (bad, why) in cases {
            let said = check(bad).unwrap_err().why;
            assert!(said.contains(why), "{bad}: {said}");
        }
    }
}
