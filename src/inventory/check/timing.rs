//! Owns the rules about times that must fit each other.
//! Must not know what waits for them.

use std::time::Duration;

use crate::inventory::Inventory;
use crate::problem::Problem;

/// Patroni's own minima, in seconds.
const MINIMA: [(&str, u32); 3] =
    [("postgres.ttl", 20), ("postgres.loop_wait", 1), ("postgres.retry_timeout", 3)];

fn patroni(inventory: &Inventory) -> [u32; 3] {
    let postgres = &inventory.postgres;
    [postgres.ttl, postgres.loop_wait, postgres.retry_timeout].map(Option::unwrap_or_default)
}

pub(super) fn patroni_minima(inventory: &Inventory) -> Vec<Problem> {
    let low = MINIMA.into_iter().zip(patroni(inventory)).filter(|((_, least), value)| value < least);
    let problem = |((path, least), value): ((&str, u32), u32)| {
        let key = path.trim_start_matches("postgres.");
        let message = format!("`{path}` is {value} s; Patroni takes no less than {least} s");
        inventory
            .problem("HAC-E050", path, message)
            .help(format!("write {key} = {least}, or leave timing to the preset"))
    };
    low.map(problem).collect()
}

pub(super) fn patroni_sum(inventory: &Inventory) -> Vec<Problem> {
    let [ttl, wait, retry] = patroni(inventory);
    let sum = wait.saturating_add(retry.saturating_mul(2));
    if sum <= ttl {
        return Vec::new();
    }
    let written = ["postgres.ttl", "postgres.retry_timeout", "postgres.loop_wait"];
    let path = written.into_iter().find(|path| inventory.is_written(path)).unwrap_or("postgres.preset");
    let message = format!(
        "loop_wait + 2 * retry_timeout must not exceed ttl: {wait} + 2 * {retry} = {sum} s > {ttl} s, \
         so a healthy leader could lose its lock"
    );
    let help =
        format!("write ttl = {}, or remove the lines and keep the preset's 30/5/10 or 20/5/5", sum.max(20));
    vec![inventory.problem("HAC-E050", path, message).help(help)]
}

/// etcd refuses an election timeout below five heartbeats, and one above 50 s.
pub(super) fn etcd(inventory: &Inventory) -> Vec<Problem> {
    let etcd = &inventory.etcd;
    let (beat, election) =
        (etcd.heartbeat_interval.unwrap_or_default(), etcd.election_timeout.unwrap_or_default());
    let (path, message) = if beat == 0 {
        ("etcd.heartbeat_interval", "`etcd.heartbeat_interval` is 0 ms; etcd needs at least 1 ms".to_owned())
    } else if election > 50_000 {
        (
            "etcd.election_timeout",
            format!("`etcd.election_timeout` is {election} ms; etcd takes at most 50000 ms"),
        )
    } else if u64::from(election) < u64::from(beat) * 5 {
        let election_set = inventory.is_written("etcd.election_timeout");
        let path = if election_set { "etcd.election_timeout" } else { "etcd.heartbeat_interval" };
        (
            path,
            format!(
                "election_timeout {election} ms is less than five heartbeats of {beat} ms, which etcd refuses"
            ),
        )
    } else {
        return Vec::new();
    };
    let help = "ten heartbeats are usual: 100 and 1000 on a quiet LAN, 200 and 2000 else";
    vec![inventory.problem("HAC-E050", path, message).help(help)]
}

pub(super) fn ssh(inventory: &Inventory) -> Vec<Problem> {
    let ssh = &inventory.ssh;
    let order = [
        ("ssh.connect_timeout", &ssh.connect_timeout, None),
        ("ssh.step_timeout", &ssh.step_timeout, Some(("connect_timeout", &ssh.connect_timeout))),
        ("ssh.run_timeout", &ssh.run_timeout, Some(("step_timeout", &ssh.step_timeout))),
    ];
    let mut problems = Vec::new();
    for (path, value, shorter) in order.into_iter().filter(|(path, ..)| inventory.is_written(path)) {
        let message = match shorter {
            Some((name, least)) if value.length() < least.length() => {
                format!("`{path}` is {value}, shorter than {name} ({least}), which is a part of it")
            }
            _ if value.length() < Duration::from_secs(1) => {
                format!("`{path}` is {value}; less than 1s never works")
            }
            _ => continue,
        };
        let help = "10s, 10m and 2h are the defaults of connect, step and run";
        problems.push(inventory.problem("HAC-E057", path, message).help(help));
    }
    problems
}
