//! Owns changes that may lock us out: a timer on the host takes them back, or its
//! next start, unless a fresh connection confirms them. Must not know what they are.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::{sleep, sleep_until};

use super::event::Event;
use super::work::Worker;
use crate::resource::{PRELUDE, Script};
use crate::shell::quote;
use crate::transport::Connection;

/// A host waits this long for the confirmation (design §6.8).
const SECONDS: u64 = if cfg!(test) { 2 } else { 30 };
/// Before each try of a fresh connection, in tenths of a second. Few: sshd holds
/// refused logins against who makes them.
const PAUSES: [u64; 4] = [0, 20, 40, 80];
const TENTH: Duration = if cfg!(test) { Duration::from_millis(1) } else { Duration::from_millis(100) };
/// How often a host that took its change back is looked for, every 2 s.
const LOOKS: u32 = 15;
const LIMIT: Duration = Duration::from_secs(10);

/// `script`, and before it the timer that would take back what it does. `unit` is
/// what it makes read it.
pub(super) fn armed(id: &str, unit: Option<&str>, script: &Script) -> Script {
    let unit = unit.map(quote).unwrap_or_default();
    let (reverts, script) = (reverts(), script.expose());
    Script::new(format!(
        "hac_arm {id} {SECONDS} {unit} <<'HACLUSTER_REVERT_END'\n{reverts}HACLUSTER_REVERT_END\n{script}"
    ))
}

/// What the timer runs, with the change's id, and a host that starts, without.
pub(super) fn reverts() -> String {
    format!(
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nLC_ALL=C\nexport PATH LC_ALL\n\
         umask 022\nmkdir -p /run/hacluster\nexec 9>>/run/hacluster/step.lock\nflock -w 10 9\n\
         {PRELUDE}\nhac_revert \"$@\"\n"
    )
}

/// Confirms, and says what became of it.
pub(super) fn confirms(id: &str) -> String {
    format!("{PRELUDE}\nhac_confirm {id}\n")
}

/// What a host says of its timer over a connection of its own.
async fn ask(link: &Arc<Connection>, id: &str) -> Result<String, String> {
    let fresh = link.reopen().await.map_err(|error| error.to_string())?;
    let output = fresh.run(&confirms(id), LIMIT, None).await.map_err(|error| error.to_string())?;
    if !output.success() {
        return Err(output.stderr_text().trim().to_owned());
    }
    Ok(output.stdout_text().trim().to_owned())
}

impl Worker<'_> {
    /// Confirms what was changed under `id` since `armed`, or a little later; an error
    /// where it was taken back.
    pub(super) async fn confirm(&self, host: &str, id: &str, armed: Instant) -> Result<(), String> {
        let link = self.links.get(host).ok_or("there is no connection to it")?;
        let mut why = String::new();
        for pause in PAUSES {
            sleep(TENTH * u32::try_from(pause).unwrap_or(u32::MAX)).await;
            match ask(&link, id).await {
                Ok(said) => return self.heard(host, &said, "it came too late"),
                Err(error) => why = error,
            }
        }
        let seen = format!("no fresh connection, so it takes the change back by itself: {why}");
        self.sink.event(Event::Waiting { what: host.to_owned(), seen });
        sleep_until((armed + Duration::from_secs(SECONDS + 1)).into()).await;
        for _ in 0..LOOKS {
            if let Ok(said) = ask(&link, id).await {
                return self.heard(host, &said, &why);
            }
            sleep(TENTH * 20).await;
        }
        Err(format!(
            "no fresh connection could be made ({why}), and {host} does not answer yet: its console tells more"
        ))
    }

    fn heard(&self, host: &str, said: &str, why: &str) -> Result<(), String> {
        match said {
            "reverted" => Err(format!(
                "no fresh connection could be made within {SECONDS} s ({why}): \
                 {host} took the change back by itself and answers again"
            )),
            "confirmed" => {
                let text = format!("{host}: a fresh connection works with the change, so it stays");
                self.sink.event(Event::Note { text });
                Ok(())
            }
            _ => Ok(()),
        }
    }
}
