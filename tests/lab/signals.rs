//! Owns the end by a signal: what runs is ended, the lab taken down.
//! Must not know drills.

use std::process::exit;
use std::thread;

use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

use crate::command::end_all;
use crate::lab::Lab;
use crate::runner::kept;

/// From now on Ctrl-C, TERM and HUP end the suite and its labs in order, with 130.
pub fn watch(lanes: usize) {
    thread::spawn(move || {
        let Ok(runtime) = Builder::new_current_thread().enable_all().build() else { return };
        runtime.block_on(async {
            let arrived = |kind| async move {
                match signal(kind) {
                    Ok(mut stream) => drop(stream.recv().await),
                    Err(_) => std::future::pending().await,
                }
            };
            tokio::select! {
                () = arrived(SignalKind::interrupt()) => {}
                () = arrived(SignalKind::terminate()) => {}
                () = arrived(SignalKind::hangup()) => {}
            }
        });
        eprintln!("interrupted");
        end_all();
        if !kept() {
            for lane in 0..lanes {
                let _ = Lab::new(lane).down();
            }
        }
        exit(130);
    });
}
