//! Owns what a host may answer to do harm: escapes for the terminal, words for a
//! shell, values of wrong types. It is told as text, and nothing falls over it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Folder, but, converged, reached, silent};
use crate::cmd::describe::Describe;
use crate::cmd::drift_check::{judge, observe};
use crate::cmd::reading::{Asked, read};
use crate::cmd::status::status;
use crate::facts::{EtcdEndpoint, Fact, Needs, PatroniEndpoint, parse};
use crate::plan::{Observed, Selection};
use crate::report::lock;
use crate::report::ui::Paint;

const HOSTILE: &str = "\u{1b}]0;owned\u{7}\u{1b}[2J$(reboot)\u{9b}31m\u{202e}'; rm -rf /;'";

/// Sections of the worst kind: X stands for `HOSTILE`, Y for the same within JSON.
const SECTIONS: [(&str, &str); 14] = [
    (
        "identity",
        "os=X\nos_version=X\ncodename=X\narch=X\nhostname=X\nmachine_id=X\ncpus=99999999999999\nmemory_kib=-1\ntime=18446744073709551615\nheld_since=X\nholder=X\nrunning={\"unit\":\"Y\",\"run\":\"Y\",\"nonce\":\"Y\",\"steps\":[[\"Y\"],[]]}\nfence=X\ncaps=X\naddress=X X/X\ndisk=/ 18446744073709551615 18446744073709551615 1 1\nmount=X X",
    ),
    ("identity", "hostname=h\nrunning={\"unit\":1}\nrunning=[]\ndisk=\ndisk=a b\nmount=/\naddress=\n=\n"),
    ("paths", "regular file|X|X|X|/etc/route"),
    ("paths", "symbolic link|0777|root|root|/etc/route -> X"),
    ("paths", "stat: cannot statx '/etc/route': X"),
    (
        "hashes",
        "\u{1b}[2J\u{1b}[2J\u{1b}[2J\u{1b}[2J\u{1b}[2J\u{1b}[2J\u{1b}[2J\u{1b}[2J\u{1b}[2J\u{1b}[2J\u{1b}[2J\u{1b}[2J\u{1b}[2J\u{1b}[2J\u{1b}[2J\u{1b}[2J  /etc/route",
    ),
    ("packages", "curl|X|X|X"),
    (
        "units",
        "Id=router.service\nNames=X\nLoadState=X\nActiveState=X\nSubState=X\nUnitFileState=X\nNeedDaemonReload=X\nExecMainStartTimestamp=X",
    ),
    ("checks", "NONCE item 0\nX\nNONCE done 99999999999999999999"),
    ("contents", "NONCE item 0\nX\nX\nNONCE done 0"),
    ("debts", "X=X\nrouter.service=X\n=\n"),
    (
        "ledger",
        "{\"version\":2,\"cluster\":\"Y\",\"salt\":\"Y\",\"resources\":{\"Y\":{\"Y\":\"Y\"},\"n1/file:Y\":{}},\"owned\":{\"Y\":{\"kind\":\"Y\",\"playbook\":\"Y\"},\"n1/file:/Y\":{\"kind\":{\"file\":{\"path\":\"Y\"}},\"playbook\":\"Y\",\"item\":\"Y\"},\"n1/unit:Y\":{\"kind\":7,\"playbook\":\"Y\"}},\"inventory\":{\"network.gateway\":\"Y\",\"Y\":\"Y\"}}",
    ),
    ("ledger", "{\"version\":\"2\",\"resources\":[]}"),
    ("ledger", "X"),
];

fn hostile(body: &str) -> String {
    // In JSON a control character is written with a backslash.
    let json = serde_json::to_string(HOSTILE).unwrap();
    body.replace('X', HOSTILE).replace('Y', json.trim_matches('"'))
}

/// Nothing in it that a terminal obeys, and nothing of ours is missing behind it.
fn harmless(text: &str, section: &str) {
    let obeyed = |c: char| (c.is_control() && c != '\n' && c != '\t') || c == '\u{202e}';
    assert!(!text.contains(obeyed), "{section}: {text:?}");
}

