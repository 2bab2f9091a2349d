//! Owns: what is declared inside PostgreSQL is made, kept, and mended; passwords
//! are seen nowhere.

use crate::command::{Output, Result, ensure, wait_for};
use crate::lab::{HOSTS, seconds};
use crate::product::{counts, read};
use crate::runner::{Drill, Tier};
use crate::sql::Sql;
use crate::stage::{Ground, Stage};

pub const DRILLS: &[Drill] = &[Drill {
    name: "declared-databases",
    cases: &[],
    tier: Tier::Full,
    ground: Ground::Applied,
    disturbs: true,
    expected: "made, drift named and mended, no password seen",
    run: declared,
}];

/// Every statement is logged, so that a password would be too.
const TABLES: &str = r#"
[postgres.parameters]
log_statement = "all"

[[postgres.user]]
name             = "Shop-App"
connection_limit = 20

[[postgres.user]]
name = "reporter"

[[postgres.database]]
name       = "shop"
owner      = "Shop-App"
extensions = ["pg_trgm"]

[[postgres.grant]]
user       = "reporter"
database   = "shop"
privileges = ["CONNECT"]

[[postgres.grant]]
user       = "reporter"
database   = "shop"
schema     = "public"
on         = "tables"
privileges = ["SELECT"]

[[postgres.hba]]
database = "postgres"
user     = "reporter"
address  = "192.168.15.0/24"
method   = "reject"
"#;

fn declared(stage: &mut Stage) -> Result<String> {
    let file = read(&stage.folder.path("cluster.toml"))?;
    stage.folder.write("cluster.toml", &format!("{file}{TABLES}"))?;
    let first = stage.expect(0, &["apply", "--auto-approve"])?;
    stage.expect_converged()?;
    served(stage)?;
    // Tables made since are covered by the grants, and no drift.
    stage.expect(0, &["drift-check"])?;
    drifted(stage)?;
    let mended = stage.expect(0, &["apply", "--auto-approve"])?;
    stage.expect_converged()?;
    served(stage)?;
    moved(stage)?;
    rotated(stage)?;
    let lines = unseen(stage)?;
    left(stage, &file)?;
    Ok(format!(
        "made in {:.1} s; 5 drifts named, mended in {:.1} s; followed a switchover; rotated; 0 in {lines} log lines; left the file and went",
        first.took.as_secs_f64(),
        mended.took.as_secs_f64()
    ))
}

fn app(stage: &Stage) -> Result<Sql> {
    stage.sql_as("Shop-App", "shop", "postgres-shop-app")
}

fn reporter(stage: &Stage, database: &str) -> Result<Sql> {
    stage.sql_as("reporter", database, "postgres-reporter")
}

fn refused(output: &Output, because: &str) -> Result {
    let (status, said) = (output.status, &output.stderr);
    ensure!(status != 0 && said.contains(because), "not refused with '{because}': {}", output.describe());
    Ok(())
}

/// Through the address that moves, over TLS, as each user may and not otherwise.
fn served(stage: &Stage) -> Result {
    let app = app(stage)?;
    app.run("create table if not exists orders (id serial, what text)")?;
    app.run("insert into orders (what) values ('a book')")?;
    let alike = app.run("select similarity('book', 'books') > 0.5")?;
    ensure!(alike == "t", "pg_trgm says '{alike}'");
    let reads = reporter(stage, "shop")?;
    let rows = reads.run("select count(*) > 0 from orders")?;
    ensure!(rows == "t", "the reporter sees '{rows}'");
    refused(&reads.tried("insert into orders (what) values ('x')")?, "permission denied for table orders")?;
    refused(&reads.tried("create table mine (n int)")?, "permission denied for schema public")?;
    refused(&reporter(stage, "postgres")?.tried("select 1")?, "pg_hba.conf rejects connection")
}

/// What drift-check has to say of each change by hand.
const MOVED: [(&str, &str); 5] = [
    ("postgres_user:Shop-App", "its password was changed"),
    ("postgres_database:shop", "owner is postgres, was applied as Shop-App"),
    ("postgres_extension:shop/pg_trgm", "is gone"),
    ("postgres_grant:reporter on shop", "is gone"),
    ("postgres_grant:reporter on shop/public tables", "privileges"),
];

fn drifted(stage: &mut Stage) -> Result {
    let leader = stage.cluster()?.leader("node1")?;
    let by_hand = r#"runuser -u postgres -- psql -X -q -v ON_ERROR_STOP=1 -d shop <<'SQL'
ALTER ROLE "Shop-App" PASSWORD 'drill-was-here';
DROP EXTENSION pg_trgm;
REVOKE CONNECT ON DATABASE shop FROM reporter;
REVOKE SELECT ON orders FROM reporter;
ALTER DATABASE shop OWNER TO postgres;
SQL"#;
    stage.lab.sh(&leader, by_hand)?;
    names_all(&stage.expect(2, &["drift-check"])?)?;
    // And without the secrets, by what was last applied.
    let secrets = read(&stage.folder.path("secrets.toml"))?;
    std::fs::remove_file(stage.folder.path("secrets.toml")).map_err(|e| e.to_string())?;
    let blind = stage.hacluster(&["drift-check"]);
    stage.folder.write("secrets.toml", &secrets)?;
    let blind = blind?;
    ensure!(blind.status == 2, "without secrets: {}", blind.describe());
    names_all(&blind)?;
    let planned = counts(&stage.expect(2, &["plan", "--detailed-exitcode"])?.stdout)?;
    let changes: usize = planned.into_iter().flatten().sum();
    ensure!(changes == MOVED.len(), "{changes} changes planned instead of {}", MOVED.len());
    Ok(())
}

