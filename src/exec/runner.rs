//! Owns sending a batch to its host and bringing its receipts home, also over
//! a connection that was lost on the way. Must not know resources.

use std::time::Duration;

use data_encoding::HEXLOWER;

use super::batch::{self, Line, Reader, Receipt, Step};
use super::event::{Event, Sink};
use crate::secrets::Secrets;
use crate::transport::{Connection, Limits, Target, TransportError};

/// How much longer than a unit may run we wait to hear of its end.
const GRACE: Duration = Duration::from_secs(30);
/// How long a lost connection is tried again for.
const RECONNECT_TRIES: u32 = 12;
const RECONNECT_PAUSE: Duration = Duration::from_secs(5);

/// Everything about one host that a batch needs.
#[derive(Debug)]
pub(super) struct Lane<'a> {
    pub host: &'a str,
    pub connection: &'a Connection,
    pub target: Option<&'a Target>,
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
        let script = batch::launch(&batch::body(steps, &nonce, self.run, self.fence), unit, limit.as_secs());
        let mut reader = Reader::new(&nonce, steps.len());
        let mut on_line = |line: &str| {
            if let Line::Said(said) = reader.line(line) {
                sink.event(Event::Output { host: self.host.to_owned(), line: self.mask(&said) });
            }
        };
        let result = self.connection.run(&script, limit + GRACE, Some(&mut on_line)).await;
        match result {
            Ok(output) if !reader.over && reader.receipts.iter().all(|r| r.status.is_none()) => {
                let why = output.stderr_text().trim().to_owned();
                reader.receipts.iter_mut().for_each(|r| r.lines = vec![self.mask(&why)]);
            }
            Ok(_) => {}
            Err(TransportError::Disconnected { sent: true, .. }) => {
                sink.event(Event::Waiting {
                    what: self.host.to_owned(),
                    seen: "the connection was lost".to_owned(),
                });
                reader = self.again(unit, &nonce, steps.len(), limit + GRACE).await?;
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

    /// Finds the unit again over a new connection.
    async fn again(
        &self,
        unit: &str,
        nonce: &str,
        steps: usize,
        limit: Duration,
    ) -> Result<Reader, TransportError> {
        let lost = TransportError::Disconnected { node: self.host.to_owned(), sent: true };
        let Some(target) = self.target else { return Err(lost) };
        for _ in 0..RECONNECT_TRIES {
            tokio::time::sleep(RECONNECT_PAUSE).await;
            let Ok(connection) = Connection::open(target, &Limits::default()).await else { continue };
            let mut reader = Reader::new(nonce, steps);
            let mut on_line = |line: &str| drop(reader.line(line));
            if connection.run(&batch::follow(unit), limit, Some(&mut on_line)).await.is_ok() {
                return Ok(reader);
            }
        }
        Err(lost)
    }
}
