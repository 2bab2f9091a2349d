//! Owns: another certificate authority, in three applies under an application that
//! writes all the time.

use super::rotate::outdated;
use crate::command::{Result, ensure};
use crate::inserter::{Inserter, clock};
use crate::lab::{HOSTS, address, seconds};
use crate::product::read;
use crate::runner::{Drill, Tier};
use crate::sql::Sql;
use crate::stage::{Ground, Stage};
use crate::watch::Watch;

pub const DRILLS: &[Drill] = &[Drill {
    name: "rotate-ca",
    cases: &[],
    tier: Tier::Full,
    ground: Ground::Applied,
    disturbs: true,
    expected: "<= 5 s, none lost, same leader, former one and older files refused",
    run: |stage| stage.as_another(replaced),
}];

/// Seconds nobody may write at most.
const GAP: f64 = 5.0;
/// What the plan says of each apply, and the apply when it is over.
const STAGES: [(&str, &str); 3] = [
    ("1 of 3: every host learns", "Before the next `apply`, which issues all certificates anew, give"),
    ("2 of 3: every certificate comes", "The next `apply` makes hosts stop trusting the former one"),
    ("3 of 3: hosts stop", "No host trusts the former authority any more"),
];
/// On node1: who it is, who it was, and the new authority alone.
const OWN: &str = "/etc/hacluster/pki";
const FORMER: &str = "/run/former";
const NEXT: &str = "/run/next.crt";

fn replaced(stage: &mut Stage) -> Result<String> {
    let leader = stage.cluster()?.wait_healthy(&HOSTS, seconds(90))?;
    let (before, old) = (stage.secrets()?, stage.sql()?);
    let first = read(&stage.folder.path("secrets.toml"))?;
    let kept = stage.folder.write("former.crt", &before.authority)?;
    let old = old.trusting(kept);
    stage.lab.sh("node1", &format!("cp -a {OWN} {FORMER}"))?;
    enters(stage, &ca(OWN), FORMER, true)?;
    stage.expect(0, &["secrets", "rotate", "authority"])?;
    stage.expect(1, &["secrets", "rotate", "authority"])?;
    let (mut longest, mut looks, mut took) = (0.0_f64, 0, Vec::new());
    let mut files = vec![first];
    for (step, (now, next)) in STAGES.into_iter().enumerate() {
        files.push(read(&stage.folder.path("secrets.toml"))?);
        waits(stage, now)?;
        let watch = Watch::start(stage)?;
        let (gap, seconds) = apply(stage, next)?;
        looks += watch.finish(&[])?;
        longest = longest.max(gap);
        took.push(format!("{seconds:.0}"));
        let leads = stage.cluster()?.wait_healthy(&HOSTS, crate::lab::seconds(60))?;
        ensure!(leads == leader, "{leads} leads instead of {leader} after {now}");
        match step {
            0 => outdated(stage, &files[0])?,
            1 => issued(stage)?,
            _ => outdated(stage, &files[2])?,
        }
    }
    stage.expect_converged()?;
    let left = read(&stage.folder.path("secrets.toml"))?;
    ensure!(
        !before.key.is_empty() && before.key.iter().all(|line| !left.contains(line)),
        "the former key stays"
    );
    refused(stage, &old)?;
    Ok(format!(
        "gap {longest:.1} s in three applies ({} s), 0 lost, {leader} leads on, never two down in {looks} looks, \
         the former one and older files refused",
        took.join(", ")
    ))
}

/// However long an operator waits: it is to be applied, and nobody touched a host.
fn waits(stage: &mut Stage, now: &str) -> Result {
    let checked = stage.expect(3, &["drift-check"])?;
    ensure!(checked.stdout.contains("/etc/"), "nothing is pending: {}", checked.describe());
    let planned = stage.expect(2, &["plan", "--detailed-exitcode"])?;
    ensure!(planned.both().contains(now), "the plan does not say '{now}': {}", planned.describe());
    Ok(())
}

