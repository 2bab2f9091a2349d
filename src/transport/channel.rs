//! Owns one SSH session channel: its life, its closing, the talk over it.
//! Must not know keys, hosts or scripts.
//!
//! What russh 0.65 demands was measured (`knowledge/rust.md` B2): a dropped
//! channel is never closed, and after our own close the peer's may not be seen.

use std::sync::Arc;

use russh::client::Msg;
use russh::{Channel, ChannelMsg, ChannelReadHalf, ChannelWriteHalf, Sig};
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::UnboundedReceiver;

use super::output::{Sink, TooMuch};

/// A channel that is closed when it is dropped, also by a cancelled future.
pub(super) struct Lane {
    read: ChannelReadHalf,
    /// Shared with the task that sends the last close.
    write: Arc<ChannelWriteHalf<Msg>>,
    /// Whether the peer has not closed it yet.
    open: bool,
    /// The right to be one of the host's few busy channels.
    pub(super) permit: Option<OwnedSemaphorePermit>,
}

impl Lane {
    pub(super) fn new(channel: Channel<Msg>) -> Self {
        let (read, write) = channel.split();
        Self { read, write: Arc::new(write), open: true, permit: None }
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        if !self.open {
            return;
        }
        // Sending is async; outside a runtime the connection is gone anyway.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let write = Arc::clone(&self.write);
        runtime.spawn(async move { write.close().await });
    }
}

/// How a command on a channel ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    Status(i32),
    /// No exit status, or no close after it: the outcome is unknown.
    Lost {
        sent: bool,
    },
    /// The server would not start the command.
    Refused,
    TooMuch(TooMuch),
}

/// Starts `command`, sends what `input` yields (its end is the end of standard
/// input) and gives both streams to `sink` until the peer closes the channel.
///
/// Writing and reading go on side by side: a channel nobody reads stops the
/// whole connection once 100 messages wait (russh's `channel_buffer_size`).
pub(super) async fn exchange(
    mut lane: Lane,
    command: String,
    mut input: UnboundedReceiver<Vec<u8>>,
    sink: &mut dyn Sink,
) -> End {
    if lane.write.exec(true, command).await.is_err() {
        lane.open = false;
        return End::Lost { sent: false };
    }
    let end = talk(&mut lane, &mut input, sink).await;
    // After `TooMuch` the peer still talks: the drop closes the channel.
    lane.open = matches!(end, End::TooMuch(_));
    end
}

async fn talk(lane: &mut Lane, input: &mut UnboundedReceiver<Vec<u8>>, sink: &mut dyn Sink) -> End {
    let Lane { read, write, .. } = lane;
    let writing = async {
        while let Some(bytes) = input.recv().await {
            if write.data_bytes(bytes).await.is_err() {
                return;
            }
        }
        // A failure shows in `reading`, which alone knows how it ended.
        let _ = write.eof().await;
    };
    let reading = read_to_close(read, sink);
    tokio::pin!(writing, reading);
    let mut written = false;
    loop {
        tokio::select! {
            () = &mut writing, if !written => written = true,
            end = &mut reading => return end,
        }
    }
}

async fn read_to_close(read: &mut ChannelReadHalf, sink: &mut dyn Sink) -> End {
    let mut status = None;
    loop {
        let taken = match read.wait().await {
            Some(ChannelMsg::Data { data }) => sink.stdout(&data),
            Some(ChannelMsg::ExtendedData { data, ext: 1 }) => sink.stderr(&data),
            Some(ChannelMsg::ExitStatus { exit_status }) => {
                status = Some(End::Status(i32::try_from(exit_status).unwrap_or(255)));
                Ok(())
            }
            Some(ChannelMsg::ExitSignal { signal_name, .. }) => {
                status = Some(End::Status(128 + number(&signal_name)));
                Ok(())
            }
            Some(ChannelMsg::Failure) => {
                status = Some(End::Refused);
                Ok(())
            }
            Some(ChannelMsg::Close) => return status.unwrap_or(End::Lost { sent: true }),
            None => return End::Lost { sent: true },
            Some(_) => Ok(()),
        };
        if let Err(full) = taken {
            return End::TooMuch(full);
        }
    }
}

/// Linux signal numbers (signal(7)); RFC 4254 6.10 carries names.
fn number(signal: &Sig) -> i32 {
    match signal {
        Sig::HUP => 1,
        Sig::INT => 2,
        Sig::QUIT => 3,
        Sig::ILL => 4,
        Sig::ABRT => 6,
        Sig::FPE => 8,
        Sig::KILL => 9,
        Sig::USR1 => 10,
        Sig::SEGV => 11,
        Sig::PIPE => 13,
        Sig::ALRM => 14,
        Sig::TERM => 15,
        Sig::Custom(_) => 0,
    }
}
