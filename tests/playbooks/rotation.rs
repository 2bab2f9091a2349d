//! New passwords of the cluster's own: who learns them before whom.

use std::collections::BTreeSet;

use hacluster::expand::{Resource, expand};
use hacluster::graph::{Graph, Node};
use hacluster::resource::Kind;

use super::Cluster;

fn rotating(cluster: &Cluster) -> Vec<Resource> {
    let mut context = cluster.inventory.context();
    assert_eq!(context["computed"]["rotating"], false);
    context["computed"]["rotating"] = true.into();
    expand(&cluster.playbooks, &context, &cluster.renderer).unwrap()
}

/// Labels of everything that must be done before `id`.
fn before(id: &str, resources: &[Resource], graph: &Graph) -> BTreeSet<String> {
    let is = |node: &Node| matches!(node, Node::Resource(index) if resources[*index].id == id);
    let mut open: Vec<_> = graph.order.iter().copied().filter(|node| is(&graph.dag[*node])).collect();
    assert_eq!(open.len(), 1, "{id}");
    let mut found = BTreeSet::new();
    while let Some(node) = open.pop() {
        for (from, _) in graph.predecessors(node).filter(|(_, edge)| !edge.soft) {
            if found.insert(graph.label(from, resources)) {
                open.push(from);
            }
        }
    }
    found
}

#[test]
fn every_patroni_knows_its_password_before_etcd_does() {
    let cluster = Cluster::lab();
    let resources = rotating(&cluster);
    let graph = Graph::build(&resources, &cluster.playbooks).unwrap();
    let first = before("cluster/etcd_password:patroni", &resources, &graph);
    for host in ["node1", "node2", "node3", "nas"] {
        for step in ["file:/etc/patroni/config.yml", "unit:patroni.service"] {
            assert!(first.contains(&format!("{host}/{step}")), "{host}/{step}: {first:?}");
        }
    }
    assert!(first.contains("cluster/etcd_password:root"));
    let root = before("cluster/etcd_password:root", &resources, &graph);
    assert!(root.contains("cluster/etcd_auth:accounts"));
    assert!(!root.iter().any(|label| label.contains("patroni.service")), "{root:?}");
    let settles = |r: &Resource| match &r.kind {
        Kind::EtcdPassword(password) => Some((password.user.clone(), password.settle.clone())),
        _ => None,
    };
    let settles: Vec<(String, String)> = resources.iter().filter_map(settles).collect();
    assert_eq!(settles, [("root".into(), String::new()), ("patroni".into(), "10".into())]);
}

/// Else every plan would look at marks and ask PostgreSQL.
#[test]
fn nothing_of_it_is_asked_otherwise() {
    let cluster = Cluster::lab();
    let kinds = |r: &&Resource| matches!(r.kind, Kind::EtcdPassword(_) | Kind::PostgresPassword(_));
    assert_eq!(cluster.resources.iter().filter(kinds).count(), 0);
    assert_eq!(rotating(&cluster).iter().filter(kinds).count(), 5);
}

/// etcd reads whom it trusts at its start, Patroni's REST API with a setting that differs.
#[test]
fn whoever_trusts_others_learns_of_another_authority() {
    let cluster = Cluster::lab();
    let graph = Graph::build(&cluster.resources, &cluster.playbooks).unwrap();
    for (service, authority) in [
        ("nas/unit:etcd-patroni@nas-b.service", "nas/file:/etc/hacluster/pki/etcd-ca.crt"),
        ("nas/unit:patroni.service", "nas/file:/etc/patroni/tls/ca.crt"),
    ] {
        let first = before(service, &cluster.resources, &graph);
        assert!(first.contains(authority), "{service}: {first:?}");
    }
    let text = cluster.text("nas/file:/etc/patroni/config.yml");
    let line = text.lines().find_map(|line| line.strip_prefix("  keyfile_password: "));
    assert_eq!(line.map(str::len), Some(66), "{text}");
}
