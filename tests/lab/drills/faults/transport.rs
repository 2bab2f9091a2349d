//! Owns: a connection that is cut, lossy, refused or not trusted.

use std::thread::sleep;
use std::time::Instant;

use super::barrier::Barrier;
use super::{APPLY, fault, playbook, says, settled, spoil, spoiled, start_apply};
use crate::command::{Result, ensure, wait_for};
use crate::lab::{HOSTS, address, seconds};
use crate::product::read;
use crate::runner::Drill;
use crate::stage::Stage;

pub const DRILLS: &[Drill] = &[
    fault("link-drops", &["F16", "F17"], "found again, done once, <= 30 s more", |s| settled(s, dropped)),
    fault("one-connection-a-host", &["F22"], "40 steps a host, 1 login each, 0 refused", |s| {
        settled(s, storm)
    }),
    fault("keys-not-trusted", &["F25", "F26"], "exit 4, way to pin, 0 effects", |s| settled(s, keys)),
    fault("packets-lost", &["F28"], "10 % lost: done, or a clean second try", |s| settled(s, lossy)),
];

/// Seconds without a packet: longer than it takes to notice.
const CUT: u64 = 20;
/// Seconds that the step itself takes.
const STEP: u64 = 12;
/// Seconds that a cut may cost beyond itself.
const MORE: f64 = 30.0;

/// One host is silent in its step, the other prints all the time.
fn dropped(stage: &mut Stage) -> Result<String> {
    let run = format!(
        "echo once >>/var/tmp/drill-cut; for i in $(seq {}); do [ \\\"$(uname -n)\\\" = node2 ] || echo line $i; sleep 0.1; done; echo done >>/var/tmp/drill-cut; touch /var/tmp/drill-cut-done",
        STEP * 10
    );
    playbook(
        stage,
        &format!(
            "[[step]]\nname    = \"slow\"\ncommand = {{ name = \"slow\", run = \"{run}\", creates = \"/var/tmp/drill-cut-done\" }}\n"
        ),
    )?;
    let start = Instant::now();
    let running = start_apply(stage)?;
    wait_for("the step", seconds(30), std::time::Duration::from_millis(200), || {
        ["node2", "node3"]
            .iter()
            .try_for_each(|host| stage.lab.enter(host, "test -e /var/tmp/drill-cut").map(drop))
    })?;
    let sides = format!("ip ADDRESS {{ {}, {} }} drop", address("node2"), address("node3"));
    let barrier = Barrier::ours(&stage.lab, &sides)?;
    sleep(seconds(CUT));
    drop(barrier);
    let output = running.wait()?.ok()?;
    let took = start.elapsed().as_secs_f64();
    let done = stage
        .lab
        .on_all(&HOSTS, "tr '\\n' ' ' </var/tmp/drill-cut; rm /var/tmp/drill-cut /var/tmp/drill-cut-done")?;
    ensure!(done.iter().all(|said| said == "once done "), "done how often: {done:?}: {}", output.describe());
    let most = MORE + f64::from(u32::try_from(CUT + STEP).unwrap_or(u32::MAX));
    ensure!(took <= most, "it took {took:.0} s: {}", output.describe());
    Ok(format!("cut for {CUT} s in a step of {STEP} s: exit 0 after {took:.0} s, each once"))
}

/// Many steps, also beside each other.
const STEPS: usize = 40;

/// Logins and refused connections on each host, as its sshd tells.
fn logins(stage: &Stage) -> Result<Vec<(u32, u32)>> {
    let count = |host: &str| {
        let count = |what: &str| format!("journalctl -q -o cat -u ssh | grep -ciE '{what}' || :");
        let said = stage.lab.enter(
            host,
            &format!("{}\n{}", count("^Accepted publickey"), count("drop connection|maxstartups|refused")),
        )?;
        let mut numbers = said.lines().filter_map(|line| line.trim().parse().ok());
        numbers.next().zip(numbers.next()).ok_or_else(|| format!("{host}: no numbers: {said}"))
    };
    HOSTS.into_iter().map(count).collect()
}

fn storm(stage: &mut Stage) -> Result<String> {
    let step = |n: usize| {
        format!("[[step]]\nname = \"s{n}\"\nfile = {{ path = \"/etc/drill.d/{n}\", content = \"{n}\\n\" }}\n")
    };
    let folder = "[[step]]\nname = \"folder\"\ndirectory = { path = \"/etc/drill.d\" }\n";
    let steps: Vec<String> = std::iter::once(folder.to_owned()).chain((0..STEPS).map(step)).collect();
    playbook(stage, &steps.concat())?;
    let before = logins(stage)?;
    stage.expect(0, &APPLY)?;
    let after = logins(stage)?;
    let once = |(before, after): (&(u32, u32), &(u32, u32))| (before.0 + 1, before.1) == *after;
    ensure!(before.iter().zip(&after).all(once), "logins and refusals: {before:?}, then {after:?}");
    stage.lab.on_all(&HOSTS, &format!("test $(ls /etc/drill.d | wc -l) = {STEPS}"))?;
    Ok(format!("{STEPS} steps on {} hosts, 1 login each", HOSTS.len()))
}

const KNOWN: &str = "known_hosts";

fn keys(stage: &mut Stage) -> Result<String> {
    let right = read(&stage.lab.cache.join(KNOWN))?;
    let file = stage.folder.write(KNOWN, "")?;
    stage.folder.edit(&format!("{}/{KNOWN}", stage.lab.cache.display()), &file.to_string_lossy())?;
    spoil(stage, &["node1", "node2"])?;
    let nobody = stage.expect(4, &APPLY)?;
    says(&nobody, &["not trusted", "SHA256:", "hacluster hosts trust"])?;
    ensure!(spoiled(stage)? == ["node1", "node2"], "a host nobody trusts was changed");
    let revoked = |line: &str| {
        let ours = line.starts_with(address("node1"));
        if ours { format!("{line}\n@revoked {line}\n") } else { format!("{line}\n") }
    };
    stage.folder.write(KNOWN, &right.lines().map(revoked).collect::<String>())?;
    let one = stage.expect(4, &APPLY)?;
    says(&one, &["node1", "revoked", &format!("{KNOWN}:")])?;
    ensure!(spoiled(stage)? == ["node1"], "node1 was changed, or node2 was not");
    Ok("nobody pinned: exit 4, nothing done; one revoked: exit 4, the others done".to_owned())
}

fn lossy(stage: &mut Stage) -> Result<String> {
    spoil(stage, &HOSTS)?;
    let hosts = HOSTS.map(address).join(", ");
    let barrier =
        Barrier::ours(&stage.lab, &format!("ip ADDRESS {{ {hosts} }} numgen random mod 100 < 10 drop"))?;
    let applied = stage.hacluster(&APPLY)?;
    drop(barrier);
    ensure!([0, 4].contains(&applied.status), "{}", applied.describe());
    if applied.status != 0 {
        stage.expect(0, &APPLY)?;
    }
    ensure!(spoiled(stage)?.is_empty(), "not mended: {}", applied.describe());
    Ok(format!("exit {} after {:.1} s", applied.status, applied.took.as_secs_f64()))
}
