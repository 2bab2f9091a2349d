//! Owns: a host that lost its disk is made again by `apply`.

use crate::cluster::VOTERS;
use crate::command::{Call, Result, ensure};
use crate::inserter::{Inserter, clock};
use crate::lab::{HOSTS, address, seconds};
use crate::product::read;
use crate::runner::{Drill, Tier};
use crate::stage::{Ground, Stage};

const fn drill(name: &'static str, tier: Tier, run: fn(&mut Stage) -> Result<String>) -> Drill {
    Drill {
        name,
        cases: &[],
        tier,
        ground: Ground::Applied,
        disturbs: true,
        expected: "rejoins, plan empty, writes go on",
        run,
    }
}

pub const DRILLS: &[Drill] = &[
    drill("rebuilt-node2", Tier::Quick, |s| rebuilt(s, "node2", &["reset"], |_| Ok(()))),
    Drill {
        cases: &["F23", "F70"],
        ground: Ground::Synchronous,
        expected: "key refused, pinned, rejoins",
        ..drill("rebuilt-node1", Tier::Full, |s| s.as_another(with_a_new_key))
    },
    drill("rebuilt-nas", Tier::Full, |s| rebuilt(s, "nas", &["reset"], |_| Ok(()))),
];

/// Without its disk the others go on; `apply` brings it back as it was. Between
/// the two comes what else there is to do.
fn rebuilt(
    stage: &mut Stage,
    host: &'static str,
    reset: &[&str],
    before: fn(&mut Stage) -> Result,
) -> Result<String> {
    let cluster = stage.cluster()?;
    let others: Vec<&str> = HOSTS.into_iter().filter(|h| *h != host).collect();
    let (old, marks) = (voter_ids(stage, others[0], host)?, cluster.marks(others[0])?);
    stage.excuse(host);
    stage.lab.power(&[reset, &[host]].concat())?;
    // It may have led: then the others first have to notice.
    crate::command::wait_for("a leader among the others", seconds(60), seconds(1), || {
        let leader = cluster.leader(others[0])?;
        if leader == host { Err(format!("still {leader}")) } else { Ok(()) }
    })?;
    let inserter = Inserter::start(stage)?;
    let at = clock();
    before(stage)?;
    let applied = stage.expect(0, &["apply", "--auto-approve"])?;
    cluster.wait_healthy(&HOSTS, seconds(60))?;
    let log = inserter.finish()?;
    let (lost, gap) = (log.lost(at).0, log.gap(at)?);
    ensure!(lost == 0, "{lost} acknowledged rows are lost");
    ensure!(gap < 5.0, "writes stopped for {gap:.1} s while {host} was made again");
    let new = voter_ids(stage, others[0], host)?;
    ensure!(
        new.len() == old.len() && new.iter().all(|id| !old.contains(id)),
        "members of {host}: {old:?}, then {new:?}"
    );
    let (healthy, _) = cluster.etcd_health(others[0])?;
    ensure!(healthy == VOTERS, "healthy: {healthy:?}");
    for member in HOSTS {
        let now = cluster.marks(member)?;
        ensure!(now == marks, "{member} is in another cluster: {marks:?}, then {now:?}");
    }
    let rows = same_rows(stage)?;
    stage.expect_converged()?;
    Ok(format!(
        "rejoined in {:.1} s as voter and replica, longest gap {gap:.1} s, {rows} rows equal on all",
        applied.took.as_secs_f64()
    ))
}

/// How many rows every member has; that they are the same ones.
fn same_rows(stage: &Stage) -> Result<String> {
    let sql = "select count(*) || ' ' || md5(string_agg(id::text, ',' order by id)) from drill";
    let script = format!("runuser -u postgres -- psql -AtXc \"{sql}\"");
    crate::command::wait_for("the same rows on every member", seconds(10), seconds(1), || {
        let said = stage.lab.on_all(&HOSTS, &script)?;
        ensure!(said.iter().all(|one| *one == said[0]), "{said:?}");
        Ok(said[0].split(' ').next().unwrap_or_default().to_owned())
    })
}

const KNOWN: &str = "known_hosts";
/// When hacluster last wrote there.
const WRITTEN: &str = "stat -c '%n %z' /etc/hacluster /var/lib/hacluster /var/lib/hacluster/ledger.json";

/// Three stages: its key is refused, it is pinned, it rejoins.
fn with_a_new_key(stage: &mut Stage) -> Result<String> {
    let old = read(&stage.lab.cache.join(KNOWN))?;
    let file = stage.folder.write(KNOWN, &old)?;
    stage.folder.edit(&format!("{}/{KNOWN}", stage.lab.cache.display()), &file.to_string_lossy())?;
    rebuilt(stage, "node1", &["reset", "--new-key"], refused_then_trusted)
}

fn refused_then_trusted(stage: &mut Stage) -> Result {
    let before = read(&stage.folder.path(KNOWN))?;
    let others = stage.lab.on_all(&HOSTS[1..], WRITTEN)?;
    let line = before.lines().position(|line| line.starts_with(address("node1"))).ok_or("no line")? + 1;
    let key = stage.lab.cache.join("hostkeys/node1.pub").display().to_string();
    let print = Call::new(seconds(5), ["ssh-keygen", "-lf", &key]).run()?.ok()?.stdout;
    let print = print.split(' ').nth(1).ok_or("no fingerprint")?.to_owned();
    for words in [&["plan"][..], &["drift-check"], &["status"], &["apply", "--auto-approve"]] {
        let said = stage.expect(4, words)?.both();
        let told = ["shows a host key that is not trusted", &print, "hacluster hosts trust node1"];
        let place = format!("{KNOWN}:{line} pins ssh-ed25519 SHA256:");
        ensure!(told.iter().all(|part| said.contains(part)) && said.contains(&place), "{words:?}:\n{said}");
    }
    let touched = stage.lab.sh("node1", "ls -d /etc/hacluster /var/lib/hacluster 2>/dev/null || :")?;
    ensure!(touched.is_empty(), "node1 was touched before its key was trusted: {touched}");
    let now = stage.lab.on_all(&HOSTS[1..], WRITTEN)?;
    ensure!(now == others, "another host was written to: {others:?}, then {now:?}");
    let trust = ["hosts", "trust", "node1"];
    let other = format!("SHA256:{}", "A".repeat(43));
    for more in [&[][..], &["--accept-new"], &["--fingerprint", &other]] {
        stage.expect(1, &[&trust[..], more].concat())?;
    }
    ensure!(read(&stage.folder.path(KNOWN))? == before, "{KNOWN} was changed without a yes");
    stage.expect(0, &[&trust[..], &["--fingerprint", &print]].concat())?;
    let after = read(&stage.folder.path(KNOWN))?;
    let same = |(one, two): &(&str, &str)| one == two;
    let kept = before.lines().zip(after.lines()).filter(same).count();
    ensure!(
        kept + 1 == before.lines().count() && after.lines().count() == before.lines().count(),
        "more than one line of {KNOWN} changed:\n{before}\n{after}"
    );
    Ok(())
}

/// etcd's ids of the members of `host`, none of them a learner.
fn voter_ids(stage: &Stage, asked: &str, host: &str) -> Result<Vec<u64>> {
    let voters = stage.cluster()?.voters(asked)?;
    let ours: Vec<_> = voters.iter().filter(|v| v.host() == host).collect();
    ensure!(ours.iter().all(|v| !v.learner), "{host} has a learner: {ours:?}");
    Ok(ours.iter().map(|v| v.id).collect())
}
