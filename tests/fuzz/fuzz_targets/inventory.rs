//! Any bytes are an inventory, or problems that can be drawn.
#![no_main]

use hacluster::inventory;
use hacluster::report::problems;
use hacluster::report::ui::Paint;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    match inventory::parse("cluster.toml", bytes) {
        Ok(inventory) => {
            inventory.context();
            problems::text(inventory.warnings(), Paint::default());
        }
        Err(found) => {
            assert!(!found.0.is_empty());
            problems::text(&found.0, Paint::default());
        }
    }
});
