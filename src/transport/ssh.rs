//! Owns one SSH connection: opening it, few busy channels, one spare.
//! Must not know known-hosts rules, which key logs in, or what scripts do.

use std::sync::Arc;
use std::time::Duration;

use russh::client::Handle;
use russh::{ChannelOpenFailure, Disconnect};
use tokio::sync::{Mutex, Semaphore, mpsc};
use tokio::time::{sleep, timeout};

use super::bootstrap::{self, Stdin};
use super::channel::{End, Lane, exchange};
use super::dial::Dialer;
use super::error::TransportError;
use super::handshake::HostKeyGuard;
use super::held::{Held, Wires};
use super::output::{Collector, OnLine, Output};
use super::sudo;
use super::target::Target;

/// Session channels busy at once on one host. sshd's `MaxSessions` is 10, but
/// it frees a session late: 5 at once were never refused, 6 at times (measured).
const LANES: usize = 4;
/// Waits between tries to open a channel, in milliseconds: 5.1 s in all.
const RETRIES: [u64; 9] = [10, 20, 40, 80, 160, 320, 640, 1280, 2560];

/// An open, authenticated connection to one host. Cheap to clone.
#[derive(Clone)]
pub struct Session {
    inner: Arc<Inner>,
}

struct Inner {
    target: Target,
    /// Keeps the jump hosts' connections, and opens this one again.
    dialer: Dialer,
    handle: Handle<HostKeyGuard>,
    lanes: Arc<Semaphore>,
    /// One channel opened ahead: it saves a round trip (2 RTT to 1, measured).
    /// Locked while it is opened: a script waits for it instead of asking for
    /// a second one, whose answer sshd's Nagle would hold back for 40 ms.
    spare: Mutex<Option<Lane>>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("node", &self.inner.target.name).finish_non_exhaustive()
    }
}

impl Session {
    /// Connects, checks the host key, logs in, and opens the spare channel in
    /// the background.
    pub async fn open(target: &Target, dialer: &Dialer) -> Result<Self, TransportError> {
        let inner = Arc::new(Inner {
            handle: dialer.login(target).await?,
            target: target.clone(),
            dialer: dialer.clone(),
            lanes: Arc::new(Semaphore::new(LANES)),
            spare: Mutex::new(None),
        });
        tokio::spawn(Inner::refill(Arc::clone(&inner)));
        Ok(Self { inner })
    }

    /// A new connection on the same way.
    pub(super) async fn reopen(&self) -> Result<Self, TransportError> {
        Self::open(&self.inner.target, &self.inner.dialer).await
    }

    /// Runs `script` as root. The time limit starts once a channel is free.
    pub(super) async fn run(
        &self,
        script: &str,
        stdin: Stdin,
        limit: Duration,
        on_line: Option<OnLine<'_>>,
    ) -> Result<Output, TransportError> {
        let Target { name: node, user, .. } = &self.inner.target;
        let lane = self.inner.lane().await?;
        let payload = bootstrap::payload(script);
        let command = bootstrap::command(user, stdin, payload.len());
        let (input, sent) = mpsc::unbounded_channel();
        // The receiver is held right here, so this cannot fail.
        let _ = input.send(payload);
        let keep_open = (stdin == Stdin::Watched).then_some(input);
        let mut sink = Collector::new(on_line);
        let end = timeout(limit, exchange(lane, command, sent, &mut sink)).await;
        drop(keep_open);
        let Ok(end) = end else {
            return Err(TransportError::Timeout {
                node: node.clone(),
                what: "a script".into(),
                after: limit,
            });
        };
        let output = sink.finish(status(node, &end)?);
        sudo::check(node, user, &output)?;
        Ok(output)
    }

