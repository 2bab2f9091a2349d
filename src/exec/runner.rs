//! Owns sending a batch to its host and bringing its receipts home, also over
//! a connection that was lost on the way. Must not know resources.

use std::time::Duration;

use data_encoding::HEXLOWER;

use super::batch::{self, Step};
use super::event::{Event, Sink};
use super::links::Links;
use super::receipt::{Line, Reader, Receipt};
use crate::facts::Running;
use crate::secrets::Secrets;
use crate::transport::{Connection, Output, TransportError};

/// How much longer than a unit may run we wait to hear of its end.
const GRACE: Duration = Duration::from_secs(30);
/// How long a lost connection is tried again for.
const RECONNECT_TRIES: u32 = 12;
const RECONNECT_PAUSE: Duration = if cfg!(test) { Duration::from_millis(20) } else { Duration::from_secs(5) };

/// Everything about one host that a batch needs.
#[derive(Debug)]
pub(super) struct Lane<'a> {
    pub host: &'a str,
    pub links: &'a Links,
    pub run: &'a str,
    pub fence: Option<u64>,
    pub secrets: Option<&'a Secrets>,
    /// What one step may take.
    pub step_timeout: Duration,
}

impl Lane<'_> {
    /// Runs the steps as one detached unit; one receipt a step.
    pub(super) async fn run(
        &self,
        unit: &str,
        steps: &[Step],
        sink: &dyn Sink,
    ) -> Result<Vec<Receipt>, TransportError> {
        let nonce = format!("hac-{}", HEXLOWER.encode(&rand::random::<[u8; 8]>()));
        let limit = self.step_timeout * u32::try_from(steps.len()).unwrap_or(u32::MAX);
        let running = Running {
            unit: unit.to_owned(),
            run: self.run.to_owned(),
            nonce: nonce.clone(),
            steps: steps.iter().map(|step| step.ids.clone()).collect(),
        };
        let script = batch::launch(&batch::body(steps, &running, self.fence), unit, limit.as_secs());
        let mut reader = Reader::new(&nonce, steps.len());
        match self.send(&script, limit + GRACE, &mut reader, sink).await {
            Ok(output) if !reader.over && reader.receipts.iter().all(|r| r.status.is_none()) => {
                let why = output.stderr_text().trim().to_owned();
                reader.receipts.iter_mut().for_each(|r| r.lines = vec![self.mask(&why)]);
            }
            Ok(_) => {}
            Err(lost @ TransportError::Disconnected { sent: true, .. }) => {
                let seen = "the connection was lost".to_owned();
                sink.event(Event::Waiting { what: self.host.to_owned(), seen });
                reader = self.again(unit, &nonce, steps.len(), limit + GRACE).await.ok_or(lost)?;
            }
            Err(error) => return Err(error),
        }
        if !reader.over {
            reader.cut(limit.as_secs());
        }
        if !reader.stray.is_empty() {
            let stray = std::mem::take(&mut reader.stray);
            reader
                .receipts
                .iter_mut()
                .filter(|r| r.status.is_none())
                .for_each(|r| r.lines.extend(stray.clone()));
        }
        for receipt in &mut reader.receipts {
            receipt.lines = receipt.lines.iter().map(|line| self.mask(line)).collect();
        }
        Ok(reader.receipts)
    }

    fn mask(&self, line: &str) -> String {
        self.secrets.map_or_else(|| line.to_owned(), |secrets| secrets.mask(line))
    }

    /// A connection that was lost while nobody used it is made anew, once.
    async fn send(
        &self,
        script: &str,
        limit: Duration,
        reader: &mut Reader,
        sink: &dyn Sink,
    ) -> Result<Output, TransportError> {
        let host = self.host;
        let mut on_line = |line: &str| match reader.line(line) {
            Line::Said(said) => sink.event(Event::Output { host: host.to_owned(), line: self.mask(&said) }),
            Line::Waits(what, seen) => sink.event(Event::Waiting { what: format!("{what} on {host}"), seen }),
            Line::Free(what, millis) => sink.event(Event::Free { what: format!("{what} on {host}"), millis }),
            Line::Began(_) | Line::Ended(_) | Line::Nothing => {}
        };
        let lost = || TransportError::Disconnected { node: self.host.to_owned(), sent: false };
        let link = self.links.get(self.host).ok_or_else(lost)?;
        match link.run(script, limit, Some(&mut on_line)).await {
            Err(TransportError::Disconnected { sent: false, .. }) => {
                let link = self.links.reopen(self.host).await.ok_or_else(lost)?;
                link.run(script, limit, Some(&mut on_line)).await
            }
            result => result,
        }
    }

    /// Finds the unit again over a new connection. `None` where its outcome
    /// stays unknown: the host is gone, or it came up without the unit's output.
    async fn again(&self, unit: &str, nonce: &str, steps: usize, limit: Duration) -> Option<Reader> {
        for _ in 0..RECONNECT_TRIES {
            tokio::time::sleep(RECONNECT_PAUSE).await;
            let Some(connection) = self.links.reopen(self.host).await else { continue };
            let mut reader = Reader::new(nonce, steps);
            if let Some(found) = follow(&connection, unit, limit, &mut reader).await {
                return found.then_some(reader);
            }
        }
        None
    }
}

/// Whether the unit's output was there; `None` where the host did not answer.
async fn follow(connection: &Connection, unit: &str, limit: Duration, reader: &mut Reader) -> Option<bool> {
    let mut on_line = |line: &str| drop(reader.line(line));
    let output = connection.run(&batch::follow(unit), limit, Some(&mut on_line)).await.ok()?;
    Some(output.success())
}
