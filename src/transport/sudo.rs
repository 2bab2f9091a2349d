//! Owns why a user cannot become root by `sudo -n`, and the line that helps.
//! Must not know how scripts get to a host.

use super::error::{NoRoot, TransportError};
use super::output::Output;

/// What is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lack {
    Password,
    Permission,
    Terminal,
    Program,
    Exec,
    Rights,
    Account,
}

/// Words on standard error that tell what is missing; the first that is found
/// counts. From sudo 1.9 and sudo-rs.
const WORDS: [(&str, Lack); 13] = [
    ("you must have a tty to run sudo", Lack::Terminal),
    ("a password is required", Lack::Password),
    ("interactive authentication is required", Lack::Password),
    ("a terminal is required", Lack::Password),
    ("is not in the sudoers", Lack::Permission),
    ("may not run sudo", Lack::Permission),
    ("is not allowed to", Lack::Permission),
    ("I'm afraid I can't do that", Lack::Permission),
    ("\"no new privileges\" flag is set", Lack::Rights),
    ("must be owned by uid 0 and have the setuid bit set", Lack::Rights),
    ("effective uid is not 0", Lack::Rights),
    ("must be setuid root", Lack::Rights),
    ("account validation failure", Lack::Account),
];

/// sudo lets a shell start and nothing that it starts: our script cannot even
/// be read.
const NO_EXEC: &str = "head: Permission denied";

impl Lack {
    /// Follows "cannot become root: ".
    pub(super) fn why(self) -> &'static str {
        match self {
            Self::Password => "sudo asks for a password",
            Self::Permission => "sudo does not let it run a shell as root",
            Self::Terminal => "sudo wants a terminal (requiretty)",
            Self::Program => "sudo is not installed",
            Self::Exec => "sudo keeps a shell from starting anything (noexec)",
            Self::Rights => {
                "sudo has no rights itself: it is not setuid, on a nosuid mount, or under NoNewPrivileges"
            }
            Self::Account => "its account is locked or has expired",
        }
    }

    /// What root does on the host.
    pub(super) fn fix(self, user: &str) -> String {
        // The last line that matches counts, and files are read in order.
        let line =
            |line: String| format!("put `{line}` into /etc/sudoers.d/zz-hacluster (`visudo -c` checks it)");
        let all = || line(format!("{user} ALL=(root) NOPASSWD: ALL"));
        match self {
            Self::Password | Self::Permission => all(),
            Self::Terminal => line(format!("Defaults:{user} !requiretty")),
            Self::Program => format!("apt-get install sudo, and {}", all()),
            Self::Exec => line(format!("Defaults:{user} !noexec")) + " and take the tag NOEXEC: away",
            Self::Rights => {
                "apt-get install --reinstall sudo, or look at the mount options of /usr".to_owned()
            }
            Self::Account => {
                format!("chage -l {user} tells when it expired; passwd -S {user}, whether it is locked")
            }
        }
    }
}

/// Finds out whether `sudo` itself failed, in which case nothing was run.
pub(super) fn check(node: &str, user: &str, output: &Output) -> Result<(), TransportError> {
    if user == "root" || !output.stdout.is_empty() {
        return Ok(());
    }
    let stderr = output.stderr_text();
    let Some(lack) = lack(output.status, &stderr) else { return Ok(()) };
    Err(TransportError::NoRoot(Box::new(NoRoot { node: node.to_owned(), user: user.to_owned(), lack })))
}

fn lack(status: i32, stderr: &str) -> Option<Lack> {
    // What a script of ours says itself has other words and other numbers.
    match status {
        125 if stderr.contains(NO_EXEC) => Some(Lack::Exec),
        // `env` has no sudo to start, and says so in the host's own language.
        127 if stderr.contains("sudo") => Some(Lack::Program),
        1 => {
            let says = |(words, _): &&(&str, Lack)| stderr.lines().any(|line| line.contains(words));
            WORDS.iter().find(says).map(|(_, lack)| *lack)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Status, standard error, what is missing.
    const SAID: &[(i32, &str, Option<Lack>)] = &[
        (1, "sudo: a password is required\n", Some(Lack::Password)),
        (1, "sudo: unable to resolve host n1\nsudo: a password is required\n", Some(Lack::Password)),
        (1, "sudo: interactive authentication is required\n", Some(Lack::Password)),
        (
            1,
            "ops is not in the sudoers file.\nThis incident has been reported to the administrator.\n",
            Some(Lack::Permission),
        ),
        (1, "Sorry, user ops may not run sudo on n1.\n", Some(Lack::Permission)),
        (
            1,
            "Sorry, user ops is not allowed to execute '/usr/bin/sh -c x' as root on n1.\n",
            Some(Lack::Permission),
        ),
        (1, "sudo: I'm sorry ops. I'm afraid I can't do that\n", Some(Lack::Permission)),
        (1, "sudo: sorry, you must have a tty to run sudo\n", Some(Lack::Terminal)),
        (127, "env: 'sudo': No such file or directory\n", Some(Lack::Program)),
        (127, "env: »sudo«: Datei oder Verzeichnis nicht gefunden\n", Some(Lack::Program)),
        (127, "sh: 7: etcdctl: not found\n", None),
        (1, "sudo: /usr/bin/sudo must be owned by uid 0 and have the setuid bit set\n", Some(Lack::Rights)),
        (
            1,
            "sudo: The \"no new privileges\" flag is set, which prevents sudo from running as root.\n",
            Some(Lack::Rights),
        ),
        (1, "sudo: account validation failure, is your account locked?\n", Some(Lack::Account)),
        (
            125,
            "sh: 1: head: Permission denied\nhacluster: script cut short, nothing was run\n",
            Some(Lack::Exec),
        ),
        (125, "hacluster: script cut short, nothing was run\n", None),
        (1, "sudo: unable to resolve host n1\ngrep: no such file\n", None),
        (2, "sudo: a password is required\n", None),
    ];

    #[test]
    fn what_sudo_says_tells_what_is_missing() {
        for (status, stderr, wanted) in SAID {
            assert_eq!(lack(*status, stderr), *wanted, "{stderr}");
        }
        let judge = |user: &str, stdout: &str| {
            let stderr = "sudo: a password is required\n".into();
            check("n1", user, &Output { status: 1, stdout: stdout.into(), stderr })
        };
        assert!(judge("root", "").is_ok() && judge("ops", "a script spoke\n").is_ok());
        insta::assert_snapshot!(judge("ops", "").unwrap_err(), @r"
        n1: ops cannot become root: sudo asks for a password
        as root on n1: put `ops ALL=(root) NOPASSWD: ALL` into /etc/sudoers.d/zz-hacluster (`visudo -c` checks it); or log in as root (`user` in cluster.toml)
        ");
    }
}
