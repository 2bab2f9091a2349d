//! Owns the reporter for logs: lines that stay, and a sign of life every 10 s.
//! Must not know terminals.

use std::io::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use super::busy::Busy;
use super::lines::{self, Detail};
use super::ui::Paint;
use crate::exec::Event;

/// As Terraform's `Still creating... [10s elapsed]`.
const BEAT: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub struct Plain {
    detail: Detail,
    paint: Paint,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    start: Instant,
    busy: Busy,
    waits: Option<String>,
    running: bool,
}

impl Plain {
    pub(super) fn new(detail: Detail, paint: Paint) -> Arc<Self> {
        let state = State { start: Instant::now(), busy: Busy::default(), waits: None, running: false };
        Arc::new(Self { detail, paint, state: Mutex::new(state) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn event(&self, event: &Event) {
        self.state().take(event);
        if let Some(line) = lines::lasting(event, self.detail, self.paint) {
            write(&line);
        }
    }

    /// Speaks every 10 s until the reporter is gone. Needs a tokio runtime.
    pub(super) fn beat(plain: &Arc<Self>) {
        let weak: Weak<Self> = Arc::downgrade(plain);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(BEAT).await;
                let Some(plain) = weak.upgrade() else { return };
                let said = plain.state().still();
                if let Some(line) = said {
                    write(&line);
                }
            }
        });
    }
}

impl State {
    fn take(&mut self, event: &Event) {
        self.busy.take(event);
        match event {
            Event::RunStarted { .. } => {
                self.start = Instant::now();
                self.running = true;
            }
            Event::RunEnded { .. } => self.running = false,
            Event::Waiting { what, seen } => self.waits = Some(format!("waiting for {what} ({seen})")),
            Event::Healthy { .. } | Event::Free { .. } => self.waits = None,
            _ => {}
        }
    }

    /// `Still applying... [10s elapsed] node1: packages`
    fn still(&self) -> Option<String> {
        if !self.running {
            return None;
        }
        let what: Vec<String> = self.busy.all().chain(self.waits.clone()).collect();
        let what = super::clean::clean_line(&what.join("; "));
        Some(format!("Still applying... [{}s elapsed] {what}", self.start.elapsed().as_secs()))
    }
}

/// A closed standard error is no error of the run.
fn write(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_is_still_done() {
        let plain = Plain::new(Detail { verbose: false }, Paint::default());
        assert_eq!(plain.state().still(), None);
        let batch =
            |host: &str| Event::BatchStarted { host: host.into(), steps: vec![format!("{host}/package:a")] };
        for event in [
            Event::RunStarted { run: "r1".into(), total: 2 },
            batch("n1"),
            batch("n2"),
            Event::Waiting { what: "etcd".into(), seen: "1 of 3".into() },
        ] {
            plain.state().take(&event);
        }
        let still = plain.state().still();
        let line = "Still applying... [0s elapsed] n1: package:a; n2: package:a; waiting for etcd (1 of 3)";
        assert_eq!(still.as_deref(), Some(line));
    }
}
