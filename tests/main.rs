//! The one integration crate: a module per subject.

mod inventory;
mod playbooks;
mod readme;
mod ssh;
