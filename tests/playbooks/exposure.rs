//! What our units leave open, by systemd's own count (`systemd-analyze security`, 0 to
//! 10): services as Debian ships them, with our settings.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::Cluster;

/// The part of Debian's units that counts (12 and 13 are alike).
const DEBIAN: [(&str, &str); 2] = [
    (
        "patroni.service",
        "User=postgres\nGroup=postgres\nExecStart=/usr/bin/patroni /etc/patroni/config.yml\nKillMode=process\n",
    ),
    ("keepalived.service", "Type=notify\nExecStart=/usr/sbin/keepalived --dont-fork\n"),
];

/// What systemd says of a unit below `root`.
fn exposure(root: &Path, unit: &str) -> f64 {
    let mut analyze = Command::new("systemd-analyze");
    analyze
        .args(["security", "--offline=true", "--no-pager"])
        .arg(format!("--root={}", root.display()))
        .arg(unit);
    let output =
        analyze.output().unwrap_or_else(|error| panic!("systemd-analyze comes with systemd: {error}"));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let (_, last) =
        said.rsplit_once(": ").unwrap_or_else(|| panic!("{said}{}", String::from_utf8_lossy(&output.stderr)));
    last.split_whitespace().next().unwrap().parse().unwrap()
}

#[test]
fn units_leave_no_more_open_than_they_need() {
    let cluster = Cluster::lab();
    let dir = tempfile::tempdir().unwrap();
    let units = dir.path().join("etc/systemd/system");
    fs::create_dir_all(&units).unwrap();
    let etcd = cluster.text("node1/file:/etc/systemd/system/etcd-patroni@.service");
    fs::write(units.join("etcd-patroni@node1.service"), etcd).unwrap();
    for (unit, service) in DEBIAN {
        let whole = format!("[Unit]\nDescription=Debian's\n\n[Service]\n{service}");
        fs::write(units.join(unit), whole).unwrap();
    }
    let before = DEBIAN.map(|(unit, _)| exposure(dir.path(), unit));
    assert!(before.iter().all(|figure| *figure > 9.0), "{before:?}");
    for (unit, _) in DEBIAN {
        let text = cluster.text(&format!("node1/file:/etc/systemd/system/{unit}.d/hacluster.conf"));
        fs::create_dir(units.join(format!("{unit}.d"))).unwrap();
        fs::write(units.join(format!("{unit}.d/hacluster.conf")), text).unwrap();
    }
    let limits = [("etcd-patroni@node1.service", 5.0), ("patroni.service", 7.0), ("keepalived.service", 7.0)];
    for (unit, limit) in limits {
        let figure = exposure(dir.path(), unit);
        assert!(figure <= limit, "{unit}: {figure}, the limit is {limit}");
    }
}
