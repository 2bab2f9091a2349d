//! Owns the difference between what is wanted and what is there.
//! Must not know any kind of resource.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Named values, in the order of their names. No secret stands here: secret
/// content is present as a hash only.
pub type Fields = BTreeMap<String, String>;

/// Fields that hold a hash of what nobody may read: contents, passwords. People
/// are told that they differ, ledgers keep them keyed.
pub fn sealed(name: &str) -> bool {
    matches!(name, "content" | "password")
}

/// The value of a field that says what is owed, and why where more is known.
pub(crate) fn owes(word: &str, why: Option<&str>) -> String {
    why.map_or_else(|| format!("owes a {word}"), |why| format!("owes a {word}: {why}"))
}

/// What such a value says is owed: `restart`, `reload`.
pub fn owed(value: &str) -> Option<&str> {
    let owed = value.strip_prefix("owes a ")?;
    Some(owed.split_once(':').map_or(owed, |(word, _)| word))
}

/// Why it is owed, where more is known than that something changed.
pub fn owed_for(value: &str) -> Option<&str> {
    value.strip_prefix("owes a ")?.split_once(": ").map(|(_, why)| why)
}

/// Makes fields from pairs.
pub(crate) fn fields<const N: usize>(pairs: [(&str, &str); N]) -> Fields {
    pairs.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
}

/// What was observed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Have {
    Absent,
    Fields(Fields),
    Unreadable(String),
    /// Cannot be known before something else is done.
    Late(String),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    pub name: String,
    pub from: String,
    pub to: String,
}

/// What has to happen to one resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    None,
    Create(Vec<Field>),
    Update(Vec<Field>),
    Remove,
    /// It stays on the host, and is hacluster's no more.
    Forget(String),
    /// Conditional: it will be probed again when its predecessors are done.
    Late(String),
    Unreadable(String),
    /// It would do harm now; why.
    Refused(String),
}

impl Change {
    pub fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    /// Something has to be done on the host, or may have to be.
    pub fn is_work(&self) -> bool {
        !matches!(self, Self::None | Self::Forget(_))
    }

    /// Why nothing can be done about it now.
    pub fn held(&self) -> Option<&str> {
        match self {
            Self::Late(why) | Self::Unreadable(why) | Self::Refused(why) => Some(why),
            _ => None,
        }
    }

    /// The new value of a field that changes.
    pub fn to(&self, name: &str) -> Option<&str> {
        let (Self::Create(fields) | Self::Update(fields)) = self else { return None };
        fields.iter().find(|f| f.name == name).map(|f| f.to.as_str())
    }

    pub fn fields(&self) -> &[Field] {
        match self {
            Self::Create(fields) | Self::Update(fields) => fields,
            _ => &[],
        }
    }
}

/// Compares by name; a name that only one side has counts as empty on the other.
pub(crate) fn compare(want: Option<Fields>, have: Have) -> Change {
    let have = match have {
        Have::Unreadable(why) => return Change::Unreadable(why),
        Have::Late(why) => return Change::Late(why),
        Have::Absent => None,
        Have::Fields(fields) => Some(fields),
    };
    match (want, have) {
        (None, None) => Change::None,
        (None, Some(_)) => Change::Remove,
        (Some(want), None) => {
            let field = |(name, to)| Field { name, from: String::new(), to };
            Change::Create(want.into_iter().map(field).collect())
        }
        (Some(want), Some(mut have)) => {
            let changed: Vec<Field> = want
                .into_iter()
                .map(|(name, to)| Field { from: have.remove(&name).unwrap_or_default(), name, to })
                .filter(|f| f.from != f.to)
                .collect();
            if changed.is_empty() { Change::None } else { Change::Update(changed) }
        }
    }
}
