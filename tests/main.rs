//! The one integration crate: a module per subject.

mod cases;
mod ssh;
