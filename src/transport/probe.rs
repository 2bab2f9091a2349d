//! Owns the read-only side: a handle that can only probe, and how a probe runs.
//! Must not know what is asked, nor what the answers mean.
//!
//! Guards against mistakes, not malice: root in the namespace could remount,
//! write to a block device, or ask systemd over its socket to change things.

use std::sync::Arc;
use std::time::Duration;

use super::Connection;
use super::bootstrap::Stdin;
use super::error::TransportError;
use super::output::Output;

/// First word of the line the wrapper prints before the body's output.
const MARK: &str = "hacluster-probe ";
const WRAPPER: &str = include_str!("probe.sh");
/// How much longer the host lets a probe run than we wait for it: only for a
/// connection lost without a word, where nothing else ends it.
const GRACE: Duration = Duration::from_secs(2);

/// A script that only reads. Built by whoever writes probes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeText(String);

impl ProbeText {
    /// A POSIX sh script whose author promises that it only reads. In bash, a
    /// here-document above 64 KiB needs a writable `/tmp` and fails.
    pub fn read_only(script: impl Into<String>) -> Self {
        Self(script.into())
    }

    /// The script as it was given.
    pub fn script(&self) -> &str {
        &self.0
    }

    /// The script that runs it on a host, for at most `limit`.
    fn wrapped(&self, limit: Duration, guarded: bool) -> String {
        let mut end = "HACLUSTER_PROBE_END".to_owned();
        while self.0.contains(&end) {
            end.push('_');
        }
        let seconds = (limit + GRACE).as_secs_f64().ceil();
        let body = &self.0;
        let guarded = if guarded { "yes" } else { "" };
        format!(
            "hac_limit={seconds} hac_guarded={guarded}\nhac_body() {{ cat <<'{end}'\n{body}\n{end}\n}}\n{WRAPPER}"
        )
    }
}

/// Whether the body could write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Protection {
    /// It ran in a mount namespace of its own where everything is read-only.
    ReadOnly,
    /// It ran as any script does.
    None { why: String },
}

/// What a probe answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probed {
    /// `status` is 124 or 137 if the host ended the probe for its time limit.
    pub output: Output,
    pub protection: Protection,
}

/// A connection that can only probe.
#[derive(Debug, Clone)]
pub struct Prober {
    connection: Arc<Connection>,
    guarded: bool,
}

impl Prober {
    /// What it runs cannot write, wherever the host can see to that.
    pub fn new(connection: Arc<Connection>) -> Self {
        Self { connection, guarded: true }
    }

    /// For readings between changes of one run, many and small: without the mount
    /// namespace, which costs a quarter of such a reading.
    pub fn between_changes(connection: Arc<Connection>) -> Self {
        Self { connection, guarded: false }
    }

    /// Runs a probe. It is killed on the host when this future is dropped, the
    /// limit passes, or the connection ends.
    pub async fn probe(&self, text: &ProbeText, limit: Duration) -> Result<Probed, TransportError> {
        let script = text.wrapped(limit, self.guarded);
        let output = self.connection.execute(&script, Stdin::Watched, limit, None).await?;
        Ok(read(output))
    }
}

/// Takes the wrapper's line off the output.
fn read(mut output: Output) -> Probed {
    let marked = output.stdout.strip_prefix(MARK.as_bytes()).and_then(|rest| {
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        Some((String::from_utf8_lossy(&rest[..end]).into_owned(), MARK.len() + end + 1))
    });
    let protection = match marked {
        Some((said, length)) => {
            output.stdout.drain(..length);
            match said.strip_prefix("unprotected ") {
                None => Protection::ReadOnly,
                Some(why) => Protection::None { why: why.to_owned() },
            }
        }
        None => Protection::None { why: "the probe did not begin".into() },
    };
    Probed { output, protection }
}

/// The same as a host's wrapper prints, for `fake.rs`.
pub(super) fn mark_read_only(stdout: &mut Vec<u8>) {
    stdout.splice(0..0, format!("{MARK}read-only\n").into_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_is_taken_off() {
        let read = |stdout: &str| {
            let probed = read(Output { stdout: stdout.into(), ..Output::default() });
            (probed.output.stdout_text().into_owned(), probed.protection)
        };
        let none = |why: &str| Protection::None { why: why.into() };
        assert_eq!(read("hacluster-probe read-only\na\n"), ("a\n".into(), Protection::ReadOnly));
        assert_eq!(read("hacluster-probe unprotected not root\n"), (String::new(), none("not root")));
        assert_eq!(read("a\n"), ("a\n".into(), none("the probe did not begin")));
    }

    #[test]
    fn the_body_cannot_end_its_own_quoting() {
        let text = ProbeText::read_only("HACLUSTER_PROBE_END\nHACLUSTER_PROBE_END_");
        let wrapped = text.wrapped(Duration::from_millis(2500), true);
        assert!(wrapped.starts_with("hac_limit=5 hac_guarded=yes\n"), "{wrapped}");
        assert!(wrapped.contains("<<'HACLUSTER_PROBE_END__'\n"), "{wrapped}");
    }
}