fn names_all(checked: &Output) -> Result {
    for (id, what) in MOVED {
        let line = checked.stdout.lines().find(|line| line.contains(&format!("{id} ")) || line.ends_with(id));
        let Some(line) = line else { return Err(format!("{id} is not named: {}", checked.describe())) };
        ensure!(checked.stdout.contains(what), "'{what}' is not said of {line}: {}", checked.describe());
    }
    Ok(())
}

/// Another leader: nothing is to be done there, and nothing moved.
fn moved(stage: &mut Stage) -> Result {
    let cluster = stage.cluster()?;
    let leader = cluster.leader("node1")?;
    let next = if leader == "node2" { "node3" } else { "node2" };
    let call = format!(
        "patronictl -c /etc/patroni/config.yml switchover --leader {leader} --candidate {next} --force"
    );
    stage.lab.sh("node1", &call)?;
    wait_for("the new leader", seconds(40), seconds(1), || match cluster.leader("node1")? {
        now if now == next => Ok(()),
        now => Err(now),
    })?;
    cluster.wait_healthy(&HOSTS, seconds(60))?;
    stage.expect_converged()?;
    stage.expect(0, &["drift-check"])?;
    Ok(())
}

/// A password edited in secrets.toml: one change, which shows neither of the two.
fn rotated(stage: &mut Stage) -> Result {
    let old = app(stage)?;
    let path = stage.folder.path("secrets.toml");
    let value = stage.secrets()?.value("postgres-shop-app")?.to_owned();
    let new = format!("rotated 'by' \"hand\" \\ {}", &value[..12]);
    let text = read(&path)?.replace(&format!("\"{value}\""), &format!("'''{new}'''"));
    stage.folder.write("secrets.toml", &text)?;
    let planned = stage.expect(2, &["plan", "--detailed-exitcode"])?;
    ensure!(counts(&planned.stdout)? == Some([0, 1, 0]), "not one change: {}", planned.describe());
    ensure!(planned.stdout.contains("password"), "the plan does not say what: {}", planned.describe());
    ensure!(
        ![&*value, &*new].iter().any(|secret| planned.both().contains(secret)),
        "the plan shows a password"
    );
    old.run("select 1")?;
    stage.expect(0, &["apply", "--auto-approve"])?;
    refused(&old.tried("select 1")?, "password authentication failed")?;
    app(stage)?.run("select 1")?;
    stage.expect_converged().map(drop)
}

/// All of it leaves the file, under another leader than the one that made it: what
/// holds no data goes at once, the rest with leave to destroy.
fn left(stage: &mut Stage, file: &str) -> Result {
    stage.folder.write("cluster.toml", file)?;
    let planned = stage.expect(2, &["plan", "--detailed-exitcode"])?;
    for shown in [
        "- postgres_grant:reporter on shop, once",
        "- postgres_grant:reporter on shop/public tables, once",
        "- postgres_user:reporter, once",
        "PostgreSQL keeps postgres_database:shop, which nothing asks for any more: it holds data",
        "PostgreSQL keeps postgres_user:Shop-App, which nothing asks for any more: it owns database shop, ",
    ] {
        ensure!(planned.stdout.contains(shown), "no '{shown}' in {}", planned.describe());
    }
    stage.expect(0, &["apply", "--auto-approve"])?;
    stage.expect_converged()?;
    let leader = stage.cluster()?.leader("node1")?;
    let inside = "runuser -u postgres -- psql -XAtc \"SELECT string_agg(name, ' ' ORDER BY name) FROM (
        SELECT rolname::text AS name FROM pg_roles WHERE rolname IN ('Shop-App', 'reporter')
        UNION ALL SELECT datname::text FROM pg_database WHERE datname = 'shop') x\"";
    let found = stage.lab.sh(&leader, inside)?;
    ensure!(found.trim() == "Shop-App shop", "without leave to destroy there is '{found}'");
    stage.expect(0, &["apply", "--auto-approve", "--allow-destroy"])?;
    let found = stage.lab.sh(&leader, inside)?;
    ensure!(found.trim().is_empty(), "with leave to destroy there is still '{found}'");
    stage.expect_converged().map(drop)
}

/// The servers log every statement, and yet neither passwords nor verifiers.
fn unseen(stage: &Stage) -> Result<usize> {
    let mut lines = 0;
    let mut statements = 0;
    let secrets = stage.secrets()?;
    let hidden = ["postgres-shop-app", "postgres-reporter"].map(|name| secrets.value(name));
    for host in HOSTS {
        let log = stage.lab.sh(
            host,
            "journalctl --no-pager -q -o cat -u patroni; cat /var/log/postgresql/* 2>/dev/null || :",
        )?;
        lines += log.lines().count();
        statements += log.matches("statement: insert into orders").count();
        ensure!(!log.contains("SCRAM-SHA-256$"), "a verifier in the log of {host}");
        for secret in &hidden {
            ensure!(!log.contains(secret.clone()?), "a password in the log of {host}");
        }
    }
    ensure!(statements > 0, "the servers logged no statement, so this proves nothing");
    Ok(lines)
}
