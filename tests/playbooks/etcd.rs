//! etcd's settings and identities, and what its gateway answers.

use hacluster::facts::view::View;
use hacluster::facts::{Facts, Needs, parse};
use hacluster::resource::{Change, Kind};

use super::Cluster;

/// The facts of `node1` from what its member answers.
fn facts(cluster: &Cluster, answers: &str) -> Facts {
    let mut needs = Needs::default();
    let member = cluster.resources.iter().find(|r| r.id == "node1/etcd_member:node1").unwrap();
    member.kind.manage().needs(&mut needs);
    let section = |name: &str, body: &str| format!("n begin {name}\n{body}\nn end {name} 0\n");
    let sections = [("identity", "os=debian"), ("debts", ""), ("ledger", ""), ("etcd:node1", answers)];
    let text: String = sections.iter().map(|(name, body)| section(name, body)).collect();
    parse(&text, &needs, "n").unwrap()
}

/// Measured with etcd 3.5.16 of Debian 13; upstream's says `error` as well.
#[test]
fn a_gateway_that_wants_a_login_has_authentication_on() {
    let cluster = Cluster::lab();
    let answer = r#"{"code":3, "message":"etcdserver: user name is empty"}"#;
    let upstream =
        r#"{"error":"etcdserver: user name is empty","code":3,"message":"etcdserver: user name is empty"}"#;
    for says in [answer, upstream] {
        let facts = facts(&cluster, says);
        let view = View::fold(&[("node1".to_owned(), facts)].into(), Vec::new(), 0);
        assert_eq!(view.etcd.auth, Some(true), "{says}");
    }
}

#[test]
fn a_learner_whose_join_was_cut_off_is_promoted_and_not_joined_anew() {
    let cluster = Cluster::lab();
    let members = r#"{"header":{}, "members":[{"ID":"7", "name":"node1", "peerURLs":["https://192.168.15.101:2480"], "isLearner":true}]}"#;
    let facts = facts(&cluster, &format!("data\n{members}"));
    let view = View::fold(&[("node1".to_owned(), facts.clone())].into(), Vec::new(), 0);
    let kind = cluster.kind("node1/etcd_member:node1", |_| ());
    let change = kind.manage().diff(&facts, &view);
    assert!(matches!(change, Change::Update(_)), "{change:?}");
    let script = kind.manage().apply(&change);
    assert!(script.expose().contains("etcd_promote 7 https://192.168.15.102:2479"));
    assert!(!script.expose().contains("rm -rf"));
}

#[test]
fn no_identity_that_etcd_would_take_for_a_user() {
    let cluster = Cluster::lab();
    for resource in &cluster.resources {
        if let Kind::Certificate(certificate) = &resource.kind {
            let etcd = certificate.cert.ends_with("/etcd.crt");
            assert_eq!(certificate.common_name.is_some(), etcd, "{}", resource.id);
        }
    }
}

#[test]
fn etcd_settings_say_nothing_about_the_first_start() {
    let text = Cluster::lab().text("nas/file:/etc/hacluster/etcd-nas-b.env");
    assert!(!text.contains("INITIAL"));
    insta::assert_snapshot!(text, @r#"
    # Managed by hacluster. How a member first meets the others is not here: that
    # counts once, and hacluster hands it over in /run/hacluster.
    ETCD_NAME=nas-b
    ETCD_DATA_DIR=/var/lib/etcd-patroni/nas-b
    ETCD_LISTEN_CLIENT_URLS=https://192.168.15.50:2489,https://127.0.0.1:2489
    ETCD_ADVERTISE_CLIENT_URLS=https://192.168.15.50:2489
    ETCD_LISTEN_PEER_URLS=https://192.168.15.50:2490
    ETCD_LISTEN_METRICS_URLS=http://127.0.0.1:2491
    ETCD_HEARTBEAT_INTERVAL=100
    ETCD_ELECTION_TIMEOUT=1000
    # A member that comes back does not depose the leader; off by itself before 3.5.
    ETCD_PRE_VOTE=true
    ETCD_AUTO_COMPACTION_MODE=periodic
    ETCD_AUTO_COMPACTION_RETENTION=1h
    ETCD_QUOTA_BACKEND_BYTES=2147483648
    ETCD_CERT_FILE=/etc/hacluster/pki/etcd.crt
    ETCD_KEY_FILE=/etc/hacluster/pki/etcd.key
    ETCD_TRUSTED_CA_FILE=/etc/hacluster/pki/etcd-ca.crt
    ETCD_CLIENT_CERT_AUTH=true
    ETCD_PEER_CERT_FILE=/etc/hacluster/pki/etcd.crt
    ETCD_PEER_KEY_FILE=/etc/hacluster/pki/etcd.key
    ETCD_PEER_TRUSTED_CA_FILE=/etc/hacluster/pki/etcd-ca.crt
    ETCD_PEER_CLIENT_CERT_AUTH=true
    "#);
}
