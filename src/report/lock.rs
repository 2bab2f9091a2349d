//! Owns what is said of a host's lock. Must not know how it was read.

use serde_json::{Value, json};

use super::clean::clean_line;
use crate::facts::Identity;

/// One line a host; without an identity it does not answer.
pub fn text(host: &str, identity: Option<&Identity>) -> String {
    let said = match identity {
        None => "does not answer".to_owned(),
        Some(Identity { holder: Some(holder), .. }) => format!("held by {holder}"),
        Some(Identity { running: Some(left), .. }) => {
            format!("free, but run {} was cut and left {left} running: the next run waits for it", left.run)
        }
        Some(_) => "free".to_owned(),
    };
    format!("{}\n", clean_line(&format!("{host}: {said}")))
}

pub fn json(host: &str, identity: Option<&Identity>) -> Value {
    let holder = identity.and_then(|identity| identity.holder.as_ref());
    let running = identity.and_then(|identity| identity.running.as_ref());
    json!({
        "type": "lock",
        "host": host,
        "answers": identity.is_some(),
        "held_by": holder.map(|holder| &holder.by),
        "held_seconds": holder.map(|holder| holder.seconds),
        "running": running.map(|running| json!({ "run": running.run, "unit": running.unit, "steps": running.steps })),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Holder, Running};

    #[test]
    fn a_lock_is_told_in_one_line() {
        let steps = vec![vec!["n1/package:a".to_owned()]];
        let running = Some(Running { run: "r1".into(), steps, ..Running::default() });
        let holder = Some(Holder {
            by: "eve on laptop, hacluster apply".into(),
            seconds: 4,
            running: running.clone(),
        });
        let held = Identity { holder, running: running.clone(), ..Identity::default() };
        let left = Identity { running, ..Identity::default() };
        let said = [None, Some(&held), Some(&left), Some(&Identity::default())].map(|who| text("n1", who));
        insta::assert_snapshot!(said.concat(), @r"
        n1: does not answer
        n1: held by eve on laptop, hacluster apply, for 4 s, now at n1/package:a
        n1: free, but run r1 was cut and left n1/package:a running: the next run waits for it
        n1: free
        ");
        assert_eq!(json("n1", Some(&held))["held_seconds"], 4);
    }
}
