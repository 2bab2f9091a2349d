//! Owns how secrets change, and which came of which: every change is a generation
//! that knows all those before it. Must not know who was given one.

use std::collections::BTreeMap;

use super::{GENERATED, Secrets, disk, values};
use crate::scram::keyed;
use crate::secret::Secret;

/// Values of before that are kept of one name: so often may it change without an apply.
const KEPT: usize = 5;
/// Characters of a digest: tells apart what two people made of the same secrets.
const DIGEST: usize = 8;

impl Secrets {
    /// The newest generation's name: its number and a keyed digest of what it holds.
    /// `None` where nothing was changed since they were made.
    pub fn generation(&self) -> Option<&str> {
        self.generations.last().map(String::as_str)
    }

    /// Whether they are those of that name, or came of them.
    pub fn came_of(&self, generation: &str) -> bool {
        self.generations.iter().any(|own| own == generation)
    }

    /// These as a change of `before`, if anything is otherwise. Whoever makes the same
    /// of the same gets the same name.
    pub(super) fn following(mut self, before: &Self) -> Self {
        if self != *before {
            let text = disk::text(&self).unwrap_or_else(|_| Secret::new(String::new()));
            let digest = keyed(&self.authority.key_pem, text.expose());
            self.generations.push(format!("{}-{}", self.generations.len() + 1, &digest[..DIGEST]));
        }
        self
    }

    /// These, and new values of these names where they have none.
    #[must_use]
    pub fn with(&self, names: &[&str]) -> Self {
        let mut all = values(names);
        all.extend(self.values.clone());
        Self { values: all, ..self.clone() }.following(self)
    }

    /// These, with one value that somebody chose.
    #[must_use]
    pub fn set(&self, name: &str, value: Secret) -> Self {
        self.holding([(name.to_owned(), value)]).following(self)
    }

    /// These, with new values of these names.
    #[must_use]
    pub fn rotated(&self, names: &[&str]) -> Self {
        self.holding(values(names)).following(self)
    }

    /// These, with the values of an edited text; else the line that is wrong.
    pub fn edited(&self, text: &str) -> Result<Self, usize> {
        let values = disk::parse_values(text)?;
        let changed = self.holding(values.clone());
        Ok(Self { values, ..changed }.following(self))
    }

    /// Once an `apply` ended on every host; `None` where nothing waits for that.
    pub fn settled(&self) -> Option<Self> {
        if self.previous.is_empty() && self.succession.is_none() {
            return None;
        }
        let (authority, succession) = self.advanced();
        let settled = Self { authority, succession, previous: BTreeMap::new(), ..self.clone() };
        Some(settled.following(self))
    }

    fn holding(&self, values: impl IntoIterator<Item = (String, Secret)>) -> Self {
        let mut all = self.clone();
        for (name, value) in values {
            if self.get(&name) == Some(&value) {
                continue;
            }
            if let Some(old) = all.values.insert(name.clone(), value)
                && GENERATED.contains(&&*name)
            {
                let kept = all.previous.entry(name).or_default();
                kept.insert(0, old);
                kept.truncate(KEPT);
            }
        }
        all
    }
}

/// The number in a generation's name; 0 where there is none.
pub fn number(generation: Option<&str>) -> u64 {
    generation.and_then(|name| name.split('-').next()?.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::Authority;

    const NOW: u64 = 1_790_000_000;

    fn numbers(course: &[&Secrets]) -> Vec<u64> {
        course.iter().map(|secrets| number(secrets.generation())).collect()
    }

    #[test]
    fn every_change_is_a_generation_and_nothing_else_is() {
        let made = Secrets::generate("cold", NOW).unwrap();
        let user = made.with(&["postgres-app"]);
        let chosen = user.set("postgres-app", Secret::new("chosen by somebody"));
        let turned = chosen.rotated(&["etcd.root", "etcd.patroni", "patroni.rest"]);
        let text = turned.editable().unwrap();
        let text = text.expose().replace("chosen by somebody", "chosen by another");
        let edited = turned.edited(&text).unwrap();
        let begun = edited.succeeded_by(Authority::generate("cold", NOW).unwrap());
        let issues = begun.settled().unwrap();
        let drops = issues.settled().unwrap();
        let over = drops.settled().unwrap();
        let course = [&made, &user, &chosen, &turned, &edited, &begun, &issues, &drops, &over];
        assert_eq!(numbers(&course), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
        for (place, older) in course.iter().enumerate() {
            for (other, newer) in course.iter().enumerate().filter(|(other, _)| *other > 0) {
                let came = older.came_of(newer.generation().unwrap());
                assert_eq!(came, other <= place, "{place} of {other}");
            }
        }
        let same = [
            user.with(&["postgres-app", "etcd.root"]),
            user.set("etcd.root", user.get("etcd.root").unwrap().clone()),
            user.rotated(&[]),
            user.edited(user.editable().unwrap().expose()).unwrap(),
        ];
        assert!(same.iter().all(|same| *same == user));
    }

    /// Whoever settles the same did not go another way; whoever makes a value of his own did.
    #[test]
    fn what_two_make_of_the_same_is_told_apart_by_what_it_is() {
        let base = Secrets::generate("cold", NOW).unwrap().rotated(&["etcd.root"]);
        assert_eq!(base.settled(), base.settled());
        let (mine, theirs) = (base.rotated(&["patroni.rest"]), base.rotated(&["patroni.rest"]));
        assert_eq!(numbers(&[&mine, &theirs]), [2, 2]);
        assert!(!mine.came_of(theirs.generation().unwrap()));
        assert!(!mine.rotated(&["etcd.root"]).came_of(theirs.generation().unwrap()));
        assert!(mine.came_of(base.generation().unwrap()));
    }

    #[test]
    fn a_name_tells_nothing_of_a_value_and_anybody_may_have_written_it() {
        let made = Secrets::generate("cold", NOW).unwrap().rotated(&["etcd.root"]);
        let name = made.generation().unwrap();
        assert_eq!((name.len(), &name[..2]), (2 + DIGEST, "1-"));
        assert_eq!([None, Some(""), Some("x-1"), Some("12")].map(number), [0, 0, 0, 12]);
    }
}
