//! Owns: hosts that are in two clusters are told apart, and nothing is done to them.

use crate::command::{Result, ensure, wait_for};
use crate::lab::{address, seconds};
use crate::runner::{Drill, Tier};
use crate::stage::{Ground, Stage};

pub const DRILLS: &[Drill] = &[Drill {
    name: "divided-clusters",
    cases: &[],
    tier: Tier::Full,
    ground: Ground::Applied,
    disturbs: true,
    expected: "both named with their hosts, exit 1, nothing done",
    run: divided,
}];

const FILE: &str = "/etc/security/limits.d/60-hacluster.conf";

/// One host has an etcd member of a cluster of its own, and its Patroni is off.
fn divided(stage: &mut Stage) -> Result<String> {
    let cluster = stage.cluster()?;
    let host = if cluster.leader("node1")? == "node3" { "node2" } else { "node3" };
    let ours = cluster.marks("node1")?.0;
    let bootstrap = format!(
        "set -e
        systemctl stop patroni etcd-patroni@{host}
        mv /var/lib/etcd-patroni/{host}/member /var/tmp/member
        mkdir -p /run/hacluster
        printf '%s\\n' ETCD_INITIAL_CLUSTER={host}=https://{peer}:2480 ETCD_INITIAL_CLUSTER_STATE=new \\
            ETCD_INITIAL_CLUSTER_TOKEN=foreign ETCD_INITIAL_ADVERTISE_PEER_URLS=https://{peer}:2480 >/run/hacluster/etcd-{host}.initial
        systemctl start etcd-patroni@{host}",
        peer = address(host)
    );
    stage.lab.sh(host, &bootstrap)?;
    let id = "curl -sf --cacert /etc/hacluster/pki/ca.crt --cert /etc/hacluster/pki/client.crt \\
        --key /etc/hacluster/pki/client.key https://127.0.0.1:2479/v3/maintenance/status -d '{}' |
        sed -n 's/.*\"cluster_id\": *\"\\([0-9]*\\)\".*/\\1/p'";
    let theirs: u64 = wait_for("the other cluster", seconds(20), seconds(1), || {
        stage.lab.sh(host, id)?.trim().parse().map_err(|_| "no id yet".to_owned())
    })?;
    ensure!(theirs != ours, "{host} is in the same cluster {ours:x}");
    stage.lab.sh("node1", &format!("echo '# drill' >>{FILE}"))?;
    for words in [&["plan"][..], &["apply", "--auto-approve"], &["drift-check"]] {
        let said = stage.expect(1, words)?;
        let (own, other) = (format!("{theirs:x} on {host}"), format!("{ours:x} on nas, node1, node"));
        let told = ["2 disjoint etcd clusters answer, by id: ", &own, &other, "nothing is done to them"];
        ensure!(told.iter().all(|part| said.both().contains(part)), "not told: {}", said.describe());
    }
    ensure!(stage.lab.sh("node1", &format!("grep -c drill {FILE}"))?.trim() == "1", "node1 was changed");
    ensure!(cluster.voters("node1")?.len() == 5, "a vote was taken away");
    let now: u64 = stage.lab.sh(host, id)?.trim().parse().map_err(|_| "no id any more")?;
    ensure!(now == theirs, "{host} was changed");
    Ok(format!("{host} in {theirs:x}, the others in {ours:x}: said by plan, apply and drift-check"))
}
