//! Owns a long-lived process: lines in, beats out, and its end.
//! Must not know what the process is for (a lock), nor the transport under it.

use std::time::Duration;

use tokio::sync::mpsc::{self, Receiver, Sender, UnboundedReceiver, UnboundedSender};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::bootstrap::READY;
use super::error::TransportError;
use super::output::{Lines, OUTPUT_LIMIT, Output, Sink, TooMuch};

/// Most lines that may wait for [`Held::line`]; a holder prints a handful.
const WAITING_LINES: usize = 10_000;
/// Most bytes kept of standard error, for messages.
const STDERR_LIMIT: usize = 64 << 10;
/// How long [`Held::close`] waits for the process to end after its input did.
const CLOSE_LIMIT: Duration = Duration::from_secs(10);

/// The end of a held process: what it left on standard error, and its status.
pub(super) type Ended = Result<Output, TransportError>;

/// A process on the host whose standard input stays open. Dropping this ends
/// its input and no more: the script must end by itself when its input does,
/// and also when no beat comes for long (a vanished client closes nothing).
#[derive(Debug)]
pub struct Held {
    node: String,
    lines: Receiver<String>,
    beats: UnboundedSender<Vec<u8>>,
    pump: JoinHandle<Ended>,
}

/// What a transport gives its pump: where lines go and beats come from.
pub(super) struct Wires {
    pub(super) sink: LineSink,
    pub(super) beats: UnboundedReceiver<Vec<u8>>,
    /// The other end of `beats`, to send the script first.
    pub(super) first: UnboundedSender<Vec<u8>>,
}

impl Held {
    /// Starts `pump` in the background and waits until the script has begun.
    pub(super) async fn start<F>(
        node: &str,
        limit: Duration,
        pump: impl FnOnce(Wires) -> F,
    ) -> Result<Self, TransportError>
    where
        F: Future<Output = Ended> + Send + 'static,
    {
        let (beats, heard) = mpsc::unbounded_channel();
        let (shown, lines) = mpsc::channel(WAITING_LINES);
        let sink = LineSink { lines: Lines::default(), heard: 0, shown, stderr: Vec::new() };
        let pump = tokio::spawn(pump(Wires { sink, beats: heard, first: beats.clone() }));
        let mut held = Self { node: node.to_owned(), lines, beats, pump };
        match timeout(limit, held.line()).await {
            Ok(Some(line)) if line == READY => Ok(held),
            Ok(_) => Err(held.why_not_ready().await),
            Err(_) => {
                let what = "the start of a held script".to_owned();
                Err(TransportError::Timeout { node: node.to_owned(), what, after: limit })
            }
        }
    }

    async fn why_not_ready(self) -> TransportError {
        let node = self.node.clone();
        match self.close().await {
            Err(error) => error,
            Ok(output) => TransportError::Io {
                node,
                what: "start a held script".into(),
                why: format!("it ended with {}: {}", output.status, output.stderr_text().trim()),
            },
        }
    }

    /// The next line of standard output without its newline; `None` once the
    /// process has ended or the connection is lost.
    pub async fn line(&mut self) -> Option<String> {
        self.lines.recv().await
    }

    /// Sends one line to the process, without waiting for it to arrive.
    pub fn beat(&mut self, text: &str) -> Result<(), TransportError> {
        let lost = || TransportError::Disconnected { node: self.node.clone(), sent: true };
        if self.pump.is_finished() {
            return Err(lost());
        }
        self.beats.send(format!("{text}\n").into_bytes()).map_err(|_| lost())
    }

    /// Beats every so often until the task is aborted or the process ended. The
    /// input stays open as long.
    pub fn pulse(&self, every: Duration) -> JoinHandle<()> {
        let beats = self.beats.clone();
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(every).await;
                if beats.send(b"alive\n".to_vec()).is_err() {
                    return;
                }
            }
        })
    }

    /// Ends standard input and waits up to 10 s for the process to end. The
    /// output holds standard error and lines nobody has read.
    pub async fn close(self) -> Result<Output, TransportError> {
        let Self { node, mut lines, beats, pump } = self;
        drop(beats);
        let mut output = match timeout(CLOSE_LIMIT, pump).await {
            Ok(Ok(ended)) => ended?,
            Ok(Err(_)) => return Err(TransportError::Disconnected { node, sent: true }),
            Err(_) => {
                let what = "a held script whose input was closed".to_owned();
                return Err(TransportError::Timeout { node, what, after: CLOSE_LIMIT });
            }
        };
        while let Ok(line) = lines.try_recv() {
            output.stdout.extend_from_slice(line.as_bytes());
            output.stdout.push(b'\n');
        }
        Ok(output)
    }
}

/// Sends lines of standard output on as they come.
pub(super) struct LineSink {
    lines: Lines,
    /// Bytes since the start.
    heard: usize,
    shown: Sender<String>,
    stderr: Vec<u8>,
}

impl LineSink {
    pub(super) fn finish(mut self, status: i32) -> Output {
        let shown = self.shown;
        self.lines.finish(|line| drop(shown.try_send(line.to_owned())));
        Output { status, stdout: Vec::new(), stderr: self.stderr }
    }
}

impl Sink for LineSink {
    fn stdout(&mut self, bytes: &[u8]) -> Result<(), TooMuch> {
        self.heard += bytes.len();
        if self.heard > OUTPUT_LIMIT {
            return Err(TooMuch { stream: "standard output", limit: OUTPUT_LIMIT });
        }
        let mut full = false;
        self.lines.feed(bytes, |line| {
            let sent = self.shown.try_send(line.to_owned());
            full |= matches!(sent, Err(mpsc::error::TrySendError::Full(_)));
        });
        if full {
            return Err(TooMuch { stream: "standard output (lines nobody reads)", limit: WAITING_LINES });
        }
        Ok(())
    }

    fn stderr(&mut self, bytes: &[u8]) -> Result<(), TooMuch> {
        let room = STDERR_LIMIT.saturating_sub(self.stderr.len()).min(bytes.len());
        self.stderr.extend_from_slice(&bytes[..room]);
        Ok(())
    }
}
