//! Owns what touches hosts: reading them, and carrying out a plan. Must not
//! print: everything that happens is an event.

mod batch;
mod begin;
mod compose;
mod confirm;
mod disturb;
mod drive;
mod event;
mod gates;
mod gather;
mod journal;
mod ledgers;
mod links;
pub mod lock;
mod majority;
mod pick;
mod put_back;
mod receipt;
mod remember;
mod retire;
mod rolling;
mod run;
mod runner;
mod schedule;
mod second;
mod serial;
mod spare;
mod summary;
mod task;
#[cfg(test)]
mod tests;
mod together;
mod work;

pub use event::{Event, Outcome, Sink};
pub use gather::{Gathered, connect, probe_all};
pub use journal::{Cut, replay};
pub use lock::Busy;
pub use retire::Retirement;
pub use run::Apply;
pub use summary::{ApplyError, Summary, now};
pub use task::Parallelism;
