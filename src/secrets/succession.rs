//! Owns how one authority follows another: three applies, after any part of which
//! every host still trusts every other. Must not know where certificates lie.

use serde::{Deserialize, Serialize};

use super::Secrets;
use crate::pki::Authority;

/// What the next `apply` is to make of the hosts. Only one that ended on every host
/// leads to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The next one is trusted too; the present one issues.
    Trust,
    /// The new one issues; the former one is still trusted.
    Issue,
    /// The former one is trusted no more.
    Drop,
}

impl Stage {
    fn next(self) -> Option<Self> {
        match self {
            Self::Trust => Some(Self::Issue),
            Self::Issue => Some(Self::Drop),
            Self::Drop => None,
        }
    }

    /// What an `apply` does now.
    pub fn now(self) -> &'static str {
        match self {
            Self::Trust => "1 of 3: every host learns to trust the next one too; certificates stay",
            Self::Issue => "2 of 3: every certificate comes from the new one; the former one is trusted too",
            Self::Drop => "3 of 3: hosts stop trusting the former one",
        }
    }

    /// What is true once an `apply` of it ended on every host, and what comes then.
    pub fn done(self) -> &'static str {
        match self {
            Self::Trust => {
                "Every host trusts both authorities. Before the next `apply`, which issues all certificates anew, give /etc/hacluster/pki/ca.crt of any host to every client that checks the database's certificate."
            }
            Self::Issue => {
                "Every certificate is the new authority's. The next `apply` makes hosts stop trusting the former one."
            }
            Self::Drop => "No host trusts the former authority any more.",
        }
    }
}

/// An authority that follows, or one that was followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Succession {
    pub stage: Stage,
    pub other: Authority,
}

impl Secrets {
    /// These, with an authority to come.
    #[must_use]
    pub fn succeeded_by(&self, other: Authority) -> Self {
        let succession = Some(Succession { stage: Stage::Trust, other });
        Self { succession, ..self.clone() }.following(self)
    }

    pub fn stage(&self) -> Option<Stage> {
        self.succession.as_ref().map(|succession| succession.stage)
    }

    /// Certificates of all that hosts are to trust, the oldest first: while the same two
    /// are trusted, the same text.
    pub fn trusted(&self) -> String {
        let own = self.authority.cert_pem.trim_end();
        match &self.succession {
            Some(Succession { stage: Stage::Trust, other }) => {
                format!("{own}\n{}\n", other.cert_pem.trim_end())
            }
            Some(Succession { stage: Stage::Issue, other }) => {
                format!("{}\n{own}\n", other.cert_pem.trim_end())
            }
            Some(Succession { stage: Stage::Drop, .. }) | None => format!("{own}\n"),
        }
    }

    /// The other one while one follows another.
    pub fn other_authority(&self) -> Option<&Authority> {
        self.succession.as_ref().map(|succession| &succession.other)
    }

    /// After an `apply` that ended on every host.
    pub(super) fn advanced(&self) -> (Authority, Option<Succession>) {
        let (own, Some(Succession { stage, other })) = (self.authority.clone(), self.succession.clone())
        else {
            return (self.authority.clone(), None);
        };
        let Some(next) = stage.next() else { return (own, None) };
        let (own, other) = if stage == Stage::Trust { (other, own) } else { (own, other) };
        (own, Some(Succession { stage: next, other }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::{LeafSpec, describe};

    const NOW: u64 = 1_790_000_000;

    /// Secrets before, in every stage, and after.
    fn course() -> Vec<Secrets> {
        let first = Secrets::generate("cold", NOW).unwrap();
        let begun = first.succeeded_by(Authority::generate("cold", NOW).unwrap());
        let mut all = vec![first, begun];
        while let Some(next) = all.last().and_then(Secrets::settled) {
            all.push(next);
        }
        all
    }

    /// Whether a host with all of `one` trusts a leaf that is issued with `other`.
    fn trusts(one: &Secrets, other: &Secrets) -> bool {
        let leaf = LeafSpec { common_name: None, names: vec!["n1".into()], usages: vec![], days: 1 };
        let leaf = describe(&other.authority.issue(&leaf, NOW).unwrap().0).unwrap();
        let bundle = one.trusted();
        let ends: Vec<&str> = bundle.split_inclusive("-----END CERTIFICATE-----\n").collect();
        let authority = |pem: &&str| Authority { cert_pem: (*pem).to_owned(), ..one.authority.clone() };
        ends.iter().map(authority).any(|authority| authority.signed(&leaf))
    }

    #[test]
    fn hosts_trust_each_other_at_every_point_between_two_stages() {
        let course = course();
        let stages: Vec<_> = course.iter().map(Secrets::stage).collect();
        assert_eq!(stages, [None, Some(Stage::Trust), Some(Stage::Issue), Some(Stage::Drop), None]);
        for pair in course.windows(2) {
            for (one, other) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                assert!(trusts(&pair[one], &pair[other]), "{:?}", [pair[one].stage(), pair[other].stage()]);
            }
        }
        let (first, last) = (&course[0], &course[4]);
        assert!(!trusts(first, last) && !trusts(last, first));
        // Nobody restarts for a bundle that says the same in another order.
        assert_eq!(course[1].trusted(), course[2].trusted());
    }

    #[test]
    fn no_key_of_either_is_shown() {
        for secrets in course() {
            let keys = secrets.succession.iter().map(|succession| &succession.other.key_pem);
            for key in keys.chain([&secrets.authority.key_pem]) {
                let line = key.expose().lines().nth(1).unwrap();
                assert_eq!(secrets.mask(line), "(authority key)");
            }
        }
    }
}
