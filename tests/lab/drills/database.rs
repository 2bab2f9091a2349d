//! Owns the first drills: from fresh hosts to a database that serves.

use crate::cluster::{VOTERS, text};
use crate::command::{Result, ensure};
use crate::lab::{HOSTS, NODES, VIP};
use crate::runner::{Drill, Tier};
use crate::stage::{Ground, Stage};

pub const DRILLS: &[Drill] = &[
    Drill {
        name: "apply-fresh-hosts",
        cases: &[],
        tier: Tier::Quick,
        ground: Ground::Fresh,
        disturbs: false,
        expected: "exit 0, a healthy cluster",
        run: apply,
    },
    Drill {
        name: "patroni-members",
        cases: &[],
        tier: Tier::Quick,
        ground: Ground::Applied,
        disturbs: false,
        expected: "1 leader, 3 streaming, NAS last",
        run: patroni,
    },
    Drill {
        name: "etcd-voters",
        cases: &[],
        tier: Tier::Quick,
        ground: Ground::Applied,
        disturbs: false,
        expected: "5 healthy voters, TLS, auth",
        run: etcd,
    },
    Drill {
        name: "sql-through-vip",
        cases: &[],
        tier: Tier::Quick,
        ground: Ground::Applied,
        disturbs: false,
        expected: "TLS and password only",
        run: sql,
    },
];

fn apply(stage: &mut Stage) -> Result<String> {
    let output = stage.apply()?;
    Ok(format!("exit 0 in {:.1} s", output.took.as_secs_f64()))
}

/// Debian's own words, from a member's side.
fn patroni(stage: &mut Stage) -> Result<String> {
    let rows = stage.cluster()?.patronictl("node1")?;
    let rows = rows.as_array().ok_or("patronictl printed no list")?;
    let count = |role: &str, state: &str| {
        rows.iter().filter(|r| text(r, "Role") == role && text(r, "State") == state).count()
    };
    let (leaders, streaming) = (count("Leader", "running"), count("Replica", "streaming"));
    ensure!(
        leaders == 1 && streaming == 3 && rows.len() == 4,
        "{leaders} leaders, {streaming} streaming: {rows:?}"
    );
    let said = stage.lab.on_all(&HOSTS, "sed -n 's/^ *failover_priority: *//p' /etc/patroni/config.yml")?;
    let priorities: Vec<u32> = said.iter().filter_map(|s| s.trim().parse().ok()).collect();
    ensure!(priorities.len() == 4, "failover_priority of {HOSTS:?}: {said:?}");
    let nas = priorities[3];
    ensure!(
        priorities[..3].iter().all(|p| *p > nas) && nas > 0,
        "failover_priority of {HOSTS:?}: {priorities:?}"
    );
    Ok(format!("1 leader, 3 streaming, priorities {priorities:?}"))
}

fn etcd(stage: &mut Stage) -> Result<String> {
    let cluster = stage.cluster()?;
    for host in NODES {
        let voters = cluster.voters(host)?;
        let mut names: Vec<&str> = voters.iter().filter(|v| !v.learner).map(|v| v.name.as_str()).collect();
        names.sort_unstable();
        ensure!(names == VOTERS, "{host} lists the voters {names:?}");
        ensure!(
            voters.iter().all(|v| v.client_url.starts_with("https://")),
            "a member without TLS: {voters:?}"
        );
    }
    let (healthy, leader) = cluster.etcd_health("node1")?;
    ensure!(healthy == VOTERS, "healthy: {healthy:?}");
    let (status, said) = cluster.etcdctl_without_user("node1", "put /hac/drill x")?;
    let refused = said.contains("permission denied") || said.contains("user name is empty");
    ensure!(status != 0 && refused, "a put without credentials: exit {status}, {said}");
    // Neither without a certificate, nor without TLS.
    let url = "192.168.15.101:2479/health";
    let said = stage.lab.sh(
        "node1",
        &format!(
            "curl -sk -m 3 https://{url} >/dev/null; echo $?; curl -s -m 3 http://{url} >/dev/null; echo $?"
        ),
    )?;
    let codes: Vec<&str> = said.lines().collect();
    ensure!(
        codes.len() == 2 && !codes.contains(&"0"),
        "{url} answered a client without certificate or TLS: {codes:?}"
    );
    Ok(format!("5 healthy voters ({leader} leads), strangers refused"))
}

fn sql(stage: &mut Stage) -> Result<String> {
    let sql = stage.sql()?;
    sql.run("create table if not exists probe (n int)")?;
    sql.run("insert into probe values (42)")?;
    let read = sql.run("select max(n) from probe")?;
    ensure!(read == "42", "read '{read}' instead of 42");
    let version = sql
        .run("select version || ' ' || pg_is_in_recovery() from pg_stat_ssl where pid = pg_backend_pid()")?;
    ensure!(
        version.starts_with("TLSv1.") && version.ends_with("false"),
        "connection through {VIP}: {version}"
    );
    sql.run("drop table probe")?;
    let refused = sql.without_password()?;
    let no_password = refused.stderr.contains("no password supplied");
    ensure!(refused.status != 0 && no_password, "without a password: {}", refused.describe());
    let refused = sql.without_tls()?;
    let no_tls = refused.stderr.contains("no encryption");
    ensure!(refused.status != 0 && no_tls, "without TLS: {}", refused.describe());
    Ok(format!("{}; refused without password, without TLS", version.trim_end_matches(" false")))
}
