//! Any bytes a host answers give facts or an error.
#![no_main]

#[path = "../../cases/everything.rs"]
mod everything;

use std::sync::LazyLock;

use hacluster::facts::{Needs, parse};
use libfuzzer_sys::fuzz_target;

static NEEDS: LazyLock<Needs> = LazyLock::new(everything::everything);

fuzz_target!(|bytes: &[u8]| {
    let _ = parse(&String::from_utf8_lossy(bytes), &NEEDS, "b7c1e0");
});
