//! Owns: clocks that are ten minutes apart, on the control machine and in the shell
//! tools of hosts (libfaketime). The lock does not mind; what would make
//! certificates that are not valid is refused.

use std::fs;
use std::time::Duration;

use crate::command::{Call, Output, Result, ensure, wait_for};
use crate::lab::{HOSTS, seconds};
use crate::runner::{Drill, Tier};
use crate::stage::{APPLY_LIMIT, Ground, Stage};

pub const DRILLS: &[Drill] = &[Drill {
    name: "clock-skew",
    cases: &["F46"],
    tier: Tier::Full,
    ground: Ground::Synchronous,
    disturbs: true,
    expected: "the lock holds, 0 changes stay 0; a change is refused",
    run: |stage| stage.as_another(skewed),
}];

const LIBRARY: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";
/// Where hosts have it.
const THERE: &str = "/usr/local/lib/drill-faketime.so";
const APPLY: [&str; 2] = ["apply", "--auto-approve"];
const RACES: &str = "40";

/// One long step, and one after it that only the holder of the lock can do.
const PLAYBOOK: &str = r#"[playbook]
name  = "slow"
title = "the drill's"
on    = "base"

[[step]]
name    = "slow"
command = { name = "slow", run = "sleep 20; touch /var/tmp/drill-slow", creates = "/var/tmp/drill-slow" }

[[step]]
name    = "next"
after   = ["slow"]
command = { name = "next", run = "touch /var/tmp/drill-next", creates = "/var/tmp/drill-next" }
"#;

fn skewed(stage: &mut Stage) -> Result<String> {
    fs::create_dir_all(stage.folder.path("playbooks")).map_err(|e| e.to_string())?;
    stage.folder.write("playbooks/slow.toml", PLAYBOOK)?;
    let library = fs::read(LIBRARY).map_err(|e| format!("{LIBRARY}: {e}"))?;
    let library = data_encoding::BASE64.encode(&library);
    stage.lab.on_all(&["node2", "node3"], &format!("base64 -d >{THERE} <<END\n{library}\nEND"))?;
    let (busy, taken) = under_way(stage)?;
    let hosts = skewed_hosts(stage)?;
    stage.lab.on_all(
        &["node2", "node3"],
        "sed -i '/^LD_PRELOAD=\\|^FAKETIME\\|^NO_FAKE_STAT/d' /etc/environment",
    )?;
    let control = skewed_control(stage)?;
    stage.expect(0, &APPLY)?;
    stage.expect_converged()?;
    Ok(format!(
        "held through {busy} tries of others, then taken {taken} times, never twice; refused: hosts {hosts}, control {control}"
    ))
}

/// Shells that come in by ssh from now on, and what they start.
fn skew(stage: &Stage, host: &str, by: &str) -> Result {
    // A clock that jumps leaves the times of files as they are.
    let lines =
        format!("LD_PRELOAD={THERE}\\nFAKETIME={by}\\nFAKETIME_DONT_FAKE_MONOTONIC=1\\nNO_FAKE_STAT=1\\n");
    stage.lab.sh(host, &format!("printf '{lines}' >>/etc/environment"))?;
    let apart = stage.lab.sh(host, "echo $(($(date +%s) - $(env -u LD_PRELOAD date +%s)))")?;
    ensure!(apart.trim().trim_start_matches('-') == "600", "{host}: clocks are {apart} s apart");
    Ok(())
}

/// Clocks jump while somebody has the lock, and others race for it with clocks of
/// their own: how often they met it held, and had it afterwards.
fn under_way(stage: &mut Stage) -> Result<(u64, u64)> {
    let holder = stage.folder.hacluster(&stage.lab, APPLY_LIMIT, &APPLY).start()?;
    wait_for("the slow step", seconds(30), Duration::from_millis(300), || {
        let said = stage.lab.on_all(&HOSTS, "cat /run/hacluster/running 2>/dev/null || :")?;
        if said.iter().all(|running| running.contains("command:slow")) {
            Ok(())
        } else {
            Err(format!("{said:?}"))
        }
    })?;
    skew(stage, "node2", "+600")?;
    skew(stage, "node3", "-600")?;
    let own = std::env::current_exe().map_err(|e| e.to_string())?;
    let (own, cache) = (own.to_string_lossy().into_owned(), stage.lab.cache.to_string_lossy().into_owned());
    let races =
        behind(stage.lab.inside(seconds(300), &[&own, "contend", &cache, RACES]), "+600").run()?.ok()?;
    let holder = holder.wait()?;
    ensure!(holder.status == 0 && holder.both().contains("command:next: changed"), "{}", holder.describe());
    let numbers: Vec<u64> = races.stdout.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let [taken, busy, double, _] = numbers[..] else { return Err(races.describe()) };
    ensure!(double == 0 && busy > 0, "{double} times two held it, {busy} times it was busy");
    Ok((busy, taken))
}

/// With another clock for the control program.
fn behind(call: Call, by: &str) -> Call {
    call.env("LD_PRELOAD", LIBRARY).env("FAKETIME", by)
}

/// Two hosts' clocks are wrong.
fn skewed_hosts(stage: &mut Stage) -> Result<String> {
    let clean = stage.expect(0, &["plan", "--detailed-exitcode"])?;
    ensure!(clean.stdout.contains("No changes"), "{}", clean.describe());
    stage.expect(0, &APPLY)?;
    let ended = refused(stage, None)?;
    for words in [
        "node2: its clock is ",
        "s ahead of this machine's",
        "node3: its clock is ",
        "s behind this machine's",
    ] {
        ensure!(ended.both().contains(words), "'{words}' is not said: {}", ended.describe());
    }
    ensure!(!ended.both().contains("node1: its clock"), "{}", ended.describe());
    Ok("node2, node3".to_owned())
}

/// The own clock is wrong, so every host's seems to be.
fn skewed_control(stage: &mut Stage) -> Result<String> {
    for by in ["+600", "-600"] {
        let ended = refused(stage, Some(by))?;
        let named =
            HOSTS.iter().filter(|host| ended.both().contains(&format!("{host}: its clock is "))).count();
        ensure!(named == HOSTS.len(), "{by}: {named} hosts are named: {}", ended.describe());
        let clean = stage.folder.hacluster(&stage.lab, APPLY_LIMIT, &["plan", "--detailed-exitcode"]);
        let clean = behind(clean, by).run()?;
        ensure!(clean.status == 0, "{by}: {}", clean.describe());
    }
    Ok("+600, -600".to_owned())
}

/// A change is asked for, and not made; then it is not asked for any more.
fn refused(stage: &mut Stage, by: Option<&str>) -> Result<Output> {
    let other = PLAYBOOK.replace("drill-next", "drill-other");
    stage.folder.write("playbooks/slow.toml", &other)?;
    let call = stage.folder.hacluster(&stage.lab, APPLY_LIMIT, &APPLY);
    let call = if let Some(by) = by { behind(call, by) } else { call };
    let ended = call.run()?;
    stage.folder.write("playbooks/slow.toml", PLAYBOOK)?;
    ensure!(ended.status == 1 && ended.both().contains("nothing was changed"), "{}", ended.describe());
    stage.lab.on_all(&HOSTS, "test ! -e /var/tmp/drill-other")?;
    Ok(ended)
}
