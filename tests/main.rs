//! The one integration crate: a module per subject.

mod arrows;
mod cli;
mod ssh;
