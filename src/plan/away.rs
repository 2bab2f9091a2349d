//! Owns why a host takes no part: it is silent, not trusted, or of no use.
//! Must not know how hosts are reached.

use serde::Serialize;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Absence {
    /// No conversation came about, or it was lost.
    Silent,
    /// It answers, with a host key that is not trusted: a host that was made
    /// again, or somebody in between.
    Untrusted,
    /// It lets our user in, who cannot become root.
    NoRoot,
}

impl Absence {
    /// After a host's name.
    pub fn words(self) -> &'static str {
        match self {
            Self::Silent => "does not answer",
            Self::Untrusted => "shows a host key that is not trusted",
            Self::NoRoot => "does not let us become root",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Away {
    pub kind: Absence,
    /// What happened, where, and what to do.
    pub why: String,
}

impl From<String> for Away {
    fn from(why: String) -> Self {
        Self { kind: Absence::Silent, why }
    }
}
