//! Owns the TCP socket under SSH: connecting, and not waiting for the kernel.
//! Must not know what is said over it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::error::TransportError;
use super::handshake::unreachable;
use super::target::Target;

/// How long TCP may stay silent. Our kernel asks at 0, 1 and 3 s: who answers
/// none of the three is away, and a login may still take its own time.
pub(super) const ANSWER: Duration = Duration::from_secs(4);

/// A socket that sends and acknowledges at once.
///
/// Sending: `TCP_NODELAY` makes a command 20 times faster (2 ms instead of 44).
/// Acknowledging: sshd keeps Nagle's algorithm on without a terminal, so a
/// second small packet of its waits for our delayed acknowledgement: 44 ms for
/// the first command after each login (76 ms instead of 33, measured).
pub(super) struct Socket(TcpStream);

impl Socket {
    pub(super) async fn connect(target: &Target) -> Result<Self, TransportError> {
        let limit = ANSWER.min(target.connect_timeout);
        let connecting = timeout(limit, TcpStream::connect((target.address.as_str(), target.port)));
        let Ok(connected) = connecting.await else {
            return Err(unreachable(target, &format!("no answer in {} s", limit.as_secs_f32())));
        };
        let stream = connected.and_then(|stream| stream.set_nodelay(true).map(|()| stream));
        stream.map(Self).map_err(|error| unreachable(target, &error.to_string()))
    }

    /// The kernel forgets this by itself, so it is asked after each read.
    #[cfg(target_os = "linux")]
    fn acknowledge(&self) {
        // A hint; without it all works, slower.
        let _ = socket2::SockRef::from(&self.0).set_tcp_quickack(true);
    }

    #[cfg(not(target_os = "linux"))]
    #[expect(clippy::unused_self, reason = "only Linux has TCP_QUICKACK")]
    fn acknowledge(&self) {}
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.0).poll_read(context, buffer);
        if read.is_ready() {
            self.acknowledge();
        }
        read
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
