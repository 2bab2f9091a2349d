//! A journal that was torn or damaged anywhere never says that a step ended which did
//! not, nor hides a run that never ended.

use std::collections::BTreeSet;

use hacluster::exec::replay;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::hold;

/// The records of a run: steps are begun in batches, and some of them end.
fn records() -> impl Strategy<Value = Vec<Value>> {
    let batch = (prop::collection::btree_set("(n1|n2|ä)/(file|unit):[a-c]", 1..4), any::<u8>());
    prop::collection::vec(batch, 0..6).prop_map(|batches| {
        let mut all = vec![json!({ "record": "run_started", "run": "r", "cluster": "c", "time": 1 })];
        for (steps, ended) in batches {
            let unit =
                json!({ "record": "batch_started", "host": "n1", "unit": "u", "steps": steps, "time": 2 });
            all.push(unit);
            let ended = steps.iter().enumerate().filter(|(at, _)| ended >> at & 1 == 1);
            all.extend(
                ended.map(
                    |(_, id)| json!({ "record": "step_ended", "id": id, "outcome": "changed", "time": 3 }),
                ),
            );
        }
        all
    })
}

fn bytes(records: &[Value]) -> Vec<u8> {
    records.iter().flat_map(|record| format!("{record}\n").into_bytes()).collect()
}

/// Steps that are open by the first `whole` records.
fn open(records: &[Value]) -> BTreeSet<String> {
    let mut open = BTreeSet::new();
    for record in records {
        let steps = record["steps"].as_array().into_iter().flatten();
        open.extend(steps.map(|step| step.as_str().unwrap().to_owned()));
        open.remove(record["id"].as_str().unwrap_or_default());
    }
    open
}

fn seen(bytes: &[u8]) -> Option<BTreeSet<String>> {
    replay(bytes).map(|cut| cut.steps.into_iter().collect())
}

#[test]
fn torn_anywhere_it_says_what_its_whole_lines_say() {
    hold(64, (records(), any::<prop::sample::Index>()), |(records, at)| {
        let text = bytes(&records);
        let torn = &text[..at.index(text.len() + 1)];
        let whole = torn.split(|byte| *byte == b'\n').count() - 1;
        // A last line may lack nothing but its end.
        let complete = text.get(torn.len()) == Some(&b'\n');
        let whole = &records[..whole + usize::from(complete)];
        prop_assert_eq!(seen(torn), (!whole.is_empty()).then(|| open(whole)));
        Ok(())
    });
}

/// A block that never got to the disk reads as zeros.
#[test]
fn only_whole_lines_say_that_a_step_ended() {
    let damage = prop::collection::vec((any::<prop::sample::Index>(), 1_usize..200), 1..4);
    hold(64, (records(), damage), |(records, damage)| {
        let first = bytes(&records[..1]).len();
        let mut text = bytes(&records);
        for (at, length) in damage {
            let start = first + at.index(text.len() - first + 1);
            let end = (start + length).min(text.len());
            text[start..end].fill(0);
        }
        let lines = text.split(|byte| *byte == b'\n');
        let left: Vec<Value> = lines.filter_map(|line| serde_json::from_slice(line).ok()).collect();
        prop_assert_eq!(seen(&text), Some(open(&left)));
        Ok(())
    });
}

#[test]
fn any_bytes_are_read() {
    let line = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..60),
        r#"\{"record":"(run_started|step_ended|run_ended|x)","(id|run|time)":("r"|1|null|\[\])\}"#
            .prop_map(String::into_bytes),
    ];
    hold(256, prop::collection::vec(line, 0..10), |lines| {
        let _ = replay(&lines.join(&b'\n'));
        Ok(())
    });
}
