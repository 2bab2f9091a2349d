//! Owns receipts: how each step of a batch ended, read out of the batch's output.
//! Must not know what a step does.

use std::time::Instant;

/// How one step of a batch ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Receipt {
    /// Exit status; `None` where it never ran.
    pub status: Option<i32>,
    /// What it printed.
    pub lines: Vec<String>,
    /// From its first to its last line here.
    pub millis: u64,
}

/// Reads receipts out of a batch's output, line by line.
#[derive(Debug)]
pub(super) struct Reader {
    nonce: String,
    open: Option<(usize, Instant)>,
    pub receipts: Vec<Receipt>,
    pub over: bool,
    /// Lines outside of any step.
    pub stray: Vec<String>,
    /// What is waited for, and who has it.
    waits: Option<String>,
}

/// What one line meant.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    Began(usize),
    Ended(usize),
    Said(String),
    /// Something is held by somebody else: what, and by whom.
    Waits(String, String),
    /// It is held no more: what, and after how many milliseconds.
    Free(String, u64),
    Nothing,
}

/// The status `timeout` gives.
const TIMED_OUT: i32 = 124;

/// Lines kept of one step, and characters of a line: enough to see why it failed.
const KEPT: usize = 40;
const WIDTH: usize = 2000;

impl Reader {
    /// The unit ended in the middle of a step: that one took too long, or
    /// somebody stopped it.
    pub(super) fn cut(&mut self, seconds: u64) {
        if let Some((position, _)) = self.open.take() {
            let receipt = &mut self.receipts[position];
            receipt.status = Some(TIMED_OUT);
            receipt.lines.extend(self.waits.take());
            receipt.lines.push(format!("it was stopped: no end within {seconds} s, or the host went down"));
        }
    }

    pub(super) fn new(nonce: &str, steps: usize) -> Self {
        let receipts = vec![Receipt::default(); steps];
        Self { nonce: nonce.to_owned(), open: None, receipts, over: false, stray: Vec::new(), waits: None }
    }

    pub(super) fn line(&mut self, line: &str) -> Line {
        let Some(rest) = line.strip_prefix(&self.nonce).and_then(|rest| rest.strip_prefix(' ')) else {
            return self.said(line);
        };
        let mut words = rest.split(' ');
        let (verb, position) = (words.next(), words.next().and_then(|p| p.parse::<usize>().ok()));
        match (verb, position) {
            (Some("begin"), Some(position)) if position < self.receipts.len() => {
                self.open = Some((position, Instant::now()));
                Line::Began(position)
            }
            (Some("end"), Some(position)) if position < self.receipts.len() => {
                let began = self.open.take().map(|(_, began)| began.elapsed());
                self.receipts[position].millis = began.map_or(0, super::gather::millis);
                self.receipts[position].status = words.next().and_then(|s| s.parse().ok());
                Line::Ended(position)
            }
            (Some("waits"), _) => {
                let (what, seen) = rest.trim_start_matches("waits ").split_once(' ').unwrap_or((rest, ""));
                self.waits = Some(format!("waiting for {what}: {seen}"));
                Line::Waits(what.to_owned(), seen.to_owned())
            }
            (Some("free"), _) => {
                self.waits = None;
                let (what, after) = rest.trim_start_matches("free ").split_once(' ').unwrap_or((rest, ""));
                Line::Free(
                    what.to_owned(),
                    after.parse().map_or(0, |seconds: u64| seconds.saturating_mul(1000)),
                )
            }
            (Some("over"), _) => {
                self.over = true;
                Line::Nothing
            }
            _ => Line::Nothing,
        }
    }

    fn said(&mut self, line: &str) -> Line {
        if line.is_empty() {
            return Line::Nothing;
        }
        let kept = match self.open {
            Some((position, _)) => &mut self.receipts[position].lines,
            None => &mut self.stray,
        };
        if kept.len() == KEPT {
            kept.remove(0);
        }
        let line: String = line.chars().take(WIDTH).collect();
        kept.push(line.clone());
        Line::Said(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_that_was_stopped_fails_the_step_it_was_in() {
        let mut reader = Reader::new("N", 2);
        for line in
            ["N begin 0", "", "N end 0 0", "N begin 1", "working", "N waits apt held by apt (pid 7) for 5 s"]
        {
            reader.line(line);
        }
        reader.cut(600);
        assert_eq!(reader.receipts[0].status, Some(0));
        assert_eq!(reader.receipts[1].status, Some(124));
        assert_eq!(reader.receipts[1].lines[1], "waiting for apt: held by apt (pid 7) for 5 s");
        assert_eq!(reader.receipts[1].lines[2], "it was stopped: no end within 600 s, or the host went down");
    }
}
