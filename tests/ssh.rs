//! Owns the transport's tests against a real sshd on the loopback address.
//! Must not know anything but the transport's public side.

mod daemon;
mod hold;
mod hostile;
mod jump;
mod login;
mod probe;
mod run;
mod trust;