    pub(super) async fn hold(&self, script: &str) -> Result<Held, TransportError> {
        let inner = Arc::clone(&self.inner);
        let lane = inner.lane().await?;
        let payload = bootstrap::payload(script);
        let command = bootstrap::command(&inner.target.user, Stdin::Lines, payload.len());
        Held::start(
            &self.inner.target.name,
            inner.target.connect_timeout,
            |Wires { mut sink, beats, first }| {
                let _ = first.send(payload);
                drop(first);
                async move {
                    let end = exchange(lane, command, beats, &mut sink).await;
                    let Target { name: node, user, .. } = &inner.target;
                    let output = sink.finish(status(node, &end)?);
                    sudo::check(node, user, &output)?;
                    Ok(output)
                }
            },
        )
        .await
    }

    /// Says goodbye. What still runs on the host goes on.
    pub async fn close(self) {
        let _ = self.inner.handle.disconnect(Disconnect::ByApplication, "", "").await;
    }
}

fn status(node: &str, end: &End) -> Result<i32, TransportError> {
    let node = node.to_owned();
    match end {
        End::Status(status) => Ok(*status),
        &End::Lost { sent } => Err(TransportError::Disconnected { node, sent }),
        End::TooMuch(full) => Err(full.at(&node)),
        End::Refused => Err(TransportError::Io {
            node,
            what: "run a script".into(),
            why: "sshd refuses to start commands (ForceCommand, or a subsystem-only account?)".into(),
        }),
    }
}

impl Inner {
    /// A channel and the right to use it: the spare, else a new one.
    async fn lane(self: &Arc<Self>) -> Result<Lane, TransportError> {
        let permit = Arc::clone(&self.lanes).acquire_owned().await.ok();
        let spare = timeout(self.target.connect_timeout, self.spare.lock())
            .await
            .ok()
            .and_then(|mut spare| spare.take());
        let mut lane = match spare {
            Some(lane) if !self.handle.is_closed() => lane,
            _ => self.open_channel().await?,
        };
        lane.permit = permit;
        tokio::spawn(Self::refill(Arc::clone(self)));
        Ok(lane)
    }

    /// Opens the spare channel unless there is one. A failure is not reported:
    /// the next script opens its own and says why it cannot.
    async fn refill(self: Arc<Self>) {
        let mut spare = self.spare.lock().await;
        if spare.is_some() || self.handle.is_closed() {
            return;
        }
        *spare = self.handle.channel_open_session().await.ok().map(Lane::new);
    }

    /// Opens a channel in a task of its own: a cancelled caller must not leave
    /// one open that nobody knows.
    async fn open_channel(self: &Arc<Self>) -> Result<Lane, TransportError> {
        let inner = Arc::clone(self);
        let opening = tokio::spawn(async move { inner.open_with_retries().await });
        let lost = || TransportError::Disconnected { node: self.target.name.clone(), sent: false };
        // Longer than all of `RETRIES`.
        let limit = self.target.connect_timeout.max(Duration::from_secs(6));
        match timeout(limit, opening).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(lost()),
            Err(_) => Err(TransportError::Io {
                node: self.target.name.clone(),
                what: "open a channel".into(),
                why: format!("no answer in {} s", limit.as_secs_f32()),
            }),
        }
    }

    async fn open_with_retries(&self) -> Result<Lane, TransportError> {
        let mut waits = RETRIES.iter();
        loop {
            let refusal = match self.handle.channel_open_session().await {
                Ok(channel) => return Ok(Lane::new(channel)),
                Err(russh::Error::ChannelOpenFailure(reason)) => reason,
                Err(_) => {
                    return Err(TransportError::Disconnected { node: self.target.name.clone(), sent: false });
                }
            };
            let Some(wait) = waits.next() else { return Err(self.refused(&refusal)) };
            sleep(Duration::from_millis(*wait)).await;
        }
    }

    fn refused(&self, reason: &ChannelOpenFailure) -> TransportError {
        let why = format!(
            "sshd refuses ({reason:?}): earlier scripts may still run there, or MaxSessions is below {}",
            LANES + 1
        );
        TransportError::Io { node: self.target.name.clone(), what: "open a channel".into(), why }
    }
}
