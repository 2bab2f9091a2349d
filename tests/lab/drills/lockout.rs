//! Owns: a change that would lock everybody out is taken back by its host, with
//! or without the program that made it, also where its power is cut; a good one
//! stays, also one that cuts our own connection.

use std::fs;

use crate::command::{Result, ensure, wait_for};
use crate::inserter::clock;
use crate::lab::{HOSTS, NODES, seconds};
use crate::product::counts;
use crate::runner::{Drill, Tier};
use crate::stage::{APPLY_LIMIT, Ground, Stage};

use super::stopped::ensure_nothing_left;

pub const DRILLS: &[Drill] = &[Drill {
    name: "lockout-reverts",
    cases: &["F19", "F20"],
    tier: Tier::Full,
    ground: Ground::Synchronous,
    disturbs: true,
    expected: "taken back in <= 40 s, one host touched; a good one stays, sshd anew is no matter",
    run: |stage| stage.as_another(lockout),
}];

const PLAYBOOK: &str = "playbooks/logins.toml";
const LOGINS: &str = "/etc/ssh/sshd_config.d/10-drill.conf";
const SUDO: &str = "/etc/sudoers.d/zz-drill";
/// Seconds from the start of `apply` to its end: 30 on the host, and what it takes
/// to get there and back.
const LIMIT: f64 = 40.0;

