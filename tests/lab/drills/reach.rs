//! Owns: hosts reached through a jump host, as a user with sudo, are the same
//! hosts; one where sudo asks for a password is explained and stops no other.

use crate::command::{Call, Result, ensure};
use crate::lab::{HOSTS, address, seconds};
use crate::runner::{Drill, Tier};
use crate::stage::{Ground, Stage};

pub const DRILLS: &[Drill] = &[Drill {
    name: "jump-and-sudo",
    cases: &["F29"],
    tier: Tier::Full,
    ground: Ground::Synchronous,
    disturbs: true,
    expected: "0 changes as ops through a trusted bastion; no sudo: exit 4",
    run: jump_and_sudo,
}];

const FILE: &str = "/etc/security/limits.d/60-hacluster.conf";
const BASTION: &str = "witness";
const KNOWN: &str = "known_hosts";
/// Seconds in which a refusal of sudo is told, and the other hosts are done.
const REFUSED: f64 = 5.0;

/// Lines of a host's sshd that tell of a login.
fn logins(stage: &Stage, host: &str, from: &str) -> Result<usize> {
    let pattern = format!("Accepted publickey for ops from {from}");
    let count = format!("journalctl --no-pager -q -u ssh -o cat | grep -cF '{pattern}' || :");
    stage.lab.sh(host, &count)?.trim().parse().map_err(|e| format!("{host}: no number: {e}"))
}

fn jump_and_sudo(stage: &mut Stage) -> Result<String> {
    stage.lab.power(&["up", BASTION])?;
    let direct = stage.expect_converged()?.took;
    let bastion = address(BASTION);
    let jump = format!("user        = \"ops\"\njump        = [\"ops@{bastion}:22\"]");
    stage.folder.edit("user        = \"root\"", &jump)?;
    stranger(stage)?;
    let before = logins(stage, BASTION, "")?;
    let through = stage.expect_converged()?.took;
    let shared = logins(stage, BASTION, "")? - before;
    ensure!(shared == 1, "one plan logged in on {BASTION} {shared} times instead of once");
    for host in HOSTS {
        ensure!(logins(stage, host, bastion)? > 0, "{host} was not reached through {BASTION}");
    }
    stage.expect(0, &["drift-check"])?;
    mend(stage)?;
    refused(stage)?;
    let seconds = (direct.as_secs_f64(), through.as_secs_f64());
    Ok(format!(
        "0 changes in {:.1} s (direct {:.1} s), 1 login on the bastion; no sudo: exit 4",
        seconds.1, seconds.0
    ))
}

/// A bastion whose key nobody pinned is not passed, until it is trusted.
fn stranger(stage: &mut Stage) -> Result {
    let (cache, bastion) = (stage.lab.cache.clone(), address(BASTION));
    let known = crate::product::read(&cache.join(KNOWN))?;
    let other = |line: &&str| !line.starts_with(bastion);
    let without: String = known.lines().filter(other).flat_map(|line| [line, "\n"]).collect();
    ensure!(without.len() < known.len(), "the lab's {KNOWN} has no {bastion}");
    let file = stage.folder.write(KNOWN, &without)?;
    stage.folder.edit(&format!("{}/{KNOWN}", cache.display()), &file.to_string_lossy())?;
    let name = format!("ops@{bastion}:22");
    let before = logins(stage, BASTION, "")?;
    let refused = stage.expect(4, &["plan"])?.both();
    let told = ["show a host key that is not trusted", &format!("hacluster hosts trust {name}")];
    ensure!(told.iter().all(|part| refused.contains(part)), "not told how to go on:\n{refused}");
    ensure!(logins(stage, BASTION, "")? == before, "somebody logged in on a bastion nobody trusts");
    let key = cache.join(format!("hostkeys/{BASTION}.pub")).display().to_string();
    let print = Call::new(seconds(5), ["ssh-keygen", "-lf", &key]).run()?.ok()?.stdout;
    let print = print.split(' ').nth(1).ok_or("no fingerprint")?.to_owned();
    stage.expect(0, &["hosts", "trust", &name, "--fingerprint", &print])?;
    stage.expect_converged().map(drop)
}

/// Drift is seen and mended on the same way.
fn mend(stage: &mut Stage) -> Result {
    stage.lab.sh("node2", &format!("echo '# drill' >>{FILE}"))?;
    stage.expect(2, &["drift-check"])?;
    stage.expect(0, &["apply", "--auto-approve"])?;
    stage.expect_converged().map(drop)
}

/// A password for sudo on one host.
fn refused(stage: &mut Stage) -> Result {
    stage.lab.sh("node3", "echo 'ops ALL=(ALL) ALL' >/etc/sudoers.d/ops")?;
    stage.lab.sh("node2", &format!("echo '# drill' >>{FILE}"))?;
    stage.lab.sh("node3", &format!("echo '# drill' >>{FILE}"))?;
    let applied = stage.expect(4, &["apply", "--auto-approve"])?;
    let (said, took) = (applied.both(), applied.took.as_secs_f64());
    ensure!(took <= REFUSED, "it was refused only after {took:.1} s");
    for words in [
        "node3: ops cannot become root: sudo asks for a password",
        "`ops ALL=(root) NOPASSWD: ALL` into /etc/sudoers.d/zz-hacluster",
    ] {
        ensure!(said.contains(words), "'{words}' is not said: {}", applied.describe());
    }
    let look = format!("grep -c drill {FILE} || :");
    ensure!(stage.lab.sh("node2", &look)?.trim() == "0", "node2 answers and was not mended");
    ensure!(stage.lab.sh("node3", &look)?.trim() == "1", "node3 was mended without root");
    // What the message says helps.
    stage.lab.sh("node3", "echo 'ops ALL=(root) NOPASSWD: ALL' >/etc/sudoers.d/zz-hacluster")?;
    stage.expect(0, &["apply", "--auto-approve"])?;
    stage.expect_converged().map(drop)
}
