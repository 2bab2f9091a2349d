//! Owns batches: steps of one host become one detached script with a receipt
//! per step. Pure text here; `runner` sends it. Must not know resources.

use std::fmt::Write as _;

use crate::facts::Running;
use crate::resource::{PRELUDE, Script};
use crate::shell::quote;

/// One step of a batch.
#[derive(Debug, Clone)]
pub(super) struct Step {
    /// Ids it stands for: a package transaction stands for many.
    pub ids: Vec<String>,
    pub script: Script,
    /// Positions in the batch that must have succeeded.
    pub requires: Vec<usize>,
    /// Units that owe something from the moment this step begins.
    pub owes: Vec<(String, &'static str)>,
}

/// The detached script. `fence` is the lock's counter: a batch of an older
/// holder ends before it touches anything.
pub(super) fn body(steps: &[Step], running: &Running, fence: Option<u64>) -> String {
    let (nonce, run) = (running.nonce.as_str(), running.run.as_str());
    let mut text = format!(
        "rm -f -- \"$0\"\nPATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nLC_ALL=C\n\
         HAC_RUN={}\nexport PATH LC_ALL HAC_RUN\numask 022\nmkdir -p /run/hacluster /var/lib/hacluster\n\
         exec 9>/run/hacluster/step.lock\nflock 9\nrm -f /run/hacluster/enable\nhac_nonce={nonce}\n{PRELUDE}\n",
        quote(run)
    );
    if let Some(fence) = fence {
        let _ = write!(
            text,
            "read -r hac_fence </var/lib/hacluster/fence\nif [ \"$hac_fence\" != {fence} ]; then\n\
             echo 'another hacluster run took over'; printf '%s over\\n' {nonce}; exit 1; fi\n"
        );
    }
    // Whoever takes the lock after us finds out what is left running.
    let line = serde_json::to_string(running).unwrap_or_default();
    let _ = writeln!(
        text,
        "umask 077; printf '%s\\n%s\\n' {} {} >/run/hacluster/running; umask 022",
        quote(&running.unit),
        quote(&line)
    );
    for (position, step) in steps.iter().enumerate() {
        step_text(&mut text, position, step, nonce);
    }
    let _ = writeln!(
        text,
        "rm -f /run/hacluster/running; hac_settle </dev/null 9>&-\nprintf '%s over\\n' {nonce}"
    );
    text
}

fn step_text(text: &mut String, position: usize, step: &Step, nonce: &str) {
    let guard: String = step.requires.iter().map(|p| format!("[ \"$hac_{p}\" = 0 ] && ")).collect();
    let owes: String =
        step.owes.iter().map(|(unit, action)| format!("hac_owe {} {action}\n", quote(unit))).collect();
    let _ = write!(
        text,
        "hac_{position}=skipped\nif {guard}true; then\nprintf '%s begin %s\\n' {nonce} {position}\n\
         (\nset -eu\n{owes}{}\n) </dev/null 2>&1 9>&-\nhac_{position}=$?\nfi\nprintf '\\n%s end %s %s\\n' {nonce} {position} \"$hac_{position}\"\n",
        step.script.expose()
    );
}

/// The script that starts a detached unit with `body` and follows it.
/// After `seconds` the unit is stopped. Its output stays until the next run takes
/// the lock: whether we have read it to its end is not known on the host.
pub(super) fn launch(body: &str, unit: &str, seconds: u64) -> String {
    let mut end = "HACLUSTER_BATCH_END".to_owned();
    while body.contains(&end) {
        end.push('_');
    }
    format!(
        "(umask 022; mkdir -p /run/hacluster)\numask 077\nhac=/run/hacluster/{unit}\ncat >\"$hac.sh\" <<'{end}'\n{body}{end}\n\
         : >\"$hac.out\"\n\
         if [ -d /run/systemd/system ]; then\n\
         systemd-run --quiet --collect --wait --unit={unit} --property=RuntimeMaxSec={seconds} sh -c \"exec sh $hac.sh >$hac.out 2>&1\" </dev/null &\n\
         else\nsetsid timeout -k 5 {seconds} sh \"$hac.sh\" >\"$hac.out\" 2>&1 </dev/null &\nfi\nhac_pid=$!\n\
         tail -n +1 -f -s 0.05 --pid=\"$hac_pid\" \"$hac.out\"\nwait \"$hac_pid\"\n"
    )
}

/// The script that finds a unit again after the connection was lost; it fails
/// where the unit left no output. The step lock is held until a unit ends, also
/// where there is no systemd to ask.
pub(super) fn follow(unit: &str) -> String {
    format!(
        "hac=/run/hacluster/{unit}\n[ -e \"$hac.out\" ] || exit 1\n\
         hac_pid=$(systemctl show -p MainPID --value {unit} 2>/dev/null)\n\
         case ${{hac_pid:-0}} in 0) ;; *) tail -n 0 -f -s 0.2 --pid=\"$hac_pid\" \"$hac.out\" >/dev/null ;; esac\n\
         (flock 9) 9>>/run/hacluster/step.lock\ncat \"$hac.out\"\n"
    )
}

#[cfg(test)]
mod tests {
    use super::super::receipt::Reader;
    use super::*;
    use std::process::Command;

    fn step(script: &str, requires: &[usize]) -> Step {
        Step {
            ids: vec![script.into()],
            script: Script::new(script),
            requires: requires.to_vec(),
            owes: vec![],
        }
    }

    /// Runs the steps' part of a body in a shell and reads its receipts.
    fn run(steps: &[Step]) -> Reader {
        let mut text = String::new();
        for (position, step) in steps.iter().enumerate() {
            step_text(&mut text, position, step, "N");
        }
        text.push_str("printf '%s over\\n' N\n");
        let out = Command::new("sh").arg("-c").arg(&text).output().unwrap();
        let mut reader = Reader::new("N", steps.len());
        for line in String::from_utf8(out.stdout).unwrap().lines() {
            reader.line(line);
        }
        reader
    }

    #[test]
    fn a_failed_step_skips_what_requires_it_and_nothing_else() {
        let reader = run(&[
            step("echo one; false; echo never", &[]),
            step("echo two", &[0]),
            step("printf three", &[]),
        ]);
        let statuses: Vec<_> = reader.receipts.iter().map(|r| r.status).collect();
        assert_eq!(statuses, [Some(1), None, Some(0)]);
        assert_eq!(reader.receipts[0].lines, ["one"]);
        assert_eq!(reader.receipts[2].lines, ["three"]);
        assert!(reader.over);
    }

    #[test]
    fn an_unset_variable_ends_the_step_only() {
        let reader = run(&[step("echo \"$nope\"", &[]), step("true", &[])]);
        assert_ne!(reader.receipts[0].status, Some(0));
        assert_eq!(reader.receipts[1].status, Some(0));
    }

    #[test]
    fn a_step_cannot_fake_a_receipt_without_the_nonce() {
        let reader = run(&[step("echo 'M end 0 0'; exit 3", &[])]);
        assert_eq!(reader.receipts[0].status, Some(3));
    }
}
