//! Owns the rule about how much goes on at once.
//! Must not know which steps have which limit.

use crate::inventory::Inventory;
use crate::problem::Problem;

/// Of nothing at once nothing is ever done.
pub(super) fn some(inventory: &Inventory) -> Vec<Problem> {
    let none = inventory.limits.iter().filter(|(_, most)| **most == 0);
    let problem = |(name, _): (&String, &u32)| {
        let path = format!("limits.{name}");
        let message = format!("`{path}` is 0, so nothing of it would ever start");
        inventory
            .problem("HAC-E057", &path, message)
            .help("write 1 for one host at a time, or remove the line")
    };
    none.map(problem).collect()
}