/// The longest time without a write, and how long it took; both in seconds.
fn apply(stage: &mut Stage, next: &str) -> Result<(f64, f64)> {
    // What an application was given: both, as long as there are two.
    let ca = stage.folder.write("clients.crt", &stage.secrets()?.authority)?;
    let inserter = Inserter::start_as(stage, stage.sql()?.trusting(ca))?;
    let at = clock();
    let applied = stage.expect(0, &["apply", "--auto-approve"])?;
    ensure!(applied.both().contains(next), "the apply does not say '{next}': {}", applied.describe());
    inserter.wait_acks(clock(), 10, seconds(20))?;
    let log = inserter.finish()?;
    let (lost, _) = log.lost(clock());
    ensure!(lost == 0, "{lost} acknowledged rows are lost");
    let gap = log.gap(at)?;
    ensure!(gap <= GAP, "nobody could write for {gap:.1} s, more than {GAP} s: {}", applied.describe());
    Ok((gap, applied.took.as_secs_f64()))
}

fn ca(folder: &str) -> String {
    format!("{folder}/ca.crt")
}

/// Whether all members of etcd and of Patroni let node1 in, which trusts `ca` and shows
/// the certificate in `identity`.
fn enters(stage: &Stage, ca: &str, identity: &str, expected: bool) -> Result {
    let of = |host: &&str| {
        let at = address(host);
        format!("https://{at}:2479/version https://{at}:8008/patroni ")
    };
    let doors =
        HOSTS.iter().map(of).collect::<String>() + &format!("https://{}:2489/version", address("nas"));
    let said = stage.lab.sh(
        "node1",
        &format!(
            "for url in {doors}; do curl -s -m 5 -o /dev/null --cacert {ca} --cert {identity}/client.crt \
             --key {identity}/client.key $url; echo $?; done"
        ),
    )?;
    // Whoever is not there, or does not answer (7, 28), refuses nobody.
    let right = |code: &str| if expected { code == "0" } else { !["0", "7", "28"].contains(&code) };
    let codes: Vec<&str> = said.lines().collect();
    let all = codes.len() == doors.split(' ').count() && codes.iter().all(|code| right(code));
    ensure!(
        all,
        "with {ca} and {identity}, expected to enter: {expected}; curl ends with {codes:?} at {doors}"
    );
    Ok(())
}

/// Whether everybody serves what the new authority issued, while both are trusted.
fn issued(stage: &Stage) -> Result {
    let both = stage.secrets()?.authority;
    let next = both.split_inclusive("-----END CERTIFICATE-----\n").next().ok_or("no authority")?;
    stage.lab.sh("node1", &format!("cat >{NEXT} <<'EOF'\n{next}EOF"))?;
    enters(stage, NEXT, OWN, true)?;
    let next = stage.folder.write("next.crt", next)?;
    for host in HOSTS {
        let (at, next) = (format!("{}:5432", address(host)), next.to_string_lossy());
        let words = ["openssl", "s_client", "-starttls", "postgres", "-verify_return_error", "-connect", &at];
        let said = stage.lab.inside(seconds(10), &[&words[..], &["-CAfile", &next]].concat()).run()?;
        ensure!(said.status == 0, "{host}'s PostgreSQL serves the former one's: {}", said.describe());
    }
    Ok(())
}

/// Nobody trusts the former one, nor anybody it vouched for.
fn refused(stage: &Stage, old: &Sql) -> Result {
    trusted_alone(stage)?;
    enters(stage, &ca(OWN), OWN, true)?;
    enters(stage, &ca(OWN), FORMER, false)?;
    enters(stage, &ca(FORMER), OWN, false)?;
    let said = old.tried("select 1")?;
    ensure!(said.stderr.contains("certificate verify failed"), "who trusts the former: {}", said.describe());
    stage.sql()?.run("select 1").map(drop)
}

/// No host has the former one in any list.
fn trusted_alone(stage: &Stage) -> Result {
    let own = stage.secrets()?.authority;
    for path in ["/etc/hacluster/pki/ca.crt", "/etc/hacluster/pki/etcd-ca.crt", "/etc/patroni/tls/ca.crt"] {
        for (host, found) in HOSTS.iter().zip(stage.lab.on_all(&HOSTS, &format!("cat {path}"))?) {
            ensure!(found.trim() == own.trim(), "{host} trusts others too: {path}");
        }
    }
    Ok(())
}
