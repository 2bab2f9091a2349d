//! Owns what touches hosts: reading them, and carrying out a plan. Must not
//! print: everything that happens is an event.

mod event;
mod gather;

pub use event::{Event, Outcome, Sink};
pub use gather::{Gathered, connect, probe_all};
