//! Owns changes that must be confirmed, over hosts that are folders: one host at a
//! time, taken back where no fresh connection works. Must not know what they are.

use std::sync::Mutex;

use super::applies::ids;
use super::host::{Lab, on};
use crate::exec::event::Event;
use crate::transport::Output;
use crate::transport::fake::Fake;

const STEPS: &str = r#"
[[step]]
name = "one"
confirm = true
file = { path = "ROOT/one", content = "one\n", OWN }

[[step]]
name = "two"
confirm = true
after = ["one"]
file = { path = "ROOT/two", content = "two\n", OWN }

[[step]]
name = "other"
file = { path = "ROOT/other", content = "other\n", OWN }
"#;

/// A host that lets nobody in for the first `times` fresh connections.
fn shut(lab: &mut Lab, name: &str, times: usize) {
    let left = Mutex::new(times);
    let dir = lab.path(name, "");
    let refuse = move |script: &str| {
        let mut left = left.lock().unwrap();
        if !script.contains("\nhac_confirm ") || *left == 0 {
            return None;
        }
        *left -= 1;
        Some(Output { status: 255, stderr: b"Connection refused".to_vec(), ..Output::default() })
    };
    lab.host(name, |_| on(Fake::new(name).on_script(refuse), dir));
}

#[tokio::test]
async fn a_change_that_a_fresh_connection_confirms_stays() {
    let mut lab = Lab::new(STEPS);
    shut(&mut lab, "n1", 2);
    let summary = lab.run().await.unwrap();
    assert_eq!((summary.changed, summary.failed.len()), (6, 0), "{summary:?}");
    let heard = lab.heard.0.lock().unwrap();
    let confirmed = |event: &&Event| matches!(event, Event::Note { text } if text.contains("so it stays"));
    assert_eq!(heard.iter().filter(confirmed).count(), 4);
    assert_eq!(lab.read("n1", "root/two").as_deref(), Some("two\n"));
}

#[tokio::test]
async fn a_host_that_lets_nobody_in_takes_it_back_and_others_are_left_alone() {
    let mut lab = Lab::new(STEPS);
    shut(&mut lab, "n1", 4);
    let summary = lab.run().await.unwrap();
    assert_eq!(ids(&summary.failed), ["n1/file:/hac-test-root/one"], "{summary:?}");
    insta::assert_snapshot!(summary.failed[0].1, @"no fresh connection could be made within 2 s (Connection refused): n1 took the change back by itself and answers again");
    let mut skipped = ids(&summary.skipped);
    skipped.sort_unstable();
    let rest = ["n1/file:/hac-test-root/two", "n2/file:/hac-test-root/one", "n2/file:/hac-test-root/two"];
    assert_eq!(skipped, rest);
    assert!(summary.left.is_empty(), "{summary:?}");
    for host in ["n1", "n2"] {
        assert_eq!((lab.read(host, "root/one"), lab.read(host, "root/two")), (None, None));
        assert!(lab.read(host, "root/other").is_some());
    }
    assert_eq!(lab.plan().await.counts(), [4, 0, 0, 0]);
}
