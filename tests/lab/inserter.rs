//! Owns an application that writes all the time, and what it lost.
//! Must not know why it had to wait.

use std::fs;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::command::{Result, Running, ensure, wait_for};
use crate::lab::{root, seconds};
use crate::product::read;
use crate::sql::Sql;
use crate::stage::Stage;

/// Inserts a run may make at most: ten minutes of them.
const MOST: u64 = 6000;

/// Seconds since the epoch, as the inserter prints them.
pub fn clock() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |d| d.as_secs_f64())
}

/// An inserter at work.
#[derive(Debug)]
pub struct Inserter {
    running: Running,
    sql: Sql,
    stop: Stop,
    acks: PathBuf,
}

/// The file that ends it, also when whoever started it has failed.
#[derive(Debug)]
struct Stop(PathBuf);

impl Drop for Stop {
    fn drop(&mut self) {
        let _ = fs::write(&self.0, "");
    }
}

/// One acknowledged insert.
#[derive(Debug, Clone, Copy)]
struct Ack {
    id: u64,
    at: f64,
}

/// What an inserter saw.
#[derive(Debug)]
pub struct Log {
    acks: Vec<Ack>,
    present: Vec<u64>,
}

impl Inserter {
    /// Starts it and waits for its first answers.
    pub fn start(stage: &Stage) -> Result<Self> {
        Self::start_as(stage, stage.sql()?)
    }

    /// As somebody else than the superuser.
    pub fn start_as(stage: &Stage, sql: Sql) -> Result<Self> {
        // The address may be on its way to a leader of this very moment, or writes wait
        // for a standby that has just gone.
        let first = "create table if not exists drill (id bigint primary key);
            insert into drill select coalesce(max(id), 0) + 1 from drill";
        wait_for("a first write through the address", seconds(45), seconds(1), || sql.run(first).map(drop))?;
        let first: u64 =
            sql.run("select coalesce(max(id), 0) + 10000 from drill")?.parse().map_err(|_| "no number")?;
        let (stop, acks) = (stage.folder.path("stop"), stage.folder.path("acks"));
        // An earlier drill's answers must not pass for this one's first.
        for old in [&stop, &acks] {
            let _ = fs::remove_file(old);
        }
        let script = root().join("tests/lab/inserter.py");
        let command = format!(
            "exec /usr/bin/python3 '{}' '{}' {first} {MOST} >'{}'",
            script.display(),
            stop.display(),
            acks.display()
        );
        let call = stage.lab.inside(seconds(MOST / 10 + 20), &["bash", "-c", &command]);
        let call = call.env("TARGET", sql.target("verify-full")).env("PGPASSFILE", &sql.passwords);
        let inserter = Self { running: call.start()?, sql, stop: Stop(stop), acks };
        inserter.wait_acks(0.0, 10, seconds(20))?;
        Ok(inserter)
    }

    /// Waits for `count` answers after the time `since`.
    pub fn wait_acks(&self, since: f64, count: usize, limit: Duration) -> Result {
        let start = Instant::now();
        while acks(&self.acks).iter().filter(|a| a.at > since).count() < count {
            ensure!(start.elapsed() < limit, "no {count} writes within {} s", limit.as_secs());
            sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    /// Stops it and reads what is in the table.
    pub fn finish(self) -> Result<Log> {
        drop(self.stop);
        self.running.wait()?;
        let present = self.sql.run("select id from drill")?;
        let present = present.lines().filter_map(|l| l.parse().ok()).collect();
        Ok(Log { acks: acks(&self.acks), present })
    }
}

fn acks(path: &std::path::Path) -> Vec<Ack> {
    let parse = |line: &str| {
        let (id, at) = line.split_once(' ')?;
        Some(Ack { id: id.parse().ok()?, at: at.parse().ok()? })
    };
    let mut acks: Vec<Ack> = read(path).unwrap_or_default().lines().filter_map(parse).collect();
    acks.sort_by(|a, b| a.at.total_cmp(&b.at));
    acks
}

impl Log {
    pub fn acked(&self) -> usize {
        self.acks.len()
    }

    /// The longest time between two answers from `since` on. Without answers on
    /// both sides of it nothing was measured.
    pub fn gap(&self, since: f64) -> Result<f64> {
        let before = self.acks.iter().filter(|ack| ack.at <= since).count();
        let after = self.acks.len() - before;
        ensure!(
            before >= 5 && after >= 5,
            "{before} writes before the cut and {after} after it: too few to measure"
        );
        let pairs = self.acks.iter().zip(self.acks.iter().skip(1));
        Ok(pairs.filter(|(_, next)| next.at > since).map(|(one, next)| next.at - one.at).fold(0.0, f64::max))
    }

    /// Acknowledged inserts that are gone: how many, and how long before the
    /// time `cut` the oldest of them was acknowledged. Replication is
    /// asynchronous, so those of the last moment may be.
    pub fn lost(&self, cut: f64) -> (usize, f64) {
        let present: std::collections::HashSet<u64> = self.present.iter().copied().collect();
        let lost: Vec<&Ack> = self.acks.iter().filter(|a| !present.contains(&a.id)).collect();
        (lost.len(), lost.iter().map(|a| cut - a.at).fold(0.0, f64::max))
    }
}
