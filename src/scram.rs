//! Owns SCRAM-SHA-256 verifiers (RFC 5802, RFC 7677): what `PostgreSQL` keeps in
//! place of a password. Must not know whose password it is.

use data_encoding::{BASE64, HEXLOWER};
use hmac::{Hmac, KeyInit as _, Mac as _};
use pbkdf2::pbkdf2_hmac_array;
use sha2::{Digest as _, Sha256};

use crate::secret::Secret;

/// `PostgreSQL`'s own default; every login pays for it on the client.
const ITERATIONS: u32 = 4096;
/// More than this is no verifier anybody made for use: it would only cost time.
const MOST_ITERATIONS: u32 = 1_000_000;
/// Bytes of a salt, as `PostgreSQL` takes.
const SALT: usize = 16;
const PREFIX: &str = "SCRAM-SHA-256$";

/// Why a password cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    #[error("is empty")]
    Empty,
    /// Others would have to be normalised as each client does (`SASLprep`).
    #[error("has other characters than printable ASCII ones")]
    NotAscii,
}

fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return [0; 32] };
    mac.update(message);
    mac.finalize().into_bytes().into()
}

/// A text that only whoever has the key could have made, in hexadecimal.
pub fn keyed(key: &Secret, message: &str) -> String {
    HEXLOWER.encode(&hmac(key.expose().as_bytes(), message.as_bytes()))
}

fn make(password: &str, salt: &[u8], iterations: u32) -> Secret {
    let salted: [u8; 32] = pbkdf2_hmac_array::<Sha256, 32>(password.as_bytes(), salt, iterations);
    let stored = Sha256::digest(hmac(&salted, b"Client Key"));
    let server = hmac(&salted, b"Server Key");
    Secret::new(format!(
        "{PREFIX}{iterations}:{}${}:{}",
        BASE64.encode(salt),
        BASE64.encode(&stored),
        BASE64.encode(&server)
    ))
}

/// Refuses what would not mean the same to every client.
fn check(password: &str) -> Result<(), PasswordError> {
    if password.is_empty() {
        return Err(PasswordError::Empty);
    }
    let plain = password.chars().all(|c| c == ' ' || c.is_ascii_graphic());
    if plain { Ok(()) } else { Err(PasswordError::NotAscii) }
}

/// The verifier that `found` should be: `found` itself where it was made from
/// `password`, else a new one. Its salt follows from `key`, which no host has,
/// so the same question has the same answer and tells nothing of the password.
pub fn verifier(
    password: &Secret,
    user: &str,
    key: &Secret,
    found: Option<&Secret>,
) -> Result<Secret, PasswordError> {
    check(password.expose())?;
    if let Some(found) = found.filter(|found| proves(found, password)) {
        return Ok(found.clone());
    }
    let message = format!("hacluster scram salt\0{user}\0{}", password.expose());
    let salt = hmac(key.expose().as_bytes(), message.as_bytes());
    Ok(make(password.expose(), &salt[..SALT], ITERATIONS))
}

/// Whether `found` was made from `password`, by the salt and iterations in it.
fn proves(found: &Secret, password: &Secret) -> bool {
    let parts = || -> Option<(u32, Vec<u8>)> {
        let (head, _) = found.expose().strip_prefix(PREFIX)?.split_once('$')?;
        let (iterations, salt) = head.split_once(':')?;
        let iterations = iterations.parse().ok().filter(|n| (1..=MOST_ITERATIONS).contains(n))?;
        Some((iterations, BASE64.decode(salt.as_bytes()).ok()?))
    };
    parts().is_some_and(|(iterations, salt)| make(password.expose(), &salt, iterations) == *found)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 7677, as `PostgreSQL` would keep it.
    const PENCIL: &str = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";

    fn secret(text: &str) -> Secret {
        Secret::new(text)
    }

    #[test]
    fn what_was_found_stays_where_the_password_fits() {
        let (key, found) = (secret("key"), secret(PENCIL));
        let judged = |password: &str| verifier(&secret(password), "user", &key, Some(&found)).unwrap();
        assert_eq!(judged("pencil"), found);
        assert_ne!(judged("Pencil"), found);
    }

    #[test]
    fn a_new_one_is_the_same_every_time_and_fits() {
        let of = |password: &str, user: &str, key: &str| {
            verifier(&secret(password), user, &secret(key), None).unwrap()
        };
        let made = of("pencil", "app", "key");
        assert!(proves(&made, &secret("pencil")) && !proves(&made, &secret("pencils")));
        assert_eq!(made, of("pencil", "app", "key"));
        let salt = |secret: &Secret| secret.expose().split('$').nth(1).unwrap().to_owned();
        for other in [of("pencil", "other", "key"), of("pencil", "app", "yek"), of("Pencil", "app", "key")] {
            assert_ne!(salt(&made), salt(&other));
        }
        assert_eq!(verifier(&secret("pencil"), "app", &secret("x"), Some(&made)).unwrap(), made);
    }

    #[test]
    fn anything_else_that_was_found_is_replaced() {
        let huge = PENCIL.replace("4096", "4000000000");
        for found in ["md5a3556571e93b0d20722ba62be61e8c2d", "", "SCRAM-SHA-256$", &huge, &PENCIL[..60]] {
            let made = verifier(&secret("pencil"), "app", &secret("key"), Some(&secret(found))).unwrap();
            assert!(proves(&made, &secret("pencil")), "{found}");
        }
    }

    #[test]
    fn passwords_that_clients_read_differently_are_refused() {
        let made = |password: &str| verifier(&secret(password), "app", &secret("key"), None);
        assert_eq!(made(""), Err(PasswordError::Empty));
        assert_eq!(made("pässword"), Err(PasswordError::NotAscii));
        assert_eq!(made("a\tb"), Err(PasswordError::NotAscii));
        assert!(made(r#"a b'"\$"#).is_ok());
    }
}
