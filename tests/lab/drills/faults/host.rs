//! Owns: a host that goes away in the middle, has no room, or is odd.

use std::time::Duration;

use super::{APPLY, FILE, fault, playbook, says, settled, spoil, spoiled, start_apply};
use crate::command::{Result, ensure, wait_for};
use crate::lab::{HOSTS, seconds};
use crate::runner::Drill;
use crate::stage::Stage;

pub const DRILLS: &[Drill] = &[
    fault("rebooted-in-a-step", &["F32"], "the run ends and says so; the next one resumes", |s| {
        settled(s, rebooted)
    }),
    fault("full-disk", &["F34", "F35"], "refused before; in the middle the old file stays", |s| {
        settled(s, full)
    }),
    fault("odd-hosts", &["F37", "F52"], "/tmp full and noexec, mask 000, leftovers: no matter", |s| {
        settled(s, odd)
    }),
    fault("dns-dead", &["F47"], "applied, Patroni restarts, gap <= 2 s", |s| settled(s, nameless)),
];

/// A host loses its power in the middle of a package's installation, and boots.
fn rebooted(stage: &mut Stage) -> Result<String> {
    super::apt::publish(stage, "drill-slow", "1", "echo begun >>/var/tmp/drill-begun; sync; sleep 8")?;
    playbook(stage, "[[step]]\nname = \"package\"\npackage = [\"drill-slow\"]\n")?;
    let running = start_apply(stage)?;
    wait_for("the package's script", seconds(60), Duration::from_millis(300), || {
        stage.lab.enter("node3", "test -e /var/tmp/drill-begun")
    })?;
    stage.excuse("node3");
    stage.lab.power(&["kill", "node3"])?;
    stage.lab.power(&["boot", "node3"])?;
    let cut = running.wait()?;
    ensure!([0, 1, 4].contains(&cut.status), "{}", cut.describe());
    ensure!(cut.status == 0 || cut.both().contains("node3"), "{}", cut.describe());
    stage.cluster()?.wait_healthy(&HOSTS, seconds(90))?;
    let half = stage.lab.sh("node3", "dpkg-query -W -f '${db:Status-Abbrev}' drill-slow 2>/dev/null || :")?;
    let next = stage.expect(0, &APPLY)?;
    stage.expect_converged()?;
    stage.lab.on_all(&HOSTS, "dpkg-query -W -f '${db:Status-Status}\\n' drill-slow | grep -qx installed")?;
    stage.lab.on_all(&HOSTS, "test -z \"$(dpkg --audit)\" && rm -f /var/tmp/drill-begun")?;
    let text = format!(
        "exit {} after {:.0} s, the package was '{}'; the next run did it in {:.1} s",
        cut.status,
        cut.took.as_secs_f64(),
        half.trim(),
        next.took.as_secs_f64()
    );
    Ok(text)
}

/// In place of /etc a file system with 100 KiB free.
const CRAMPED: &str = "set -e
mkdir -p /run/drill-etc
mount -t tmpfs -o size=64m,mode=0755 drill /run/drill-etc
cp -a /etc/. /run/drill-etc/
mount --bind /run/drill-etc /etc
free=$(df -P -k /etc | sed -n '2s/.* \\([0-9][0-9]*\\)  *[0-9]*% .*/\\1/p')
fallocate -l $(((free - 100) * 1024)) /etc/.drill-filler
df -P -k /etc | tail -n 1";
const ROOMY: &str =
    "umount /etc || umount -l /etc; umount /run/drill-etc && rmdir /run/drill-etc; ! mountpoint -q /etc";

const DIR: &str = "/etc/drill.d";

fn content(stage: &Stage, text: &str) -> Result {
    playbook(
        stage,
        &format!(
            "[[step]]\nname = \"folder\"\ndirectory = {{ path = \"{DIR}\" }}\n\n[[step]]\nname = \"file\"\nfile = {{ path = \"{DIR}/file\", content = \"{text}\" }}\n"
        ),
    )
}

fn full(stage: &mut Stage) -> Result<String> {
    content(stage, "old\\n")?;
    stage.expect(0, &APPLY)?;
    spoil(stage, &["node1", "node2"])?;
    stage.lab.sh("node1", CRAMPED)?;
    let refused = stage.expect(1, &APPLY);
    stage.lab.sh("node1", ROOMY)?;
    says(&refused?, &["node1: /etc has 0 MiB free, and 64 are needed"])?;
    ensure!(spoiled(stage)? == ["node1", "node2"], "something was changed before the refusal");
    stage.expect(0, &APPLY)?;
    // From here on only in the middle: preflight asks the file systems of /etc and the like.
    content(stage, &format!("{}\\n", "x".repeat(300_000)))?;
    let blocks = stopped_by(stage, "size=128k", "full (")?;
    let inodes = stopped_by(stage, "size=8m,nr_inodes=4", "has no inode left")?;
    content(stage, "old\\n")?;
    Ok(format!("refused at 100 KiB; {blocks}; {inodes}"))
}

