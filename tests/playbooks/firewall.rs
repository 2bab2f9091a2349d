//! Who may reach which port of a host.

use hacluster::graph::{Graph, Node};
use hacluster::lint::{Lint, Reach};

use super::{Cluster, lab_with};

const RULES: &str = "file:/etc/hacluster-firewall.nft";

fn rules(cluster: &Cluster, host: &str) -> String {
    cluster.text(&format!("{host}/{RULES}"))
}

#[test]
fn the_rules_of_a_node() {
    insta::assert_snapshot!(rules(&Cluster::lab(), "node2"), @r#"
    # Managed by hacluster: who may reach this host; everything else is dropped. One table
    # of its own: Docker, K3s and others keep theirs. What is forwarded is not judged here.
    add table inet hacluster
    delete table inet hacluster

    table inet hacluster {
        chain input {
            type filter hook input priority filter; policy drop;
            iif lo accept
            ct state established,related accept
            # Connections from before these rules go on: only what opens one is judged.
            tcp flags & (fin | syn | rst | ack) != syn accept
            # ICMP and ICMPv6: not every host has /etc/protocols, where names stand.
            meta l4proto { 1, 58 } accept
            # An IPv6 address by DHCP: asked for by multicast, so it is no answer.
            ip6 saddr fe80::/10 udp sport 547 udp dport 546 accept
            ip saddr { 192.168.15.0/24 } tcp dport 22 accept comment "sshd"
            ip saddr { 192.168.15.0/24 } udp dport 123 accept comment "chrony"
            ip saddr { 192.168.15.101, 192.168.15.102, 192.168.15.103, 192.168.15.50 } tcp dport 2479 accept comment "etcd's clients"
            ip saddr { 192.168.15.101, 192.168.15.102, 192.168.15.103, 192.168.15.50 } tcp dport 2480 accept comment "etcd's peers"
            ip saddr { 192.168.15.0/24, 192.168.15.101, 192.168.15.102, 192.168.15.103, 192.168.15.50 } tcp dport 5432 accept comment "PostgreSQL"
            ip saddr { 192.168.15.0/24, 192.168.15.101, 192.168.15.102, 192.168.15.103, 192.168.15.50 } tcp dport 8008 accept comment "Patroni's REST API"
            ip saddr { 192.168.15.101, 192.168.15.102, 192.168.15.103, 192.168.15.50 } meta l4proto 112 accept comment "keepalived"
            ip saddr { 10.42.0.0/16, 192.168.15.0/24, 192.168.15.101, 192.168.15.102, 192.168.15.103 } tcp dport 6443 accept comment "the Kubernetes API"
            ip saddr { 192.168.15.101, 192.168.15.102, 192.168.15.103 } tcp dport 2379 accept comment "K3s's etcd"
            ip saddr { 192.168.15.101, 192.168.15.102, 192.168.15.103 } tcp dport 2380 accept comment "K3s's etcd"
            ip saddr { 10.42.0.0/16, 192.168.15.101, 192.168.15.102, 192.168.15.103 } tcp dport 10250 accept comment "kubelet"
            ip saddr { 192.168.15.101, 192.168.15.102, 192.168.15.103 } udp dport 8472 accept comment "flannel"
            ip saddr { 192.168.15.101, 192.168.15.102, 192.168.15.103 } tcp dport 7946 accept comment "MetalLB"
            ip saddr { 192.168.15.101, 192.168.15.102, 192.168.15.103 } udp dport 7946 accept comment "MetalLB"
            ip saddr { 192.168.15.0/24 } udp dport 53 accept comment "DNS"
            ip saddr { 192.168.15.0/24 } tcp dport 53 accept comment "DNS"
            # What is meant for nobody in particular is no news.
            meta pkttype { broadcast, multicast } drop
            limit rate 6/minute burst 20 packets log prefix "hacluster drops: " level info
        }
    }
    "#);
}

/// Two members of etcd, and none of K3s's ports.
#[test]
fn the_nas_opens_what_it_has() {
    let nas = rules(&Cluster::lab(), "nas");
    let ports = nas.lines().filter_map(|line| line.split(" dport ").nth(1)?.split(' ').next()?.parse().ok());
    let ports: Vec<u16> = ports.collect();
    assert_eq!(ports, [546, 22, 123, 2479, 2489, 2480, 2490, 5432, 8008]);
}

#[test]
fn ports_of_ones_own_are_open_where_they_are_wanted() {
    let with = "[firewall]\ntrust = [\"10.9.0.0/24\"]\nallow = [{ port = 8080, from = \"192.0.2.0/24\", hosts = [\"node1\"] }, \
                { port = 51820, protocol = \"udp\" }]\n";
    let cluster = lab_with("[firewall]\nssh_from = [\"192.168.15.0/24\"]\n", with);
    let own = |host: &str| -> Vec<String> {
        let text = rules(&cluster, host);
        let lines = text
            .lines()
            .map(str::trim)
            .filter(|l| ["8080", "51820", "trusted", "sshd"].iter().any(|w| l.contains(w)));
        lines.map(str::to_owned).collect()
    };
    let everywhere = [
        "ip saddr { 10.9.0.0/24 } accept comment \"trusted\"",
        "tcp dport 22 accept comment \"sshd\"",
        "udp dport 51820 accept",
    ];
    assert_eq!(own("node2"), everywhere);
    let mut node1 = everywhere.to_vec();
    node1.insert(2, "ip saddr { 192.0.2.0/24 } tcp dport 8080 accept");
    assert_eq!(own("node1"), node1);
}

/// TrueNAS SCALE has rules of its own; its members are let in by the nodes.
#[test]
fn a_real_truenas_is_left_alone_and_let_in() {
    let cluster = lab_with("platform     = \"debian\"", "platform     = \"scale\"");
    assert!(!cluster.resources.iter().any(|r| r.id.starts_with("nas/") && r.playbook == "firewall"));
    assert!(rules(&cluster, "node1").contains("192.168.15.50 } tcp dport 2480 "));
}

/// Our own check sees it where somebody takes our way in out of the template.
#[test]
fn a_template_that_shuts_us_out_is_refused() {
    let text = rules(&Cluster::lab(), "node1");
    let reach = |port| Reach { address: "192.168.15.101".to_owned(), user: "root".to_owned(), port };
    let what = |port| -> Vec<String> {
        Lint::Nftables.check(&text, &reach(port)).into_iter().map(|finding| finding.what).collect()
    };
    assert_eq!(what(22), Vec::<String>::new());
    insta::assert_snapshot!(what(2222).join("\n"), @"chain input drops by default, and port 2222, where hacluster connects to, is not accepted");
}

/// A member that joins is let in by the others first; one of them that is away holds nobody up.
#[test]
fn members_meet_once_all_hosts_have_their_rules() {
    let cluster = Cluster::lab();
    let graph = Graph::build(&cluster.resources, &cluster.playbooks).unwrap();
    let joins = cluster.resources.iter().position(|r| r.id == "node1/etcd_member:node1").unwrap();
    let node = graph.order.iter().find(|node| graph.dag[**node] == Node::Resource(joins)).unwrap();
    let mut hosts: Vec<(String, bool)> = graph
        .predecessors(*node)
        .filter_map(|(from, edge)| match &graph.dag[from] {
            Node::Done(host, playbook) if playbook == "firewall" => Some((host.clone(), edge.soft)),
            _ => None,
        })
        .collect();
    hosts.sort();
    let expected = [("nas", true), ("node1", false), ("node2", true), ("node3", true)];
    assert_eq!(hosts, expected.map(|(host, soft)| (host.to_owned(), soft)));
}
