//! Owns the reporter for terminals: one line a host with what it does and for
//! how long, one line for what is waited for, and lines that stay above.
//! Must not know what a step means.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::busy::Busy;
use super::clean::clean_line;
use super::lines::{self, Detail};
use super::ui::Paint;
use crate::exec::Event;

const TICK: Duration = Duration::from_millis(120);

pub struct Tty {
    detail: Detail,
    paint: Paint,
    multi: MultiProgress,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    hosts: BTreeMap<String, ProgressBar>,
    waits: Option<ProgressBar>,
    busy: Busy,
}

impl std::fmt::Debug for Tty {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tty").field("detail", &self.detail).finish_non_exhaustive()
    }
}

impl Tty {
    pub(super) fn new(detail: Detail, paint: Paint) -> Self {
        Self { detail, paint, multi: MultiProgress::new(), state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn event(&self, event: &Event) {
        match event {
            Event::Connecting { host } => self.busy(host, "connecting"),
            Event::Connected { host, .. } => self.busy(host, "reading"),
            Event::Probed { host, .. } => self.idle(host),
            Event::BatchStarted { .. } | Event::StepEnded { .. } | Event::Unreachable { .. } => {
                self.turn(event);
            }
            Event::Waiting { what, seen } => self.waits(&format!("{what}: {seen}")),
            Event::Healthy { .. } | Event::Free { .. } => self.done_waiting(),
            Event::Output { host, line } if !self.detail.verbose => self.busy_still(host, line),
            _ => {}
        }
        if let Some(line) = lines::lasting(event, self.detail, self.paint) {
            let _ = self.multi.println(line);
        }
    }

    pub(super) fn finish(&self) {
        let mut state = self.state();
        for bar in state.hosts.values().chain(&state.waits) {
            bar.finish_and_clear();
        }
        *state = State::default();
        let _ = self.multi.clear();
    }

    /// A batch begins, a step of it ends, or its host is gone.
    fn turn(&self, event: &Event) {
        let (host, what) = {
            let mut state = self.state();
            let Some(host) = state.busy.take(event) else { return };
            (host, state.busy.of(host))
        };
        match (what, event) {
            (None, _) => self.idle(host),
            (Some(what), Event::BatchStarted { .. }) => self.busy(host, &what),
            (Some(what), _) => {
                if let Some(bar) = self.state().hosts.get(host) {
                    bar.set_message(what);
                }
            }
        }
    }

    fn busy(&self, host: &str, what: &str) {
        let mut state = self.state();
        if let Some(old) = state.hosts.remove(host) {
            old.finish_and_clear();
        }
        let bar = self.bar(host, what);
        state.hosts.insert(host.to_owned(), bar);
    }

    /// The last line a step printed, beside what it is.
    fn busy_still(&self, host: &str, line: &str) {
        if let Some(bar) = self.state().hosts.get(host) {
            let message = bar.message();
            let what = message.split(" | ").next().unwrap_or_default();
            bar.set_message(format!("{what} | {}", clean_line(line)));
        }
    }

    fn idle(&self, host: &str) {
        if let Some(bar) = self.state().hosts.remove(host) {
            bar.finish_and_clear();
        }
    }

    fn waits(&self, what: &str) {
        let mut state = self.state();
        match &state.waits {
            Some(bar) => bar.set_message(clean_line(what)),
            None => state.waits = Some(self.bar("waiting for", what)),
        }
    }

    fn done_waiting(&self) {
        if let Some(bar) = self.state().waits.take() {
            bar.finish_and_clear();
        }
    }

    fn bar(&self, prefix: &str, message: &str) -> ProgressBar {
        let bar = self.multi.add(ProgressBar::new_spinner());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix} {wide_msg} [{elapsed}]") {
            bar.set_style(style);
        }
        bar.set_prefix(clean_line(prefix));
        bar.set_message(clean_line(message));
        bar.enable_steady_tick(TICK);
        bar
    }
}
