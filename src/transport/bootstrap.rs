//! Owns how a script gets into a shell: the command line, and what comes first
//! on standard input.
//! Must not know how the bytes travel, nor what a script does.

/// What a script's standard input is while it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stdin {
    /// `/dev/null`.
    Empty,
    /// `/dev/null`; descriptor 3 ends when we do (`probe.rs` watches it).
    Watched,
    /// Lines we send. [`READY`] is printed before the script begins, so that
    /// nothing is sent which the reader of the script might swallow.
    Lines,
}

/// First line a [`Stdin::Lines`] script prints.
pub(super) const READY: &str = "hacluster-ready";

/// Ends every script. Without it, a script cut by a lost connection would run
/// up to the cut.
const END: &str = "\n#hacluster-end";

/// The text for `sh -c`: it reads `bytes` of script from standard input and
/// runs them. Kept free of `'` and `!`, so that any login shell can quote it.
///
/// Not plain `sh -s`, because there a command that reads standard input eats
/// the rest of the script, a cut script runs in part, and bash reads a pipe
/// byte by byte (2 MB: 460 ms instead of 35, measured). `eval` and not a
/// `{ … }` block, because that overflows the parser's stack at 50,000 lines.
/// Login shells of other users may lack `sbin` in their path.
pub(super) fn text(stdin: Stdin, bytes: usize) -> String {
    let prepare = match stdin {
        Stdin::Empty => "exec </dev/null;".to_owned(),
        Stdin::Watched => "exec 3<&0 </dev/null;".to_owned(),
        Stdin::Lines => format!("echo {READY};"),
    };
    format!(
        "export LC_ALL=C PATH=\"$PATH:/usr/local/sbin:/usr/sbin:/sbin\"; hac=$(head -c {bytes}); \
         case $hac in *\"#hacluster-end\") ;; *) echo \"hacluster: script cut short, nothing was run\" >&2; exit 125;; esac; \
         {prepare} eval \"unset hac; $hac\""
    )
}

/// The command for an SSH `exec` request, run by the user's login shell. What
/// sudo says is read, so it is said in English.
pub(super) fn command(user: &str, stdin: Stdin, bytes: usize) -> String {
    let sudo = if user == "root" { "" } else { "env LC_ALL=C sudo -n " };
    format!("{sudo}sh -c '{}'", text(stdin, bytes))
}

/// What is sent first on standard input.
pub(super) fn payload(script: &str) -> Vec<u8> {
    [script.as_bytes(), END.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::process::{Command, Stdio};

    fn run(shell: &str, stdin: Stdin, bytes: usize, sent: &[u8]) -> (i32, String) {
        let mut child = Command::new(shell)
            .args(["-c", &text(stdin, bytes)])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(sent).unwrap();
        let out = child.wait_with_output().unwrap();
        (out.status.code().unwrap(), String::from_utf8(out.stdout).unwrap())
    }

    #[test]
    fn every_shell_runs_the_script_and_keeps_its_input_apart() {
        for shell in ["dash", "bash"] {
            let eater = payload("cat; printf 'a%s' b; exit 7");
            assert_eq!(run(shell, Stdin::Empty, eater.len(), &eater), (7, "ab".into()), "{shell}");
            let mut reader = payload("IFS= read -r beat; echo \"got $beat\"");
            let bytes = reader.len();
            reader.extend(b"one\ntwo\n");
            assert_eq!(
                run(shell, Stdin::Lines, bytes, &reader),
                (0, format!("{READY}\ngot one\n")),
                "{shell}"
            );
        }
    }

    #[test]
    fn a_cut_script_runs_nothing() {
        for shell in ["dash", "bash"] {
            let sent = payload("echo bad\ntrue");
            assert_eq!(run(shell, Stdin::Empty, sent.len(), &sent[..9]), (125, String::new()), "{shell}");
        }
    }

    #[test]
    fn a_long_script_overflows_no_stack() {
        let script = payload(&":\n".repeat(200_000));
        for shell in ["dash", "bash"] {
            assert_eq!(run(shell, Stdin::Empty, script.len(), &script).0, 0, "{shell}");
        }
    }

    #[test]
    fn only_others_need_sudo() {
        assert!(command("root", Stdin::Lines, 1).starts_with("sh -c '"));
        assert!(command("ops", Stdin::Lines, 1).starts_with("env LC_ALL=C sudo -n sh -c '"));
        assert!(!text(Stdin::Lines, 1).contains(['\'', '!']));
    }
}
