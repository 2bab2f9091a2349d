//! Owns the rules about what users are granted inside `PostgreSQL`.
//! Must not know who may connect from where.

use crate::inventory::{GrantOn, Inventory, PostgresGrant, Privilege};
use crate::problem::Problem;

pub(super) fn grants(inventory: &Inventory) -> Vec<Problem> {
    let each = inventory.postgres.grant.iter().enumerate();
    each.flat_map(|(at, grant)| {
        let all = [privileges(grant), target(inventory, grant), again(inventory, at)].concat();
        let path = move |key: &str| format!("postgres.grant[{at}]{key}");
        let said =
            move |one: Said| inventory.problem("HAC-E059", &path(&one.key), one.message).help(one.help);
        all.into_iter().map(said).collect::<Vec<_>>()
    })
    .collect()
}

/// What is wrong with a grant: at which key, what, and how to mend it.
#[derive(Clone)]
struct Said {
    key: String,
    message: String,
    help: String,
}

fn said(key: &str, message: impl Into<String>, help: impl Into<String>) -> Said {
    Said { key: key.to_owned(), message: message.into(), help: help.into() }
}

fn privileges(grant: &PostgresGrant) -> Vec<Said> {
    let on = grant.target();
    let known = on.privileges();
    if grant.privileges.is_empty() {
        return vec![said("", "the grant has no privileges", format!("add privileges = [\"{}\"]", known[0]))];
    }
    let strange = grant.privileges.iter().enumerate();
    let strange = strange.filter(|(_, one)| **one != Privilege::All && !known.contains(&one.as_str()));
    let say = |(index, one): (usize, &Privilege)| {
        let message = format!("{one} is no privilege on a {}", singular(on));
        said(
            &format!(".privileges[{index}]"),
            message,
            format!("there are {}, and ALL{}", known.join(", "), hint(on)),
        )
    };
    strange.map(say).collect()
}

/// What the privileges are on, and whether the user has them anyway.
fn target(inventory: &Inventory, grant: &PostgresGrant) -> Vec<Said> {
    let on = grant.target();
    let mut all = Vec::new();
    match (&grant.schema, on) {
        (Some(_), GrantOn::Database) => {
            all.push(said(".on", "on = \"database\" has no schema", "remove one of the two lines"));
        }
        (None, GrantOn::Schema | GrantOn::Tables | GrantOn::Sequences) => {
            let message = format!("on = \"{on}\" needs a schema");
            all.push(said(".on", message, "add a line schema = \"public\""));
        }
        _ => {}
    }
    let mut databases = inventory.postgres.database.iter();
    let owns = databases.any(|one| one.name == grant.database && one.owner == grant.user);
    if owns && on != GrantOn::Schema {
        let message = format!("\"{}\" owns \"{}\" and may do that already", grant.user, grant.database);
        all.push(said(".user", message, "remove the grant"));
    }
    all
}

/// Two grants on one thing would take from each other.
fn again(inventory: &Inventory, at: usize) -> Vec<Said> {
    let grants = &inventory.postgres.grant;
    let key =
        |one: &PostgresGrant| (one.user.clone(), one.database.clone(), one.schema.clone(), one.target());
    let like = grants[..at].iter().any(|other| key(other) == key(&grants[at]));
    let message = format!("\"{}\" is granted something there twice", grants[at].user);
    if like { vec![said("", message, "write all privileges into one of the two")] } else { Vec::new() }
}

fn singular(on: GrantOn) -> &'static str {
    match on {
        GrantOn::Database => "database",
        GrantOn::Schema => "schema",
        GrantOn::Tables => "table",
        GrantOn::Sequences => "sequence",
    }
}

/// What people mean who name a table's privilege elsewhere.
fn hint(on: GrantOn) -> &'static str {
    match on {
        GrantOn::Database => "; for tables add schema and on = \"tables\"",
        GrantOn::Schema => "; for its tables add on = \"tables\"",
        GrantOn::Tables | GrantOn::Sequences => "",
    }
}
