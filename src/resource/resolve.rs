//! Owns what filling in may need that a step's own text does not hold: templates,
//! secrets, the clock. Must not know any kind.

use crate::facts::Facts;
use crate::secrets::Secrets;

/// What a resource may ask for when its content is filled in: after the probe,
/// because templates may read facts.
pub trait Resolver {
    /// Renders a template by name for the resource's host.
    fn template(&self, name: &str) -> Result<String, ResolveError>;
    /// The cluster's secrets; `None` where they are not at hand (`drift-check`).
    fn secrets(&self) -> Option<&Secrets>;
    /// What its host told; for what may already be there in another form.
    fn facts(&self) -> &Facts;
    /// Seconds since 1970.
    fn now(&self) -> u64;
}

#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    #[error("{0}")]
    Render(#[from] crate::problem::Problems),
    #[error("{0}")]
    Pki(#[from] crate::pki::PkiError),
    #[error("the secret {0} {1}")]
    Password(String, crate::scram::PasswordError),
    /// Nothing is wrong: it just cannot be known without the secrets.
    #[error("needs the secrets, which are not at hand")]
    NoSecrets,
}
