//! Owns who holds a host's lock, and what runs there as a unit of its own.
//! Must not know how the lock is taken.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A batch that runs detached, as the host remembers it in
/// `/run/hacluster/running`: the unit's name, then this as one line of JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    pub unit: String,
    pub run: String,
    /// Marks the batch's own lines in its output.
    pub nonce: String,
    /// What each step stands for.
    pub steps: Vec<Vec<String>>,
}

impl Running {
    /// As the probe and the lock print it.
    pub fn parse(line: &str) -> Option<Self> {
        serde_json::from_str(line).ok()
    }
}

impl fmt::Display for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut ids = self.steps.iter().flatten();
        f.write_str(ids.next().map_or(&*self.unit, String::as_str))?;
        match ids.count() {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

/// Whoever holds the lock of a host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holder {
    /// User, machine, command, run, process.
    pub by: String,
    /// For how long, by the host's own clock.
    pub seconds: u64,
    pub running: Option<Running>,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, for {} s", self.by, self.seconds)?;
        self.running.as_ref().map_or(Ok(()), |running| write!(f, ", now at {running}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_holder_is_told_with_what_it_does() {
        let steps =
            vec![vec!["n1/package:a".to_owned(), "n1/package:b".to_owned()], vec!["n1/file:/c".to_owned()]];
        let running = Running { unit: "u".into(), steps, ..Running::default() };
        let line = serde_json::to_string(&running).unwrap();
        assert_eq!(Running::parse(&line).as_ref(), Some(&running));
        let holder = Holder { by: "eve on laptop".into(), seconds: 40, running: Some(running) };
        assert_eq!(holder.to_string(), "eve on laptop, for 40 s, now at n1/package:a and 2 more");
        assert_eq!(Running::default().to_string(), "");
    }
}
