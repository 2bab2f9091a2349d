//! The one integration crate: a module per subject.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics, in helpers too")]

mod house;
mod cases;
mod cli;
mod inventory;
mod playbooks;
mod properties;
mod readme;
mod secrets;
mod ssh;
