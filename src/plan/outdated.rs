//! Owns whether secrets are the newest that hosts were given, or came of them.
//! Must not know what is in them.

use super::Observed;
use crate::secrets::{Secrets, number};

/// A host was given others than these came of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.text())]
pub struct Outdated {
    pub host: String,
    /// Numbers of generations: of what the host was given, and of these.
    pub given: u64,
    pub own: u64,
}

impl Outdated {
    fn text(&self) -> String {
        let Self { host, given, own } = self;
        if given > own {
            format!(
                "generation {own} of the secrets is here, and {host} was given generation {given}: \
                 somebody changed them since; nothing was done"
            )
        } else {
            format!(
                "generation {own} of the secrets is here, and did not come of the generation {given} that {host} was given: \
                 two people changed the same ones; nothing was done"
            )
        }
    }

    pub fn hint(&self) -> String {
        let newest = "take the newest secrets file: `git pull` where it is in git, else copy it from whoever applied last";
        if self.given > self.own {
            newest.to_owned()
        } else {
            format!("{newest}; then make your own change in it once more")
        }
    }
}

impl Observed {
    /// With other secrets hosts would be given back what somebody replaced. Of several
    /// hosts the one that was given the newest.
    pub fn outdated(&self, secrets: &Secrets) -> Option<Outdated> {
        let given = |(host, ledger): (String, crate::ledger::Ledger)| {
            let given = ledger.secrets.filter(|given| !secrets.came_of(given))?;
            Some(Outdated { host, given: number(Some(&given)), own: number(secrets.generation()) })
        };
        self.ledgers().into_iter().filter_map(given).max_by_key(|outdated| outdated.given)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::facts::Facts;
    use crate::ledger::Ledger;

    fn observed(given: &[(&str, Option<&Secrets>)]) -> Observed {
        let facts = |secrets: Option<&Secrets>| {
            let given = secrets.and_then(|secrets| secrets.generation()).map(str::to_owned);
            let ledger = Ledger { secrets: given, ..Ledger::new("cold", "salt".into()) };
            Facts { ledger: serde_json::to_string(&ledger).ok(), ..Facts::default() }
        };
        let all = given.iter().map(|(host, secrets)| ((*host).to_owned(), facts(*secrets)));
        Observed::new(all.collect(), BTreeMap::new(), 1)
    }

    #[test]
    fn any_host_that_was_given_newer_ones_is_named() {
        let first = Secrets::generate("cold", 1_790_000_000).unwrap();
        let turned = first.rotated(&["postgres.replication"]);
        let settled = turned.settled().unwrap();
        let said = |hosts: &[(&str, Option<&Secrets>)], own: &Secrets| {
            observed(hosts).outdated(own).map(|outdated| format!("{outdated}\n{}", outdated.hint()))
        };
        let hosts = [("n1", None), ("n2", Some(&turned)), ("n3", Some(&first))];
        for own in [&turned, &settled] {
            assert_eq!(said(&hosts, own), None);
        }
        insta::assert_snapshot!(said(&hosts, &first).unwrap(), @"
        generation 0 of the secrets is here, and n2 was given generation 1: somebody changed them since; nothing was done
        take the newest secrets file: `git pull` where it is in git, else copy it from whoever applied last
        ");
        let more = [("n1", Some(&settled)), ("n2", Some(&turned))];
        assert!(said(&more, &first).unwrap().contains("n1 was given generation 2"));
        assert!(said(&more, &turned).unwrap().contains("and n1 was given generation 2"));
        let other = first.rotated(&["postgres.replication"]);
        insta::assert_snapshot!(said(&hosts, &other).unwrap(), @"
        generation 1 of the secrets is here, and did not come of the generation 1 that n2 was given: two people changed the same ones; nothing was done
        take the newest secrets file: `git pull` where it is in git, else copy it from whoever applied last; then make your own change in it once more
        ");
        // Ledgers of before tell nothing.
        assert_eq!(said(&[("n1", None), ("n2", Some(&first))], &first), None);
    }
}
