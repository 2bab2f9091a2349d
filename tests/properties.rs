//! Owns what must hold for any input: properties, and for how long they are tried.
//! Must not know a case that is worth a file of its own.
//!
//! Each tries new cases every time. `HACLUSTER_PROPERTY_SECONDS=N` gives each N
//! seconds instead of a quick look; `tests/all` does.

mod inventory;
mod journal;
mod output;
mod probe;
mod quoting;
mod templates;

use std::fmt::Debug;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::test_runner::{TestCaseResult, TestRunner};

/// Any text but NUL, with those characters often that mean something somewhere.
pub(crate) fn text() -> impl Strategy<Value = String> {
    let odd = prop::sample::select(
        "'\"\\`$%{}[]()<>|&;:#!*?~=@, \t\n\r\u{1b}\u{7f}\u{85}\u{9b}\u{feff}\u{2028}\u{202e}é漢𝕏-09az"
            .chars()
            .collect::<Vec<_>>(),
    );
    let any = any::<char>().prop_filter("NUL", |c| *c != '\0');
    prop::collection::vec(prop_oneof![3 => odd, 1 => any], 0..30).prop_map(String::from_iter)
}

/// Tries `test` with `cases` inputs, or with new ones until its time is over.
pub(crate) fn hold<S>(cases: u32, inputs: S, test: impl Fn(S::Value) -> TestCaseResult)
where
    S: Strategy,
    S::Value: Debug,
{
    let seconds = std::env::var("HACLUSTER_PROPERTY_SECONDS").ok().map(|text| text.parse().unwrap());
    let end = seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    loop {
        let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
        TestRunner::new(config).run(&inputs, &test).unwrap_or_else(|failed| panic!("{failed}"));
        if end.is_none_or(|end| Instant::now() >= end) {
            return;
        }
    }
}
