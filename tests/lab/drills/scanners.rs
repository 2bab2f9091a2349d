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
    expected: "ssh-audit passes; etcd <= 5.0, our other units <= 7.0; lynis not less",
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
    let lynis = lynis(stage)?;
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

/// The unit that a package of Debian has for it, what we make of it, and the most that
/// `systemd-analyze security` may say of that.
const UNITS: [(&str, &str, f64); 5] = [
    ("etcd", "etcd-patroni@.service", 5.0),
    ("patroni", "patroni.service", 7.0),
    ("keepalived", "keepalived.service", 7.0),
    ("chrony", "chrony.service", 7.0),
    ("nftables", "hacluster-firewall.service", 7.0),
];

/// Units and drop-ins that are ours, by the name of the unit.
const OURS: &str =
    "cd /etc/systemd/system; grep -l '^# Managed by hacluster' *.service */*.conf | sed 's,\\.d/.*,,'";

/// Each unit as its package has it, and as it is; the figures of the hosts' systemd.
/// Asked beside the network: sshd refuses for a while whoever scanned it.
fn exposures(stage: &Stage) -> Result<String> {
    let figure = |unit: &str, how: &str| -> Result<f64> {
        let said = stage.lab.enter("node1", &format!("systemd-analyze security --no-pager {how} {unit}"))?;
        let number = said.trim().lines().last().and_then(|line| line.rsplit_once(": "));
        let number = number.and_then(|(_, rest)| rest.split_whitespace().next()?.parse().ok());
        number.ok_or_else(|| format!("no figure: {said}"))
    };
    let found = stage.lab.enter("node1", OURS)?;
    let mut found: Vec<&str> = found.lines().collect();
    found.sort_unstable();
    let mut known = UNITS.map(|(_, ours, _)| ours);
    known.sort_unstable();
    ensure!(found == known, "units of ours are {found:?}, limits are known of {known:?}");
    let mut shown = Vec::new();
    for (shipped, ours, limit) in UNITS {
        // By another name: settings of ours are for the name it has.
        let copy = "/run/shipped.service";
        stage.lab.enter("node1", &format!("cp /usr/lib/systemd/system/{shipped}.service {copy}"))?;
        let before = figure(copy, "--offline=true")?;
        let after = figure(&ours.replace("@.", "@node1."), "")?;
        ensure!(after <= limit, "{ours} is at {after}, the limit is {limit}");
        ensure!(after <= before, "{ours} is at {after}, Debian's own at {before}");
        shown.push(format!("{} {before} to {after}", ours.trim_end_matches(".service")));
    }
    Ok(shown.join(", "))
}

/// Lynis's index, from the package in the image.
fn lynis(stage: &Stage) -> Result<String> {
    let audit = "export DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin
        { apt-get -qq update && apt-get -qq install -y --no-install-recommends lynis; } >&2 || exit 1
        lynis audit system --quick --no-colors --no-log </dev/null 2>/dev/null |
        sed -n 's/.*Hardening index : \\([0-9]*\\).*/\\1/p'";
    let index = |host: &str| -> Result<u32> {
        let output =
            stage.lab.command(seconds(180), &["enter", host, "sh", "-s"]).stdin(audit).run()?.ok()?;
        output.stdout.trim().parse().map_err(|_| format!("no index of {host}: {}", output.describe()))
    };
    let [bare, node] = thread::scope(|scope| {
        let jobs = [BARE, "node1"].map(|host| scope.spawn(move || index(host)));
        jobs.map(|job| job.join().unwrap_or_else(|_| Err("a thread ended badly".to_owned())))
    });
    let (bare, node) = (bare?, node?);
    ensure!(node >= bare, "lynis gives node1 {node}, and a bare host {bare}");
    Ok(format!("lynis: bare host {bare}, node1 {node}"))
}