fn step(path: &str, mode: &str, line: &str) -> String {
    format!(
        "[playbook]\nname = \"logins\"\ntitle = \"the drill's\"\non = \"base\"\nneeds = [\"base\"]\n
[[step]]\nname = \"logins\"\nconfirm = true\nnotify = [\"ssh\"]
file = {{ path = \"{path}\", mode = \"{mode}\", content = \"{line}\\n\" }}\n
[[step]]\nname = \"ssh\"\nunit = {{ name = \"ssh.service\", state = \"started\", on_change = \"reload\" }}\n"
    )
}

fn put(stage: &Stage, text: &str) -> Result {
    fs::create_dir_all(stage.folder.path("playbooks")).map_err(|e| e.to_string())?;
    stage.folder.write(PLAYBOOK, text).map(drop)
}

fn lockout(stage: &mut Stage) -> Result<String> {
    stage.folder.edit("user        = \"root\"", "user        = \"ops\"")?;
    stage.expect_converged()?;
    // ssh.service is the drill's own here; it ran before all of us, and runs on.
    stage.folder.edit("hardened    = true", "hardened    = false")?;
    stage.expect(0, &["apply", "--auto-approve"])?;
    stage.lab.on_all(&HOSTS, "systemctl is-active ssh.service && systemctl is-enabled ssh.service")?;
    let users = taken_back(stage, LOGINS, &step(LOGINS, "0644", "AllowUsers nobody"))?;
    let sudo = taken_back(stage, SUDO, &step(SUDO, "0440", "ops ALL=(ALL) ALL"))?;
    let killed = without_us(stage)?;
    put(stage, &step(LOGINS, "0644", "ClientAliveInterval 33"))?;
    let good = stage.expect(0, &["apply", "--auto-approve"])?;
    let stays = good.both().matches(CONFIRMED).count();
    ensure!(stays >= HOSTS.len(), "not confirmed on all hosts: {}", good.describe());
    std::thread::sleep(seconds(31));
    stage
        .lab
        .on_all(&HOSTS, &format!("grep -q 33 {LOGINS} && sshd -T | grep -qix 'clientaliveinterval 33'"))?;
    stage.expect_converged()?;
    let anew = cut_by_ourselves(stage)?;
    let firewall = shut_out(stage)?;
    let booted = power_cut(stage)?;
    Ok(format!(
        "back after {users:.0} s (AllowUsers), {sudo:.0} s (sudo), {firewall:.0} s (firewall), {killed:.0} s (Port, apply killed), {booted:.0} s (AllowUsers, power cut and back); good: {:.1} s, with our connections cut {anew:.1} s",
        good.took.as_secs_f64()
    ))
}

const DROP_IN: &str = "/etc/systemd/system/ssh.service.d";
const CONFIRMED: &str = "a fresh connection works with the change";

/// sshd is restarted by our own step, and all its connections end with it, ours
/// too: the run connects again, confirms, and goes on.
fn cut_by_ourselves(stage: &mut Stage) -> Result<f64> {
    let all = "[Service]\\nKillMode=control-group\\n";
    let end_with_it =
        format!("mkdir {DROP_IN}; printf '{all}' >{DROP_IN}/drill.conf; systemctl daemon-reload");
    stage.lab.on_all(&HOSTS, &end_with_it)?;
    let restart = step(LOGINS, "0644", "ClientAliveInterval 34").replace("\"reload\"", "\"restart\"");
    put(
        stage,
        &format!(
            "{restart}\n[[step]]\nname = \"next\"\nafter = [\"ssh\"]\nfile = {{ path = \"/etc/drill-next\", content = \"next\\n\" }}\n"
        ),
    )?;
    let before = sshd(stage)?;
    let applied = stage.expect(0, &["apply", "--auto-approve"])?;
    let after = sshd(stage)?;
    let said = applied.both();
    ensure!(
        said.matches(CONFIRMED).count() >= HOSTS.len(),
        "not confirmed on all hosts: {}",
        applied.describe()
    );
    for (host, ((old, logins), (new, more))) in HOSTS.iter().zip(before.iter().zip(&after)) {
        ensure!(old != new, "{host}: sshd was not restarted: {}", applied.describe());
        // The first, the one that follows the cut step, and the one that confirms.
        ensure!(*more >= logins + 3, "{host}: {} logins: {}", more - logins, applied.describe());
    }
    stage
        .lab
        .on_all(&HOSTS, "grep -qx next /etc/drill-next && sshd -T | grep -qix 'clientaliveinterval 34'")?;
    std::thread::sleep(seconds(31));
    stage
        .lab
        .on_all(&HOSTS, &format!("grep -q 34 {LOGINS} && rm -r {DROP_IN} && systemctl daemon-reload"))?;
    let again = stage.expect(0, &["apply", "--auto-approve"])?;
    ensure!(counts(&again.stdout)?.is_none_or(|c| c == [0; 3]), "changes twice: {}", again.describe());
    stage.expect_converged()?;
    Ok(applied.took.as_secs_f64())
}

/// Each host's sshd, and how often we logged in there.
fn sshd(stage: &Stage) -> Result<Vec<(String, usize)>> {
    let look = "systemctl show -P MainPID ssh.service; journalctl -q -o cat -u ssh.service | grep -c '^Accepted publickey for ops ' || :";
    let row = |said: String| {
        let (pid, logins) = said.trim().split_once('\n').ok_or_else(|| format!("no numbers: {said}"))?;
        Ok((pid.to_owned(), logins.parse().map_err(|e| format!("{said}: {e}"))?))
    };
    stage.lab.on_all(&HOSTS, look)?.into_iter().map(row).collect()
}

/// Marks of the folders that hosts would write to.
fn marks(stage: &Stage, hosts: &[&str]) -> Result<Vec<String>> {
    stage.lab.on_all(
        hosts,
        "stat -c %y /etc/ssh/sshd_config.d /etc/sudoers.d; cat /var/lib/hacluster/debt/ssh* 2>/dev/null || :",
    )
}

fn ensure_gone(stage: &Stage, path: &str) -> Result {
    stage.lab.on_all(&HOSTS, &format!("test ! -e {path}")).map(drop)
}

/// The host that comes first takes it back, no other one is touched, and the plan
/// still shows it.
fn taken_back(stage: &mut Stage, path: &str, playbook: &str) -> Result<f64> {
    put(stage, playbook)?;
    let before = marks(stage, &NODES)?;
    let applied = stage.expect(1, &["apply", "--auto-approve"])?;
    let took = applied.took.as_secs_f64();
    let told = "nas took the change back by itself and answers again";
    ensure!(applied.both().contains(told), "'{told}' is not said: {}", applied.describe());
    ensure!(took <= LIMIT, "it took {took:.0} s: {}", applied.describe());
    ensure!(marks(stage, &NODES)? == before, "another host was touched: {}", applied.describe());
    ensure_gone(stage, path)?;
    let planned = stage.expect(2, &["plan", "--detailed-exitcode"])?;
    ensure!(
        planned.stdout.contains(&format!("+ file:{path}, 1 line, on all 4 hosts")),
        "{}",
        planned.describe()
    );
    Ok(took)
}

/// The inventory lets others log in, and not us.
fn shut_out(stage: &mut Stage) -> Result<f64> {
    let (mine, others) = ("ssh_from = [\"192.168.15.0/24\"]", "ssh_from = [\"10.99.0.0/24\"]");
    stage.folder.edit(mine, others)?;
    let rules = "nft -s list table inet hacluster; sha256sum /etc/hacluster-firewall.nft";
    let before = stage.lab.on_all(&HOSTS, rules)?;
    let applied = stage.expect(1, &["apply", "--auto-approve"])?;
    let took = applied.took.as_secs_f64();
    let told = "took the change back by itself and answers again";
    ensure!(applied.both().contains(told), "'{told}' is not said: {}", applied.describe());
    ensure!(took <= LIMIT, "it took {took:.0} s: {}", applied.describe());
    ensure!(
        stage.lab.on_all(&HOSTS, rules)? == before,
        "not all rules are as before: {}",
        applied.describe()
    );
    stage.folder.edit(others, mine)?;
    stage.expect_converged()?;
    Ok(took)
}

/// The program is killed before it could say anything.
fn without_us(stage: &mut Stage) -> Result<f64> {
    put(stage, &step(LOGINS, "0644", "Port 2222"))?;
    let call = stage.folder.hacluster(&stage.lab, seconds(9), &["apply", "--auto-approve"]).start()?;
    let listens = |stage: &Stage, port: u16| {
        let said = stage.lab.sh("nas", "ss -Hltn")?;
        ensure!(said.lines().any(|l| l.contains(&format!("0.0.0.0:{port} "))), "{port} is shut: {said}");
        Ok(())
    };
    wait_for("port 2222", seconds(20), seconds(1), || listens(stage, 2222))?;
    let at = clock();
    call.wait()?;
    wait_for("port 22 again", seconds(45), seconds(1), || listens(stage, 22))?;
    let took = clock() - at;
    ensure!(took <= LIMIT, "port 22 was open again after {took:.0} s");
    ensure_gone(stage, LOGINS)?;
    stage.expect(2, &["plan", "--detailed-exitcode"])?;
    Ok(took)
}

/// What the host that started has of it.
fn left(stage: &Stage) -> String {
    let look = format!(
        "cat {LOGINS}; ls -lR /run/hacluster /var/lib/hacluster/undo; cat /var/lib/hacluster/undo/.guard/*ed
        ls -l /etc/systemd/system/*/hacluster-revert.service; journalctl -q --no-pager -b -u hacluster-revert.service -u 'ssh*'"
    );
    stage.lab.enter("nas", &format!("{{ {look}; }} 2>&1")).unwrap_or_else(|why| why)
}

/// The power of a host that lets nobody in is cut before its timer ends. It starts
/// with what it had, read by sshd from its first moment on.
fn power_cut(stage: &mut Stage) -> Result<f64> {
    stage.excuse("nas");
    put(stage, &step(LOGINS, "0644", "AllowUsers nobody"))?;
    let before = marks(stage, &NODES)?;
    let call = stage.folder.hacluster(&stage.lab, APPLY_LIMIT, &["apply", "--auto-approve"]).start()?;
    let shut = "test -e /var/lib/hacluster/undo/.guard/armed && sshd -T | grep -qix 'allowusers nobody'
        test -L /etc/systemd/system/sysinit.target.wants/hacluster-revert.service
        ! journalctl -q -o cat -u hacluster-revert.service | grep -q Finished";
    let shut = format!("set -e\n{shut}");
    wait_for("the nas lets nobody in", seconds(20), seconds(1), || stage.lab.enter("nas", &shut).map(drop))?;
    let at = clock();
    stage.lab.power(&["kill", "nas"])?;
    // It waits until the host answers by ssh.
    stage.lab.power(&["boot", "nas"]).map_err(|why| format!("{why}\n{}", left(stage)))?;
    let took = clock() - at;
    let applied = call.wait()?;
    ensure!(applied.status == 1, "{}", applied.describe());
    stage.lab.sh(
        "nas",
        &format!(
            "grep -qx 'ClientAliveInterval 34' {LOGINS} && test -e /var/lib/hacluster/undo/.guard/reverted"
        ),
    )?;
    ensure!(marks(stage, &NODES)? == before, "another host was touched: {}", applied.describe());
    ensure_nothing_left(stage)?;
    stage.cluster()?.wait_healthy(&HOSTS, seconds(120))?;
    put(stage, &step(LOGINS, "0644", "ClientAliveInterval 34"))?;
    // It is as before; only what came with an earlier change goes.
    let again = stage.expect(0, &["apply", "--auto-approve"])?;
    ensure!(counts(&again.stdout)?.is_some_and(|c| c[..2] == [0; 2]), "changes: {}", again.describe());
    stage.expect_converged()?;
    Ok(took)
}
