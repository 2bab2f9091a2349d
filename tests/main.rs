//! The one integration crate: a module per subject.

mod arrows;
mod cli;
mod inventory;
mod playbooks;
mod readme;
mod ssh;
