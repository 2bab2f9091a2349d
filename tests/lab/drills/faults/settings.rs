//! Owns: settings and certificates that change under load, without a restart.

use std::time::{SystemTime, UNIX_EPOCH};

use hacluster::pki::{Authority, LeafSpec};
use hacluster::secret::Secret;

use super::{APPLY, fault, postmasters, settled};
use crate::cluster::VOTERS;
use crate::command::{Result, ensure};
use crate::lab::{HOSTS, address, seconds};
use crate::product::read;
use crate::runner::Drill;
use crate::stage::Stage;

pub const DRILLS: &[Drill] = &[
    fault("reload-is-enough", &["F61"], "same processes, open connections live, gap <= 2 s", |s| {
        settled(s, reload)
    }),
    fault("certificates-expire", &["F83"], "renewed, no restart, quorum all along", |s| settled(s, expired)),
];

/// Seconds since the certificate was made.
const AGO: u64 = 3 * 86_400;
/// Seconds somebody works in one connection.
const WORKS: u64 = 8;

fn reload(stage: &mut Stage) -> Result<String> {
    let before = postmasters(stage)?;
    let sql = stage.sql()?;
    let target = sql.target("verify-full");
    let long = format!("select pg_sleep({WORKS})");
    let words = ["psql", "-wqAtX", "-v", "ON_ERROR_STOP=1", "-d", &target, "-c", &long];
    let open = stage.lab.inside(seconds(30), &words).env("PGPASSFILE", &sql.passwords).start()?;
    std::thread::sleep(seconds(1));
    let preset = "preset  = \"fast\"";
    let rule = "[[postgres.hba]]\ndatabase = \"all\"\nuser = \"all\"\naddress = \"10.0.0.0/8\"\nmethod = \"reject\"\n";
    stage.folder.edit("[timescaledb]", &format!("{rule}\n[timescaledb]"))?;
    stage
        .folder
        .edit(preset, &format!("{preset}\nparameters = {{ log_min_duration_statement = \"5s\" }}"))?;
    let applied = stage.expect(0, &APPLY)?;
    let rules = "runuser -u postgres -- psql -AtXc \"select count(*) from pg_hba_file_rules where address = '10.0.0.0'\" -c 'show log_min_duration_statement'";
    crate::command::wait_for("the new settings on every member", seconds(30), seconds(1), || {
        let said = stage.lab.on_all(&HOSTS, rules)?;
        ensure!(said.iter().all(|one| one == "1\n5s\n"), "{said:?}");
        Ok(())
    })?;
    open.wait()?.ok()?;
    let after = postmasters(stage)?;
    ensure!(
        before == after && before.iter().all(|one| !one.is_empty()),
        "restarted: {before:?}, then {after:?}"
    );
    // Without any change up to 0.9 s were seen, as each write connects anew.
    stage.limit_gap(2.0);
    Ok(format!(
        "two settings in {:.1} s, 0 restarts, a connection of {WORKS} s lived",
        applied.took.as_secs_f64()
    ))
}

/// A leaf of the cluster's own authority that ended days ago, in the place of `path`.
fn spend(stage: &Stage, host: &str, path: &str) -> Result {
    let text = read(&stage.folder.path("secrets.toml"))?;
    let table: toml::Table = text.parse().map_err(|_| "secrets.toml is no TOML".to_owned())?;
    let of = |name: &str| table.get(name).and_then(toml::Value::as_str).unwrap_or_default().to_owned();
    let authority =
        Authority { cert_pem: of("authority_certificate"), key_pem: Secret::new(of("authority_key")) };
    let names = [address(host), "127.0.0.1", "localhost", host].map(str::to_owned).to_vec();
    let usages = ["server", "client"].map(str::to_owned).to_vec();
    let leaf = LeafSpec { common_name: Some(host.to_owned()), names, usages, days: 1 };
    let then = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|e| e.to_string())?.as_secs() - AGO;
    let (cert, key) = authority.issue(&leaf, then).map_err(|e| e.to_string())?;
    let put = format!(
        "cat >{path}.crt <<'END'\n{cert}END\ncat >{path}.key <<'END'\n{}END\n! openssl x509 -checkend 0 -noout -in {path}.crt",
        key.expose()
    );
    stage.lab.sh(host, &put).map(drop)
}

fn expired(stage: &mut Stage) -> Result<String> {
    let cluster = stage.cluster()?;
    let starts =
        "systemctl show -p MainPID,ExecMainStartTimestampMonotonic 'etcd-patroni@*' patroni keepalived";
    let before = stage.lab.on_all(&HOSTS, starts)?;
    for host in ["node2", "node3"] {
        spend(stage, host, "/etc/hacluster/pki/etcd")?;
    }
    let planned = stage.expect(2, &["plan", "--detailed-exitcode"])?;
    ensure!(planned.stdout.contains("/etc/hacluster/pki/etcd.crt"), "{}", planned.describe());
    let applied = stage.expect(0, &APPLY)?;
    let (healthy, _) = cluster.etcd_health("node1")?;
    ensure!(healthy == VOTERS, "healthy: {healthy:?}");
    let good = "openssl x509 -checkend 86400 -noout -in /etc/hacluster/pki/etcd.crt && openssl verify -CAfile /etc/hacluster/pki/ca.crt /etc/hacluster/pki/etcd.crt";
    stage.lab.on_all(&HOSTS, good)?;
    let after = stage.lab.on_all(&HOSTS, starts)?;
    ensure!(before == after, "restarted: {before:?}, then {after:?}");
    stage.limit_gap(5.0);
    Ok(format!(
        "two of etcd's members' renewed in {:.1} s, 0 restarts, 5 of 5 healthy",
        applied.took.as_secs_f64()
    ))
}
