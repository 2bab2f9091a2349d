//! Owns what the kinds inside `PostgreSQL` share: the session their statements
//! run in, and when a server can be judged. Must not know any one of them.

use super::Script;
use super::change::Have;
use crate::facts::{Fact, Facts, PostgresFacts, PostgresServer, Standing};
use crate::shell::quote;

/// Statements on psql's standard input: neither an argument nor the server's log
/// shows them, and an error shows its message only.
pub(super) fn script(server: &PostgresServer, database: &str, statements: &str) -> Script {
    let text = format!("\\set VERBOSITY terse\n{statements}");
    Script::new(format!("printf %s {} | {} >/dev/null", quote(&text), server.session(database, false)))
}

/// The facts of a server that leads; else why nothing can be said.
pub(super) fn leading(host: &Facts) -> Result<&PostgresFacts, Have> {
    let Some(facts) = &host.postgres else {
        return Err(Have::Unreadable("PostgreSQL was not asked".to_owned()));
    };
    match &facts.standing {
        Fact::Present(Standing::Leads) => Ok(facts),
        Fact::Present(Standing::Follows) => Err(Have::Late("no member leads here yet".to_owned())),
        Fact::Absent => Err(Have::Late("PostgreSQL does not run yet".to_owned())),
        Fact::Unreadable(why) => Err(Have::Unreadable(why.clone())),
    }
}

/// What one fact says, or why it says nothing.
pub(super) fn reading<'a, T>(fact: Option<&'a Fact<T>>, name: &str) -> Result<&'a T, Have> {
    match fact {
        None => Err(Have::Unreadable(format!("{name} was not asked for"))),
        Some(Fact::Unreadable(why)) => Err(Have::Unreadable(why.clone())),
        Some(Fact::Absent) => Err(Have::Absent),
        Some(Fact::Present(found)) => Ok(found),
    }
}

/// `-1` is how `PostgreSQL` says that there is none.
pub(super) fn limit(number: &str) -> String {
    if number == "-1" { "none".to_owned() } else { number.to_owned() }
}
