//! Owns the transport that tests use: canned answers, recorded calls, failures.
//! Must not know what the scripts mean; it only looks for text in them.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::bootstrap::{READY, Stdin};
use super::error::TransportError;
use super::held::{Held, Wires};
use super::output::{Collector, OnLine, Output, Sink};
use super::probe;

type Answer = Box<dyn Fn(&str) -> Option<Output> + Send>;

/// A host that does not exist. Clones share rules and records.
#[derive(Clone, Default)]
pub struct Fake {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    node: String,
    answers: Vec<Answer>,
    calls: Vec<String>,
    beats: Vec<String>,
    delay: Duration,
    cut_at: Option<usize>,
    deaf_at: Option<usize>,
    unprotected: bool,
}

impl fmt::Debug for Fake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fake").field("node", &self.state().node).finish_non_exhaustive()
    }
}

impl Fake {
    pub fn new(node: impl Into<String>) -> Self {
        let fake = Self::default();
        fake.state().node = node.into();
        fake
    }

    /// Answers scripts that contain `text`. The first rule that fits answers;
    /// with none, a script ends with 0 and says nothing.
    #[must_use]
    pub fn on(self, text: impl Into<String>, output: Output) -> Self {
        let text = text.into();
        self.on_script(move |script| script.contains(&text).then(|| output.clone()))
    }

    /// Answers scripts for which `answer` gives an output.
    #[must_use]
    pub fn on_script(self, answer: impl Fn(&str) -> Option<Output> + Send + 'static) -> Self {
        self.state().answers.push(Box::new(answer));
        self
    }

    /// Makes each answer take this long.
    #[must_use]
    pub fn delay(self, delay: Duration) -> Self {
        self.state().delay = delay;
        self
    }

    /// Loses the connection during call `call` (counted from 0) and for good.
    /// The call is recorded: on a real host it may have happened.
    #[must_use]
    pub fn cut_at(self, call: usize) -> Self {
        self.state().cut_at = Some(call);
        self
    }

    /// Does call `call` (counted from 0) and loses its answer; the next connection
    /// is well again.
    #[must_use]
    pub fn deaf_at(self, call: usize) -> Self {
        self.state().deaf_at = Some(call);
        self
    }

    /// Answers probes as a host without mount namespaces does.
    #[must_use]
    pub fn unprotected(self) -> Self {
        self.state().unprotected = true;
        self
    }

    /// Every script so far, in order; probes as they are sent.
    pub fn calls(&self) -> Vec<String> {
        self.state().calls.clone()
    }

    /// Every line sent to held scripts so far.
    pub fn beats(&self) -> Vec<String> {
        self.state().beats.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records the call and finds its answer.
    fn answer(&self, script: &str) -> Result<(Output, Duration), TransportError> {
        let mut state = self.state();
        let call = state.calls.len();
        let node = state.node.clone();
        let cut = |sent| TransportError::Disconnected { node: node.clone(), sent };
        match state.cut_at {
            Some(at) if call > at => return Err(cut(false)),
            Some(at) if call == at => {
                let error = cut(true);
                state.calls.push(script.to_owned());
                return Err(error);
            }
            _ => state.calls.push(script.to_owned()),
        }
        let output = state.answers.iter().find_map(|answer| answer(script)).unwrap_or_default();
        if state.deaf_at == Some(call) {
            return Err(cut(true));
        }
        Ok((output, state.delay))
    }

    pub(super) async fn run(
        &self,
        script: &str,
        stdin: Stdin,
        limit: Duration,
        on_line: Option<OnLine<'_>>,
    ) -> Result<Output, TransportError> {
        let (mut output, delay) = self.answer(script)?;
        let node = self.state().node.clone();
        if timeout(limit, sleep(delay)).await.is_err() {
            return Err(TransportError::Timeout { node, what: "a script".into(), after: limit });
        }
        if stdin == Stdin::Watched && !self.state().unprotected {
            probe::mark_read_only(&mut output.stdout);
        }
        let mut sink = Collector::new(on_line);
        let kept = sink.stdout(&output.stdout).and_then(|()| sink.stderr(&output.stderr));
        kept.map_err(|full| full.at(&node))?;
        Ok(sink.finish(output.status))
    }

    /// The answer's standard output is shown at once; the process then lives
    /// until its input ends.
    pub(super) async fn hold(&self, script: &str) -> Result<Held, TransportError> {
        let (output, delay) = self.answer(script)?;
        let fake = self.clone();
        let node = self.state().node.clone();
        Held::start(&node, delay + Duration::from_secs(1), |Wires { mut sink, mut beats, first }| {
            drop(first);
            async move {
                sleep(delay).await;
                for bytes in [READY.as_bytes(), b"\n", &output.stdout] {
                    sink.stdout(bytes).map_err(|full| full.at("fake"))?;
                }
                while let Some(beat) = beats.recv().await {
                    fake.state().beats.push(String::from_utf8_lossy(&beat).trim_end().to_owned());
                }
                Ok(sink.finish(output.status))
            }
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::{Connection, ProbeText, Prober, Protection};

    const LIMIT: Duration = Duration::from_secs(5);

    fn says(text: &str) -> Output {
        Output { stdout: text.into(), ..Output::default() }
    }

    #[tokio::test]
    async fn answers_records_and_fails_as_told() {
        let fake = Fake::new("n1").on("uname", says("Linux\n")).delay(Duration::from_millis(20)).cut_at(3);
        let host = Connection::Fake(fake.clone());
        assert_eq!(host.run("uname -s", LIMIT, None).await.unwrap().stdout_text(), "Linux\n");
        assert!(host.run("true", LIMIT, None).await.unwrap().success());
        let slow = host.run("uname", Duration::from_millis(1), None).await;
        assert!(matches!(slow, Err(TransportError::Timeout { .. })), "{slow:?}");
        let cut = |sent| Err(TransportError::Disconnected { node: "n1".into(), sent });
        assert_eq!(host.run("reboot", LIMIT, None).await, cut(true));
        assert_eq!(host.run("true", LIMIT, None).await, cut(false));
        assert_eq!(fake.calls(), ["uname -s", "true", "uname", "reboot"]);
    }

    #[tokio::test]
    async fn probes_and_holds_follow_the_contract() {
        let fake = Fake::new("n1").on("id -un", says("root\n")).on("flock", says("locked\n"));
        let text = ProbeText::read_only("id -un");
        let prober = Prober::new(Arc::new(Connection::Fake(fake.clone())));
        let answer = prober.probe(&text, LIMIT).await.unwrap();
        assert_eq!((&*answer.output.stdout_text(), answer.protection), ("root\n", Protection::ReadOnly));
        let open = Prober::new(Arc::new(Connection::Fake(fake.clone().unprotected())));
        assert_ne!(open.probe(&text, LIMIT).await.unwrap().protection, Protection::ReadOnly);
        let mut held = Connection::Fake(fake.clone()).hold("flock 9").await.unwrap();
        assert_eq!(held.line().await.as_deref(), Some("locked"));
        held.beat("one").unwrap();
        assert!(held.close().await.unwrap().success());
        assert_eq!(fake.beats(), ["one"]);
    }
}
