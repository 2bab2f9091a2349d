//! Owns running scripts on the control machine itself, under the same contract.
//! Must not know SSH; runs as whoever runs hacluster, never through sudo.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::time::timeout;

use super::bootstrap::{self, Stdin};
use super::error::TransportError;
use super::held::{Held, Wires};
use super::output::{Collector, OnLine, Output, Sink, TooMuch};

/// How long a local shell may take to start.
const START_LIMIT: Duration = Duration::from_secs(10);

/// The control machine.
#[derive(Debug, Clone)]
pub struct Local {
    node: String,
}

impl Local {
    pub fn new(node: impl Into<String>) -> Self {
        Self { node: node.into() }
    }

    pub(super) async fn run(
        &self,
        script: &str,
        stdin: Stdin,
        limit: Duration,
        on_line: Option<OnLine<'_>>,
    ) -> Result<Output, TransportError> {
        let payload = bootstrap::payload(script);
        let child = self.spawn(stdin, payload.len())?;
        let (input, sent) = mpsc::unbounded_channel();
        // The receiver is held right here, so this cannot fail.
        let _ = input.send(payload);
        let keep_open = (stdin == Stdin::Watched).then_some(input);
        let mut sink = Collector::new(on_line);
        let end = timeout(limit, exchange(child, sent, &mut sink)).await;
        drop(keep_open);
        match end {
            Ok(Ok(end)) => Ok(sink.finish(end.map_err(|full| full.at(&self.node))?)),
            Ok(Err(error)) => Err(self.io("talk to a script", &error)),
            Err(_) => {
                let what = "a script".to_owned();
                Err(TransportError::Timeout { node: self.node.clone(), what, after: limit })
            }
        }
    }

    pub(super) async fn hold(&self, script: &str) -> Result<Held, TransportError> {
        let payload = bootstrap::payload(script);
        let child = self.spawn(Stdin::Lines, payload.len())?;
        let local = self.clone();
        Held::start(&self.node, START_LIMIT, |Wires { mut sink, beats, first }| {
            let _ = first.send(payload);
            drop(first);
            async move {
                let end = exchange(child, beats, &mut sink).await;
                let end = end.map_err(|error| local.io("talk to a held script", &error))?;
                Ok(sink.finish(end.map_err(|full| full.at(&local.node))?))
            }
        })
        .await
    }

    fn spawn(&self, stdin: Stdin, bytes: usize) -> Result<Child, TransportError> {
        Command::new("sh")
            .args(["-c", &bootstrap::text(stdin, bytes)])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Ctrl-C on the terminal is ours to handle, as it is over SSH.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| self.io("start sh", &error))
    }

    fn io(&self, what: &str, error: &io::Error) -> TransportError {
        TransportError::Io { node: self.node.clone(), what: what.into(), why: error.to_string() }
    }
}

/// As `channel::exchange`: both streams until they end, then the exit status.
async fn exchange(
    mut child: Child,
    input: UnboundedReceiver<Vec<u8>>,
    sink: &mut dyn Sink,
) -> io::Result<Result<i32, TooMuch>> {
    let writing = feed(child.stdin.take(), input);
    let streams = (child.stdout.take(), child.stderr.take());
    let reading = read_to_end(streams.0, streams.1, sink);
    tokio::pin!(writing, reading);
    let mut written = false;
    let full = loop {
        tokio::select! {
            () = &mut writing, if !written => written = true,
            full = &mut reading => break full?,
        }
    };
    if let Some(full) = full {
        return Ok(Err(full));
    }
    Ok(Ok(status(child.wait().await?)))
}

/// Ends standard input when `input` ends. A script may end without reading it
/// all, so a failure to write means nothing.
async fn feed(stdin: Option<ChildStdin>, mut input: UnboundedReceiver<Vec<u8>>) {
    let Some(mut stdin) = stdin else { return };
    while let Some(bytes) = input.recv().await {
        if stdin.write_all(&bytes).await.is_err() {
            return;
        }
    }
}

async fn read_to_end(
    stdout: Option<impl AsyncRead + Unpin>,
    stderr: Option<impl AsyncRead + Unpin>,
    sink: &mut dyn Sink,
) -> io::Result<Option<TooMuch>> {
    let (Some(mut stdout), Some(mut stderr)) = (stdout, stderr) else { return Ok(None) };
    let (mut out, mut err) = (vec![0; 64 << 10], vec![0; 8 << 10]);
    let (mut out_open, mut err_open) = (true, true);
    while out_open || err_open {
        let taken = tokio::select! {
            read = stdout.read(&mut out), if out_open => {
                let read = read?;
                out_open = read > 0;
                sink.stdout(&out[..read])
            }
            read = stderr.read(&mut err), if err_open => {
                let read = read?;
                err_open = read > 0;
                sink.stderr(&err[..read])
            }
        };
        if let Err(full) = taken {
            return Ok(Some(full));
        }
    }
    Ok(None)
}

fn status(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(5);

    #[tokio::test]
    async fn runs_under_the_same_contract() {
        let local = Local::new("control");
        let mut lines = Vec::new();
        let mut see = |line: &str| lines.push(line.to_owned());
        let script = "cat; echo a; echo b >&2; kill -9 $$";
        let output = local.run(script, Stdin::Empty, LIMIT, Some(&mut see)).await.unwrap();
        assert_eq!((output.status, &*output.stdout_text(), &*output.stderr_text()), (137, "a\n", "b\n"));
        assert_eq!(lines, ["a"]);
        let slow = local.run("sleep 5", Stdin::Empty, Duration::from_millis(50), None).await;
        assert!(matches!(slow, Err(TransportError::Timeout { .. })), "{slow:?}");
    }

    #[tokio::test]
    async fn holds_a_process_and_beats() {
        let script = "while IFS= read -r beat; do echo got $beat; done; echo left; exit 3";
        let mut held = Local::new("control").hold(script).await.unwrap();
        held.beat("one").unwrap();
        assert_eq!(held.line().await.as_deref(), Some("got one"));
        let end = held.close().await.unwrap();
        assert_eq!((end.status, &*end.stdout_text()), (3, "left\n"));
    }
}
