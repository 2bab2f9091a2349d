//! Owns the exit statuses by which an answer of a probe is judged.
//! Must not know what was asked.

/// Of `timeout` when time ran out, and when it had to kill.
pub(crate) const TIMED_OUT: [i32; 2] = [124, 137];
/// What `stat`, `sha256sum`, `dpkg-query` and the shell's loops end with when
/// some names are not there; `getent` says 2. Any other status is no answer.
pub(super) const SOME: [i32; 2] = [0, 1];
pub(super) const GETENT: [i32; 2] = [0, 2];
/// Of an item whose file is not there.
pub(super) const NOT_THERE: i32 = 66;