#[tokio::test]
async fn a_hostile_answer_is_told_as_text() {
    let folder = Folder::new().with_secrets();
    let world = folder.world();
    let other = converged(&world, "n2");
    for (section, body) in SECTIONS {
        let body = hostile(body);
        let hosts = [("n1", but(&converged(&world, "n1"), &[(section, &body)])), ("n2", but(&other, &[]))];
        let reached = reached(&hosts);
        let asked = Asked { diff: true, ..Asked::default() };
        let reading = read(&mut folder.world(), &silent(), &reached, &asked, &()).await;
        let told = match &reading {
            Ok(reading) => {
                let report = Describe::new(&world, reading, false).report(Duration::from_millis(1));
                report.text(Paint::default(), true)
            }
            Err(failure) => failure.text(Paint::default()),
        };
        harmless(&told, section);
        let observed = observe(&world, &reached, true, &()).await.unwrap();
        if let Ok(plan) = world.planner().plan(&observed) {
            let report = judge(&world, &plan, &observed, &BTreeMap::new(), &Selection::default());
            harmless(&report.text(Paint::default()), section);
        }
        for (name, facts) in &observed.facts {
            harmless(&lock::text(name, Some(&facts.identity)), section);
        }
    }
}

/// What Patroni and etcd say, with values of wrong types and names of the worst kind.
#[test]
fn hostile_services_are_told_as_text() {
    let folder = Folder::new();
    let world = folder.world();
    let json = serde_json::to_string(HOSTILE).unwrap();
    let none = || String::new();
    let patroni = PatroniEndpoint { url: none(), ca: none(), data: none() };
    let etcd =
        EtcdEndpoint { client_url: none(), metrics_url: none(), data: none(), identity: none(), ca: none() };
    let needs = Needs { patroni: Some(patroni), etcd: [("n1".to_owned(), etcd)].into(), ..Needs::default() };
    let answers = [
        r#"{"members":[{"name":X,"role":X,"state":X,"timeline":X,"lag":X,"host":X}]}"#,
        r#"{"members":[{"name":1,"role":[],"state":{},"timeline":-1,"lag":1e308},null,7,"x",[],{}]}"#,
        r#"{"members":[{"name":"n1","role":"leader","state":"running","lag":18446744073709551615},{"name":"n1","role":"leader"}],"scope":7,"pause":"X"}"#,
        r#"{"patroni":X,"state":7,"role":null,"pending_restart":X,"timeline":"x"}"#,
        r#"{"ttl":X,"postgresql":{"parameters":[X]}}"#,
        r#"{"health":X}"#,
        r#"{"members":[{"ID":X,"name":X,"peerURLs":[1,X],"isLearner":"x"}],"header":{"member_id":X,"cluster_id":7}}"#,
        r#"{"raftIndex":X,"leader":X,"header":{"member_id":X}}"#,
        r#"{"error":X}"#,
    ];
    for answer in answers {
        let line = answer.replace('X', &json);
        let section = |name: &str| format!("N begin {name}\ndata\n{line}\nN end {name} 0\n");
        let text = ["identity", "debts", "ledger", "etcd:n1", "patroni"].map(section).concat();
        let facts = parse(&text, &needs, "N").unwrap();
        assert!(matches!(facts.patroni, Some(Fact::Present(_))), "{line}");
        if let Fact::Present(etcd) = &facts.etcd["n1"] {
            let ids = etcd.members.iter().map(|row| &row.id).chain(&etcd.member_id).chain(&etcd.leader_id);
            assert!(ids.into_iter().all(|id| id.parse::<u64>().is_ok()), "{etcd:?}");
        }
        let observed = Observed::new([("n1".to_owned(), facts)].into(), BTreeMap::new(), 1);
        let status = status(&world, &observed);
        harmless(&status.text(Paint::default()), answer);
    }
}
