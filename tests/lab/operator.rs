//! Owns what somebody does with the product from a stage: commands with the exit
//! status they must have, kept for the search for secrets. Must not know any drill.

use crate::command::{Call, Output, Result, ensure};
use crate::product::counts;
use crate::stage::{APPLY_LIMIT, Stage};

impl Stage {
    /// Runs the product; its words are kept for the search for secrets.
    pub fn hacluster(&mut self, words: &[&str]) -> Result<Output> {
        let call = self.folder.hacluster(&self.lab, APPLY_LIMIT, words);
        self.watched(call)
    }

    /// The same with something to read on its standard input.
    pub fn told(&mut self, words: &[&str], input: &str) -> Result<Output> {
        let call = self.folder.hacluster(&self.lab, APPLY_LIMIT, words).stdin(input);
        self.watched(call)
    }

    fn watched(&mut self, call: Call) -> Result<Output> {
        let output = self.sweep.during(&self.folder, || call.run())?;
        self.sweep.said(&output);
        self.last = Some(output.clone());
        output.calm()?;
        Ok(output)
    }

    /// The same with the exit status it must have.
    pub fn expect(&mut self, status: i32, words: &[&str]) -> Result<Output> {
        let output = self.hacluster(words)?;
        ensure!(output.status == status, "exit {} instead of {status}: {}", output.status, output.describe());
        Ok(output)
    }

    /// Nothing to do, said by exit code and words.
    pub fn expect_converged(&mut self) -> Result<Output> {
        let output = self.expect(0, &["plan", "--detailed-exitcode"])?;
        let found = counts(&output.stdout)?;
        ensure!(found.is_none_or(|c| c == [0; 3]), "exit 0 with a plan of {found:?}");
        Ok(output)
    }

    /// Does `work` as another operator, with the same cluster.toml and
    /// secrets.toml in a folder of his own that he may edit.
    pub fn as_another<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let other = self.folder.fresh_clone(&self.lab)?;
        let own = std::mem::replace(&mut self.folder, other);
        let done = work(self);
        self.folder = own;
        done
    }
}
