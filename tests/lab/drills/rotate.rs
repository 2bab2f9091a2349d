//! Owns: every password of the cluster's own is made new under load. Nobody stops
//! writing, nobody leads instead, and the old ones open nothing.

use crate::cluster::Cluster;
use crate::command::{Result, ensure, wait_for};
use crate::inserter::{Inserter, clock};
use crate::lab::{HOSTS, seconds};
use crate::product::{Secrets, read};
use crate::runner::{Drill, Tier};
use crate::sql::Sql;
use crate::stage::{Ground, Stage};

pub const DRILLS: &[Drill] = &[Drill {
    name: "rotate-secrets",
    cases: &[],
    tier: Tier::Full,
    ground: Ground::Applied,
    disturbs: true,
    expected: "<= 5 s, none lost, same leader, old refused, older file too",
    run: |stage| stage.as_another(rotate),
}];

/// Seconds nobody may write at most.
const GAP: f64 = 5.0;
pub(super) const OWN: [&str; 6] = [
    "etcd.root",
    "etcd.patroni",
    "postgres.superuser",
    "postgres.replication",
    "postgres.rewind",
    "patroni.rest",
];
/// The application's own, which stays: it connects anew for every write.
const WRITER: &str = "drill-writer-Ahx2eing7ohr";

fn rotate(stage: &mut Stage) -> Result<String> {
    let leader = stage.cluster()?.wait_healthy(&HOSTS, seconds(90))?;
    let (before, superuser) = (stage.secrets()?, stage.sql()?);
    let old = before_is_kept(stage, &superuser)?;
    let inserter = Inserter::start_as(stage, writer(stage)?)?;
    let at = clock();
    // In two steps: whoever has the file in between has etcd's new ones and nothing else.
    let (etcd, others) = OWN.split_at(2);
    let mut said = stage.expect(0, &[&["secrets", "rotate"], etcd].concat())?.both();
    let between = read(&stage.folder.path("secrets.toml"))?;
    said.push_str(&stage.expect(0, &[&["secrets", "rotate"], others].concat())?.both());
    said.push_str(&stage.expect(2, &["plan", "--detailed-exitcode"])?.both());
    said.push_str(&stage.expect(0, &["apply", "--auto-approve"])?.both());
    inserter.wait_acks(clock(), 10, seconds(20))?;
    let log = inserter.finish()?;
    let (lost, _) = log.lost(clock());
    ensure!(lost == 0, "{lost} acknowledged rows are lost");
    let gap = log.gap(at)?;
    ensure!(gap <= GAP, "nobody could write for {gap:.1} s, more than {GAP} s");
    let after = stage.secrets()?;
    for (name, value) in before.hidden().into_iter().chain(after.hidden()) {
        ensure!(name == "authority_key" || !said.contains(&value), "{name} was said");
    }
    stage.expect_converged()?;
    let now = stage.cluster()?.wait_healthy(&HOSTS, seconds(60))?;
    ensure!(now == leader, "{now} leads instead of {leader}");
    outdated(stage, &between)?;
    refused(stage, &before, &old)?;
    accepted(stage, &leader)?;
    Ok(format!(
        "{} passwords, gap {gap:.1} s, 0 lost, {leader} leads on, old ones and an older file refused",
        OWN.len()
    ))
}

/// Whoever has this secrets file is told to get the newer one, and no host is touched.
pub(super) fn outdated(stage: &mut Stage, secrets: &str) -> Result {
    // Whoever takes the lock raises the counter.
    let look = "cat /var/lib/hacluster/fence; sha256sum /var/lib/hacluster/ledger.json";
    let before = stage.lab.on_all(&HOSTS, look)?;
    stage.as_another(|stage| {
        let file = stage.folder.write("secrets.toml", secrets)?;
        for words in [&["plan"][..], &["apply", "--auto-approve"], &["drift-check"]] {
            let said = stage.expect(1, words)?;
            ensure!(said.stderr.contains("somebody changed them since"), "not told why: {}", said.describe());
        }
        ensure!(read(&file)? == secrets, "the older file was changed");
        Ok(())
    })?;
    ensure!(stage.lab.on_all(&HOSTS, look)? == before, "hosts were touched with an older secrets file");
    Ok(())
}

