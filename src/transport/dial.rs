//! Owns the way to a host: TCP, or through jump hosts, each of them one
//! connection that all hosts behind it share. Must not know what is run.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use russh::Channel;
use russh::ChannelOpenFailure::AdministrativelyProhibited;
use russh::client::Handle;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::auth;
use super::error::TransportError;
use super::handshake::{self, HostKeyGuard, unreachable};
use super::socket::{ANSWER, Socket};
use super::target::Target;

/// What SSH is spoken over.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}
pub(super) type Pipe = Box<dyn Stream>;

/// A connection to a jump host. It lives as long as its [`Dialer`].
struct Jump {
    handle: Handle<HostKeyGuard>,
}

type Opening = Shared<BoxFuture<'static, Result<Arc<Jump>, TransportError>>>;

/// What people should know of connections that were made.
#[derive(Debug, Clone, Default)]
pub(super) struct Notes(Arc<Mutex<Vec<String>>>);

impl Notes {
    pub(super) fn push(&self, note: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(note);
    }
}

/// What all connections of a process share. Clones are the same one.
#[derive(Clone)]
pub struct Dialer {
    handshakes: Arc<Semaphore>,
    /// By [`Target::route`].
    jumps: Arc<Mutex<HashMap<String, Opening>>>,
    notes: Notes,
}

impl fmt::Debug for Dialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialer").finish_non_exhaustive()
    }
}

impl Default for Dialer {
    /// At most `2 × cores` handshakes at once: they are bound by our CPU
    /// (about 25 ms each; measured, `knowledge/rust.md` B2).
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Self {
            handshakes: Arc::new(Semaphore::new(2 * cores)),
            jumps: Arc::default(),
            notes: Notes::default(),
        }
    }
}

impl Dialer {
    /// Which keys were pinned, a sentence each; each is told once.
    pub fn notes(&self) -> Vec<String> {
        std::mem::take(&mut *self.notes.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Connects, checks the host key, and logs in.
    pub(super) async fn login(&self, target: &Target) -> Result<Handle<HostKeyGuard>, TransportError> {
        let limit = target.connect_timeout;
        // Jump hosts log in meanwhile, so this must not hold a permit yet.
        let pipe = self.pipe(target).await?;
        let _permit = self.handshakes.acquire().await;
        let login = async {
            let mut handle = handshake::connect(target, pipe, Some(&self.notes)).await?;
            auth::login(&mut handle, target).await?;
            Ok(handle)
        };
        let Ok(login) = timeout(limit, login).await else {
            return Err(unreachable(target, &format!("no SSH login in {} s", limit.as_secs_f32())));
        };
        login
    }

    /// What SSH to `target` is spoken over, not yet spoken.
    pub(super) async fn pipe(&self, target: &Target) -> Result<Pipe, TransportError> {
        let Some(via) = &target.via else { return Ok(Box::new(Socket::connect(target).await?)) };
        let jump = self.jump(via).await.map_err(|why| TransportError::Jump {
            node: target.name.clone(),
            jump: via.name.clone(),
            why: Box::new(why),
        })?;
        jump.tunnel(target, via).await
    }

    /// The connection to a jump host: the one that is open, the one somebody
    /// else is opening, or a new one. Whoever waits for it shares its failure.
    fn jump(&self, via: &Arc<Target>) -> Opening {
        let mut jumps = self.jumps.lock().unwrap_or_else(PoisonError::into_inner);
        let usable = |opening: &&Opening| match opening.peek() {
            None => true,
            Some(Ok(jump)) => !jump.handle.is_closed(),
            Some(Err(_)) => false,
        };
        if let Some(opening) = jumps.get(&via.route()).filter(usable) {
            return opening.clone();
        }
        let (dialer, target) = (self.clone(), Arc::clone(via));
        let opening = async move { dialer.login(&target).await.map(|handle| Arc::new(Jump { handle })) };
        let opening = opening.boxed().shared();
        jumps.insert(via.route(), opening.clone());
        opening
    }
}

impl Jump {
    /// A channel to `target` through this jump host. No agent and no key goes
    /// along: SSH to the target is spoken by us, end to end.
    async fn tunnel(self: Arc<Self>, target: &Target, via: &Target) -> Result<Pipe, TransportError> {
        let (address, port) = (target.address.clone(), u32::from(target.port));
        // In a task of its own: an answer that comes too late must close the
        // channel again, which only a stream does that is dropped.
        let opening = tokio::spawn(async move {
            let channel = self.handle.channel_open_direct_tcpip(address, port, "127.0.0.1", 0).await;
            channel.map(Channel::into_stream)
        });
        let jump = &via.name;
        let why = match timeout(ANSWER, opening).await {
            Ok(Ok(Ok(stream))) => return Ok(Box::new(stream)),
            Err(_) => format!("{jump} got no answer from it in {} s", ANSWER.as_secs()),
            Ok(Ok(Err(russh::Error::ChannelOpenFailure(AdministrativelyProhibited)))) => {
                format!("{jump} forbids it (AllowTcpForwarding or PermitOpen in its sshd_config)")
            }
            Ok(Ok(Err(russh::Error::ChannelOpenFailure(_)))) => {
                format!("{jump} cannot connect to it: refused, or no way there")
            }
            Ok(_) => format!("the connection to {jump} was lost"),
        };
        Err(unreachable(target, &why))
    }
}