/// The folder is a small file system on one host: the others are done, there the old
/// file stays and nothing beside it.
fn stopped_by(stage: &mut Stage, options: &str, word: &str) -> Result<String> {
    let small = format!(
        "set -e; mount -t tmpfs -o {options},mode=0755 drill {DIR}; echo old >{DIR}/file; case {options} in *nr_inodes*) n=0; while touch {DIR}/f$n 2>/dev/null; do n=$((n + 1)); done ;; esac"
    );
    stage.lab.sh("node2", &small)?;
    let failed = stage.expect(1, &APPLY);
    let left =
        stage.lab.sh("node2", &format!("cat {DIR}/file; ls -A {DIR} | grep hacluster || :; umount {DIR}"))?;
    let failed = failed?;
    says(&failed, &["node2", &format!("{DIR}/file was not written and is as it was"), word])?;
    ensure!(left == "old\n", "on node2 is left: {left}");
    let why = failed.both().lines().find(|line| line.contains(word)).unwrap_or_default().to_owned();
    Ok(why.split(": ").last().unwrap_or_default().trim().chars().take(60).collect())
}

/// Three hosts, each odd in its own way.
fn odd(stage: &mut Stage) -> Result<String> {
    let tmp =
        "mount -t tmpfs -o size=4k,noexec drill /tmp; head -c 8192 /dev/zero >/tmp/filler 2>/dev/null || :";
    let mask = "sed -i '1i umask 000' /root/.bashrc; touch /root/.bashrc; umask";
    let left = format!(
        "cd {}; echo torn >.60-hacluster.conf.hacluster; mkdir -p /run/hacluster; echo torn >/run/hacluster/hacluster-old.out; printf 'hacluster-old\\n{{\"torn' >/run/hacluster/running",
        FILE.rsplit_once('/').map_or("/", |(dir, _)| dir)
    );
    stage.lab.sh("node1", tmp)?;
    stage.lab.sh("node2", mask)?;
    stage.lab.sh("node3", &left)?;
    spoil(stage, &["node1", "node2", "node3"])?;
    content(stage, "new\\n")?;
    let applied = stage.expect(0, &APPLY);
    stage.lab.sh("node1", "umount /tmp")?;
    let masked = stage.lab.sh("node2", "umask; sed -i '/^umask 000$/d' /root/.bashrc")?;
    applied?;
    ensure!(spoiled(stage)?.is_empty(), "not mended");
    let modes = stage
        .lab
        .on_all(&HOSTS, &format!("stat -c '%a %U %G' {FILE} {DIR} {DIR}/file /var/lib/hacluster"))?;
    ensure!(modes.iter().all(|mode| *mode == modes[3]), "modes differ: {modes:?}");
    ensure!(modes[3].starts_with("644 root root\n755 root root\n644 root root\n"), "modes: {modes:?}");
    ensure!(masked.trim() == "0000", "the mask on node2 was {masked}");
    stage.lab.sh("node3", "! ls /run/hacluster/hacluster-old.out /run/hacluster/running 2>/dev/null")?;
    Ok("/tmp 4 KiB noexec, mask 000, torn leftovers: applied, modes exact, leftovers gone".to_owned())
}

/// Every question for a name waits for an answer that never comes.
fn nameless(stage: &mut Stage) -> Result<String> {
    let keep = "cp -a /etc/resolv.conf /run/drill-resolv 2>/dev/null || :; rm -f /etc/resolv.conf; printf 'nameserver 192.168.15.250\\noptions timeout:5 attempts:3\\n' >/etc/resolv.conf";
    stage.lab.on_all(&HOSTS, keep)?;
    let done = without_names(stage);
    stage
        .lab
        .on_all(&HOSTS, "rm -f /etc/resolv.conf; mv /run/drill-resolv /etc/resolv.conf 2>/dev/null || :")?;
    done
}

fn without_names(stage: &mut Stage) -> Result<String> {
    spoil(stage, &["node1", "node2"])?;
    let applied = stage.expect(0, &APPLY)?;
    ensure!(spoiled(stage)?.is_empty(), "not mended: {}", applied.describe());
    let cluster = stage.cluster()?;
    let leader = cluster.leader("node1")?;
    let rows = cluster.patronictl("node1")?;
    let other = |row: &&serde_json::Value| row["Role"] == "Replica" && row["Member"] != "nas";
    let standby = rows.as_array().into_iter().flatten().find(other).and_then(|row| row["Member"].as_str());
    let standby = HOSTS.into_iter().find(|host| Some(*host) == standby).ok_or("no other standby")?;
    stage.excuse(standby);
    stage.lab.sh(standby, "systemctl restart patroni")?;
    cluster.wait_healthy(&HOSTS, seconds(60))?;
    ensure!(cluster.leader("node1")? == leader, "somebody else leads");
    stage.expect_converged()?;
    stage.limit_gap(2.0);
    Ok(format!("applied in {:.1} s, {standby} rejoined", applied.took.as_secs_f64()))
}
