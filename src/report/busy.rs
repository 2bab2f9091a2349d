//! Owns what each host does now, folded from events.
//! Must not know how it is drawn.

use std::collections::BTreeMap;

use super::lines::batch;
use crate::exec::Event;

/// The steps each host still has to end in its batch.
#[derive(Debug, Default)]
pub(super) struct Busy(BTreeMap<String, Vec<String>>);

impl Busy {
    /// Takes an event in; the host it changed, where it changed one.
    pub(super) fn take<'e>(&mut self, event: &'e Event) -> Option<&'e str> {
        match event {
            Event::BatchStarted { host, steps } => {
                self.0.insert(host.clone(), steps.clone());
                Some(host)
            }
            Event::StepEnded { host, id, .. } => {
                let steps = self.0.get_mut(host)?;
                steps.retain(|step| step != id);
                if steps.is_empty() {
                    self.0.remove(host);
                }
                Some(host)
            }
            Event::Unreachable { host, .. } => {
                self.0.remove(host);
                Some(host)
            }
            _ => None,
        }
    }

    /// What a host does.
    pub(super) fn of(&self, host: &str) -> Option<String> {
        self.0.get(host).map(|steps| batch(steps))
    }

    /// `node1: packages`, a text a host.
    pub(super) fn all(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|(host, steps)| format!("{host}: {}", batch(steps)))
    }
}