/// A client with the superuser's password as it is now.
fn before_is_kept(stage: &Stage, superuser: &Sql) -> Result<Sql> {
    let line = std::fs::read_to_string(&superuser.passwords).map_err(|e| e.to_string())?;
    let passwords = stage.folder.write("pgpass-before", &line)?;
    Ok(Sql::new(stage.lab.clone(), "postgres", "postgres", superuser.ca.clone(), passwords))
}

/// A role that hacluster does not know.
fn writer(stage: &Stage) -> Result<Sql> {
    let superuser = stage.sql()?;
    superuser.run(&format!(
        "create role writer login password '{WRITER}'; create table if not exists drill (id bigint primary key); \
         grant all on drill to writer; grant create on schema public to writer"
    ))?;
    let passwords = stage.folder.write("pgpass-writer", &format!("*:*:*:writer:{WRITER}\n"))?;
    Ok(Sql::new(stage.lab.clone(), "writer", "postgres", superuser.ca.clone(), passwords))
}

/// Whoever took a copy of the old ones has nothing.
fn refused(stage: &Stage, before: &Secrets, superuser: &Sql) -> Result {
    ensure!(superuser.tried("select 1")?.status != 0, "the superuser's old password still works");
    let cluster =
        Cluster::new(stage.lab.clone(), superuser.ca.clone(), before.value("etcd.root")?.to_owned());
    ensure!(cluster.voters("node1").is_err(), "etcd takes root's old password");
    for (name, user) in [("postgres.replication", "replicator"), ("postgres.rewind", "rewind_user")] {
        let line = format!("*:*:*:{user}:{}\n", before.value(name)?);
        let passwords = stage.folder.write("pgpass-old", &line)?;
        let sql = Sql::new(stage.lab.clone(), user, "postgres", superuser.ca.clone(), passwords);
        let said = sql.tried("select 1")?.both();
        ensure!(said.contains("password authentication failed"), "{user} with the old password: {said}");
    }
    for host in HOSTS {
        let (rest, etcd) = (before.value("patroni.rest")?, before.value("etcd.patroni")?);
        let status = rest_status(stage, host, rest)?;
        ensure!(status == "401", "{host}'s Patroni answers {status} to the old password");
        let found =
            stage.lab.sh(host, &format!("grep -cFe {etcd} -e {rest} /etc/patroni/config.yml || true"))?;
        ensure!(found.trim() == "0", "{host} still has an old password in Patroni's settings");
    }
    Ok(())
}

/// What Patroni answers to a change that says nothing: 400, once it let us in.
fn rest_status(stage: &Stage, host: &str, password: &str) -> Result<String> {
    let identity = "--cacert ca.crt --cert client.crt --key client.key";
    let said = stage.lab.sh(
        host,
        &format!(
            "cd /etc/hacluster/pki; printf 'user = \"patroni:%s\"' '{password}' | curl -s -K - -o /dev/null -w '%{{http_code}}' \
             {identity} -X PATCH -d '{{}}' https://127.0.0.1:8008/config"
        ),
    )?;
    Ok(said.trim().to_owned())
}

/// The new ones are what everybody logs in with.
fn accepted(stage: &Stage, leader: &str) -> Result {
    stage.sql()?.run("select 1")?;
    let rest = stage.secrets()?.value("patroni.rest")?.to_owned();
    for host in HOSTS {
        let status = rest_status(stage, host, &rest)?;
        ensure!(status == "400", "{host}'s Patroni answers {status} to the new password");
    }
    // A standby that lost its connection comes back with the new password.
    let standby = HOSTS.into_iter().find(|host| *host != leader).ok_or("no standby")?;
    let since = format!("select backend_start from pg_stat_replication where application_name = '{standby}'");
    let old = stage.sql()?.run(&since)?;
    ensure!(!old.is_empty(), "{standby} does not stream");
    stage.lab.sh(standby, "pkill -f '[p]ostgres: .*walreceiver'")?;
    wait_for("the standby streams again", seconds(30), seconds(1), || match stage.sql()?.run(&since)? {
        now if now.is_empty() || now == old => Err(format!("{standby}: no new connection")),
        _ => Ok(()),
    })?;
    // And a Patroni that starts logs in to etcd.
    let cluster = stage.cluster()?;
    stage.lab.sh(standby, "systemctl restart patroni")?;
    cluster.wait_healthy(&HOSTS, seconds(90)).map(drop)
}
