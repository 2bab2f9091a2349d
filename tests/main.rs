//! The one integration crate: a module per subject.

mod arrows;
mod cases;
mod cli;
mod inventory;
mod playbooks;
mod readme;
mod ssh;
