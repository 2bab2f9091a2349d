//! Owns: what others' scanners say of our hosts, before and after: ssh-audit,
//! `systemd-analyze security`, lynis.

use std::path::PathBuf;
use std::thread;

use crate::command::{Call, Result, ensure};
use crate::lab::{HOSTS, Lab, address, seconds};
use crate::runner::{Drill, Tier};
use crate::stage::{Ground, Stage};

pub const DRILLS: &[Drill] = &[Drill {
    name: "scanners",
    cases: &[],
    tier: Tier::Full,
    ground: Ground::Applied,
    // A fifth host is up afterwards.
    disturbs: true,
    expected: "ssh-audit passes; etcd <= 5.0, patroni, keepalived <= 7.0",
    run: scanners,
}];

const SSH_AUDIT: &str = "ssh-audit==3.9.0";
pub const DEBIAN_12: &str = "Hardened Debian 12 (version 3)";
const DEBIAN_13: &str = "Hardened Debian 13 (version 1)";
/// A host as it is installed.
const BARE: &str = "node4";

fn scanners(stage: &mut Stage) -> Result<String> {
    stage.lab.call(seconds(300), &["up", BARE])?;
    let before = passes(&stage.lab, BARE, DEBIAN_13)?;
    ensure!(!before, "a bare host passes '{DEBIAN_13}' already: the test proves nothing");
    for host in HOSTS {
        ensure!(passes(&stage.lab, host, DEBIAN_13)?, "{host} does not pass '{DEBIAN_13}'");
    }
    let units = exposures(stage)?;
    let lynis = lynis(stage).unwrap_or_else(|why| format!("lynis: {why}"));
    Ok(format!("ssh-audit: fails before, 4 hosts pass after; {units}; {lynis}"))
}

/// Whether `host`'s sshd passes a policy of ssh-audit, which is installed beside the
/// lab from the Python registry.
pub fn passes(lab: &Lab, host: &str, policy: &str) -> Result<bool> {
    let place: PathBuf = lab.cache.join("ssh-audit");
    let program = place.join("bin/ssh-audit").to_string_lossy().into_owned();
    if !place.join("bin/ssh-audit").exists() {
        Call::new(seconds(120), ["python3", "-m", "venv", &place.to_string_lossy()]).run()?.ok()?;
        let pip = place.join("bin/pip").to_string_lossy().into_owned();
        Call::new(seconds(120), [&pip, "install", "--quiet", SSH_AUDIT]).run()?.ok()?;
    }
    let output = lab.inside(seconds(60), &[&program, "-P", policy, address(host)]).run()?;
    // 3: it does not keep to the policy; other codes are no verdict.
    ensure!([0, 3].contains(&output.status), "{}", output.describe());
    Ok(output.status == 0)
}

/// Each unit as its package has it, and as it is; the figures of the hosts' systemd.
fn exposures(stage: &Stage) -> Result<String> {
    let units = [
        ("etcd", "etcd-patroni@node1.service", 5.0),
        ("patroni", "patroni.service", 7.0),
        ("keepalived", "keepalived.service", 7.0),
    ];
    let figure = |script: &str| -> Result<f64> {
        let said = stage.lab.sh("node1", script)?;
        let number =
            said.rsplit_once(": ").and_then(|(_, rest)| rest.split_whitespace().next()?.parse().ok());
        number.ok_or_else(|| format!("no figure: {said}"))
    };
    let mut shown = Vec::new();
    for (name, ours, limit) in units {
        // By another name: settings of ours are for the name it has.
        let before = figure(&format!(
            "cp /usr/lib/systemd/system/{name}.service /run/shipped.service
            systemd-analyze security --no-pager --offline=true /run/shipped.service | tail -n 1"
        ))?;
        let after = figure(&format!("systemd-analyze security --no-pager {ours} | tail -n 1"))?;
        ensure!(after <= limit, "{ours} is at {after}, the limit is {limit}");
        shown.push(format!("{name} {before} to {after}"));
    }
    Ok(shown.join(", "))
}

/// Lynis's index, where this machine's archive has the package.
fn lynis(stage: &Stage) -> Result<String> {
    let place = stage.lab.cache.join("lynis").to_string_lossy().into_owned();
    let fetch = format!(
        "set -e; test ! -e {place}/usr || exit 0; mkdir -p {place}; cd {place}
        apt-get -q download lynis; dpkg-deb -x lynis_*.deb ."
    );
    Call::new(seconds(60), ["sh", "-c", &fetch]).run()?.ok().map_err(|_| "not to be had here".to_owned())?;
    let index = |host: &str| -> Result<String> {
        let disk = stage.lab.power(&["root", host])?.stdout;
        let disk = disk.trim();
        let copy = format!(
            "set -e; cp -a {place}/usr/share/lynis {disk}/root/; cp {place}/usr/sbin/lynis {disk}/root/lynis/
            cp -a {place}/etc/lynis {disk}/etc/"
        );
        Call::new(seconds(30), ["sh", "-c", &copy]).run()?.ok()?;
        let audit =
            "cd /root/lynis && ./lynis audit system --quick --no-colors --no-log </dev/null 2>/dev/null |
            sed -n 's/.*Hardening index : \\([0-9]*\\).*/\\1/p'";
        let said = stage.lab.script(host, seconds(150), audit)?.stdout;
        let said = said.trim().to_owned();
        ensure!(!said.is_empty(), "no index of {host}");
        Ok(said)
    };
    let [bare, node] = thread::scope(|scope| {
        let jobs = [BARE, "node1"].map(|host| scope.spawn(move || index(host)));
        jobs.map(|job| job.join().unwrap_or_else(|_| Err("a thread ended badly".to_owned())))
    });
    Ok(format!("lynis: bare host {}, node1 {}", bare?, node?))
}
