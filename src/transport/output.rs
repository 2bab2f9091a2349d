//! Owns what comes back from a script: status, both streams, lines as they come.
//! Must not know which transport the bytes came through.

use std::borrow::Cow;

use super::error::TransportError;

/// Most bytes kept of each stream. A whole-host probe is about 2 kB and a log
/// tail under 1 MB; 8 MiB only stops a runaway, on many hosts at once too.
pub const OUTPUT_LIMIT: usize = 8 << 20;
/// Most bytes of one line; the rest of a longer one is left out. The longest of ours
/// names the steps of a batch, at 60 bytes each.
const LINE_LIMIT: usize = 1 << 20;

/// What a script left behind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Output {
    /// Exit status; `128 + n` if signal `n` ended it, as a shell reports it.
    pub status: i32,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
}

impl Output {
    pub fn success(&self) -> bool {
        self.status == 0
    }

    pub fn stdout_text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.stdout)
    }

    pub fn stderr_text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.stderr)
    }
}

/// A caller's wish to see lines of standard output as they come.
pub type OnLine<'a> = &'a mut (dyn FnMut(&str) + Send);

/// Takes the bytes of both streams as they come.
pub(super) trait Sink: Send {
    fn stdout(&mut self, bytes: &[u8]) -> Result<(), TooMuch>;
    fn stderr(&mut self, bytes: &[u8]) -> Result<(), TooMuch>;
}

/// A sink is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooMuch {
    pub(super) stream: &'static str,
    pub(super) limit: usize,
}

impl TooMuch {
    pub(super) fn at(self, node: &str) -> TransportError {
        TransportError::TooMuchOutput { node: node.to_owned(), stream: self.stream, limit: self.limit }
    }
}

/// Cuts a stream of bytes into lines; keeps the unfinished one.
#[derive(Debug, Default)]
pub(super) struct Lines {
    rest: Vec<u8>,
}

impl Lines {
    pub(super) fn feed(&mut self, bytes: &[u8], mut each: impl FnMut(&str)) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let line = piece.strip_suffix(b"\n");
            let text = line.unwrap_or(piece);
            let room = LINE_LIMIT.saturating_sub(self.rest.len()).min(text.len());
            self.rest.extend_from_slice(&text[..room]);
            if line.is_some() {
                each(&String::from_utf8_lossy(&self.rest));
                self.rest.clear();
            }
        }
    }

    /// Gives the last line if it had no newline.
    pub(super) fn finish(&mut self, each: impl FnOnce(&str)) {
        if !self.rest.is_empty() {
            each(&String::from_utf8_lossy(&std::mem::take(&mut self.rest)));
        }
    }
}

/// Keeps everything, up to a limit, and shows lines to the caller.
pub(super) struct Collector<'a> {
    output: Output,
    lines: Lines,
    on_line: Option<OnLine<'a>>,
    limit: usize,
}

impl<'a> Collector<'a> {
    pub(super) fn new(on_line: Option<OnLine<'a>>) -> Self {
        Self { output: Output::default(), lines: Lines::default(), on_line, limit: OUTPUT_LIMIT }
    }

    pub(super) fn finish(mut self, status: i32) -> Output {
        if let Some(on_line) = self.on_line.as_mut() {
            self.lines.finish(on_line);
        }
        Output { status, ..self.output }
    }
}

impl Sink for Collector<'_> {
    fn stdout(&mut self, bytes: &[u8]) -> Result<(), TooMuch> {
        if let Some(on_line) = self.on_line.as_mut() {
            self.lines.feed(bytes, on_line);
        }
        keep(&mut self.output.stdout, bytes, "standard output", self.limit)
    }

    fn stderr(&mut self, bytes: &[u8]) -> Result<(), TooMuch> {
        keep(&mut self.output.stderr, bytes, "standard error", self.limit)
    }
}

fn keep(kept: &mut Vec<u8>, bytes: &[u8], stream: &'static str, limit: usize) -> Result<(), TooMuch> {
    if kept.len() + bytes.len() > limit {
        return Err(TooMuch { stream, limit });
    }
    kept.extend_from_slice(bytes);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_survive_any_cut() {
        let text = b"one\n\ntwo \xc3\xa4\nlast";
        for size in 1..text.len() {
            let (mut seen, mut lines) = (Vec::new(), Lines::default());
            for piece in text.chunks(size) {
                lines.feed(piece, |line| seen.push(line.to_owned()));
            }
            lines.finish(|line| seen.push(line.to_owned()));
            assert_eq!(seen, ["one", "", "two ä", "last"], "pieces of {size}");
        }
    }

    #[test]
    fn a_line_without_an_end_takes_no_more_than_its_room() {
        let (mut seen, mut lines) = (Vec::new(), Lines::default());
        for _ in 0..40 {
            lines.feed(&vec![b'y'; 64 << 10], |_| panic!("no line ended"));
        }
        lines.feed(b"y\nnext\n", |line| seen.push(line.to_owned()));
        assert_eq!((seen[0].len(), seen[1].as_str(), seen.len()), (LINE_LIMIT, "next", 2));
    }

    #[test]
    fn a_runaway_is_cut_off() {
        let mut sink = Collector { limit: 4, ..Collector::new(None) };
        assert_eq!(sink.stdout(b"1234"), Ok(()));
        assert_eq!(sink.stdout(b"5"), Err(TooMuch { stream: "standard output", limit: 4 }));
        assert_eq!(sink.stderr(b"12345").map_err(|full| full.stream), Err("standard error"));
        assert_eq!(sink.finish(3), Output { status: 3, stdout: b"1234".to_vec(), stderr: vec![] });
    }
}
