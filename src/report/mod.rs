//! Owns what people and programs read: the reporters of a run, and the texts
//! of plans, drift, status and problems. Must see data only, never a host.

pub mod clean;
pub mod diff;
pub mod drift;
pub mod faults;
mod busy;
mod lines;
pub mod lock;
pub(crate) mod page;
mod plain;
pub mod plan;
mod plan_text;
pub mod problems;
pub mod run;
pub mod status;
pub mod table;
mod tty;
pub mod ui;

use std::sync::Arc;

use crate::exec::{Event, Sink};
use lines::Detail;
use plain::Plain;
use tty::Tty;
use ui::Ui;

/// Where the events of a run go.
#[derive(Debug)]
pub enum Reporter {
    /// Lines that are drawn over, on standard error.
    Tty(Tty),
    /// Lines that stay, on standard error.
    Plain(Arc<Plain>),
    /// JSON lines on standard output, one an event.
    Json(Ui),
    Silent,
}

impl Reporter {
    /// For commands that only read: off a terminal they say nothing meanwhile.
    pub fn reading(ui: &Ui) -> Self {
        if ui.draws_progress() || ui.is_verbose() { Self::new(ui) } else { Self::Silent }
    }

    /// For `apply`.
    pub fn new(ui: &Ui) -> Self {
        let detail = Detail { verbose: ui.is_verbose() };
        if ui.is_json() {
            Self::Json(ui.clone())
        } else if ui.is_quiet() {
            Self::Silent
        } else if ui.draws_progress() {
            Self::Tty(Tty::new(detail, ui.error_paint()))
        } else {
            Self::Plain(Plain::new(detail, ui.error_paint()))
        }
    }

    /// Starts the signs of life. Needs a tokio runtime.
    pub fn live(&self) {
        if let Self::Plain(plain) = self {
            Plain::beat(plain);
        }
    }

    /// Takes the lines away that were drawn over.
    pub fn finish(&self) {
        if let Self::Tty(tty) = self {
            tty.finish();
        }
    }
}

impl Sink for Reporter {
    fn event(&self, event: Event) {
        match self {
            Self::Tty(tty) => tty.event(&event),
            Self::Plain(plain) => plain.event(&event),
            Self::Json(ui) => {
                let mut line = serde_json::to_value(&event).unwrap_or_default();
                if let Some(map) = line.as_object_mut() {
                    map.insert("type".to_owned(), "event".into());
                }
                // A reader that went away must not stop a run half-way.
                let _ = ui.json(&line);
            }
            Self::Silent => {}
        }
    }
}
