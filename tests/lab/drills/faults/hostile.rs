//! Owns: texts of an inventory, of a secret and of a host that a shell, a file or a
//! terminal would read otherwise. They are refused, or arrive as they are; nothing of
//! them is run, on hosts or here.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::{APPLY, FILE, fault, playbook, says, settle};
use crate::command::{Call, Result, ensure, wait_for};
use crate::lab::{HOSTS, Lab, seconds};
use crate::product::read;
use crate::runner::Drill;
use crate::stage::Stage;

pub const DRILLS: &[Drill] =
    &[fault("hostile-values", &["F85"], "refused, or as they are on 4 hosts; 0 commands run", |s| {
        let (file, own) = ("secrets.toml", s.folder.path("secrets.toml"));
        let seen = s.as_another(|s| {
            let seen = hostile(s)?;
            // Whoever sets a secret hands the file on: an older one is refused.
            fs::copy(s.folder.path(file), &own).map_err(|e| format!("{file}: {e}"))?;
            Ok(seen)
        })?;
        settle(s)?;
        Ok(seen)
    })];

/// Each in single quotes of TOML; what any of them runs is CALL.
const VALUES: [&str; 9] = [
    "$(CALL 0)",
    "`CALL 1`; CALL 1 #",
    "'; CALL 2; '",
    "\"; CALL 3; \"",
    "x || CALL 4 & CALL 4 | CALL 4",
    "\\u0041 \\x41 \\n %n %s %% ${HOME} $$ \\$(CALL 5)",
    "a: b\", \"c\": [\\",
    "/* -- */ E'x' <b>é漢𝕏</b> * [x] {y} !z &w @v",
    "~ ~root null yes 0x10 1e3 <(CALL 8)",
];
const PASSWORD: &str = "'; CALL p; ' \" \\ $(CALL p) `CALL p` : #";

/// Every key of an inventory that takes any text, with where it comes in; others hold
/// what these characters are no part of.
const FREE: [(&str, &str, &str); 4] = [
    ("timezone", "name = \"cold\"", "Etc/UTC"),
    ("full", "repository = \"sftp\"", "Sun 02:00"),
    ("differential", "host       = \"nas\"\npath", "Mon..Sat 02:00"),
    ("snapshot_schedule", "version = \"v1.36.3+k3s1\"", "0 * * * *"),
];
/// The one that holds any number of them.
const PARAMETER: &str = "drill.a";
const CONTENT: &str = "/etc/drill-hostile";

/// A program that writes down that it was run, on every host and here.
struct Canary<'a>(&'a Lab);

const FOLDER: &str = "/run/drill-canary";
const PROGRAM: &str = "#!/bin/sh\n{ echo \"$0 $*\"; tr '\\0' ' ' </proc/$PPID/cmdline; } >\"$0.$$\"\n";

impl<'a> Canary<'a> {
    /// Seen to sing everywhere.
    fn set(lab: &'a Lab) -> Result<Self> {
        let canary = Self(lab);
        let here = |e: std::io::Error| format!("{FOLDER}: {e}");
        fs::create_dir_all(FOLDER).map_err(here)?;
        fs::write(call(), PROGRAM).map_err(here)?;
        fs::set_permissions(call(), fs::Permissions::from_mode(0o755)).map_err(here)?;
        let program = call();
        let there =
            format!("mkdir -m 1777 {FOLDER}; cat >{program} <<'END'\n{PROGRAM}END\nchmod 0755 {program}");
        lab.on_all(&HOSTS, &there)?;
        let sing = format!(": \"$({program} proof)\"");
        lab.on_all(&HOSTS, &sing)?;
        Call::new(seconds(5), ["sh", "-c", &sing]).run()?.ok()?;
        let ran = canary.ran()?;
        let heard = ran.iter().filter(|said| said.contains("call proof")).count();
        ensure!(heard == HOSTS.len() + 1, "what the canary sings is not heard everywhere: {ran:?}");
        Ok(canary)
    }

    /// What it wrote down on every host, and here; that is forgotten.
    fn ran(&self) -> Result<Vec<String>> {
        let look = format!("cat {}.* 2>/dev/null; rm -f {}.*", call(), call());
        let mut said = self.0.on_all(&HOSTS, &look)?;
        said.push(Call::new(seconds(5), ["sh", "-c", &look]).run()?.ok()?.stdout);
        Ok(said)
    }
}

impl Drop for Canary<'_> {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(FOLDER);
        let _ = self.0.on_all(&HOSTS, &format!("rm -rf {FOLDER}"));
    }
}

fn call() -> String {
    format!("{FOLDER}/call")
}

/// With the program's path in it.
fn armed(value: &str) -> String {
    value.replace("CALL", &call())
}

/// In TOML as it is.
fn literal(value: &str) -> String {
    format!("'''{}'''", armed(value))
}

fn hostile(stage: &mut Stage) -> Result<String> {
    let lab = stage.lab.clone();
    let canary = Canary::set(&lab)?;
    let refused = refused(stage)?;
    arrived(stage)?;
    answered(stage)?;
    let ran = canary.ran()?;
    ensure!(ran.iter().all(String::is_empty), "run on {HOSTS:?}, and here: {ran:?}");
    Ok(format!(
        "{refused} places refused them; {} texts and a password as they are on {} hosts; a host's name, system \
         and file shown, not obeyed; 0 commands run",
        2 * VALUES.len(),
        HOSTS.len()
    ))
}

/// The inventory with a value at each key that takes any text.
fn with_free(stage: &Stage, value: impl Fn(&str) -> String) -> Result<String> {
    for (key, after, usual) in FREE {
        let line = format!("{key} = {}", value(usual));
        let (first, rest) = after.split_once('\n').unwrap_or((after, ""));
        let rest = if rest.is_empty() { String::new() } else { format!("\n{rest}") };
        stage.folder.edit(after, &format!("{first}\n{line}{rest}"))?;
    }
    read(&stage.folder.path("cluster.toml"))
}

/// Every other place with a text refuses one: how many there are.
fn refused(stage: &Stage) -> Result<usize> {
    let before = read(&stage.folder.path("cluster.toml"))?;
    let text = with_free(stage, |usual| format!("\"{usual}\""))?;
    let text = format!("{text}\n[[postgres.user]]\nname = \"drill\"\npassword = \"secret://drill\"\n");
    let mut refused = 0;
    for (number, line) in text.lines().enumerate() {
        let Some((key, rest)) = line.split_once('=').filter(|_| !line.trim_start().starts_with('#')) else {
            continue;
        };
        let Some((start, end)) = rest.find('"').and_then(|at| Some((at, at + 1 + rest[at + 1..].find('"')?)))
        else {
            continue;
        };
        let changed = format!("{key}={}{}{}", &rest[..start], literal(VALUES[0]), &rest[end + 1..]);
        let lines: Vec<&str> =
            text.lines().enumerate().map(|(at, line)| if at == number { &*changed } else { line }).collect();
        stage.folder.write("cluster.toml", &lines.join("\n"))?;
        let said = stage.folder.hacluster(&stage.lab, seconds(20), &["validate"]).run()?;
        said.calm()?;
        let free = FREE.iter().any(|(free, ..)| *free == key.trim());
        ensure!(said.status == i32::from(!free), "{changed}: {}", said.describe());
        refused += usize::from(!free);
    }
    stage.folder.write("cluster.toml", &before)?;
    ensure!(refused >= 25, "only {refused} places with a text");
    Ok(refused)
}

/// All that is taken is applied, and is on every host what it is here.
fn arrived(stage: &mut Stage) -> Result {
    let text = with_free(stage, |_| literal(VALUES[0]))?;
    let row = |(at, value): (usize, &&str)| format!("\"{PARAMETER}{at}\" = {}\n", literal(value));
    let rows: String = VALUES.iter().enumerate().map(row).collect();
    let text = format!("{text}\n[postgres.parameters]\n{rows}\n[[postgres.user]]\nname = \"drill\"\n");
    stage.folder.write("cluster.toml", &text)?;
    let content: String = VALUES.iter().map(|value| armed(value) + "\n").collect();
    let step = format!("file = {{ path = \"{CONTENT}\", content = '''\n{content}''' }}");
    playbook(stage, &format!("[[step]]\nname = \"file\"\n{step}\n"))?;
    let set = stage.told(&["secrets", "set", "postgres-drill"], &armed(PASSWORD))?;
    ensure!(set.status == 0, "{}", set.describe());
    stage.expect(0, &APPLY)?;
    stage.expect_converged()?;
    let files = stage.lab.on_all(&HOSTS, &format!("cat {CONTENT}"))?;
    ensure!(files.iter().all(|file| *file == content), "{CONTENT} on {HOSTS:?}: {files:?}");
    let ask = |at: usize| format!(" -c \"select current_setting('{PARAMETER}{at}')\"");
    let ask: String = (0..VALUES.len()).map(ask).collect();
    let ask = format!("runuser -u postgres -- psql -AtX{ask}");
    wait_for("the parameters on every member", seconds(30), seconds(1), || {
        let said = stage.lab.on_all(&HOSTS, &ask)?;
        ensure!(said.iter().all(|settings| *settings == content), "{said:?} instead of {content}");
        Ok(())
    })?;
    let one = stage.sql_as("drill", "postgres", "postgres-drill")?.run("select 1")?;
    ensure!(one == "1", "with that password PostgreSQL says '{one}'");
    Ok(())
}

/// What a host says of itself, and what stands in its files.
fn answered(stage: &mut Stage) -> Result {
    let (host, value) = ("node2", armed(VALUES[0]));
    let name = |name: &str| format!("python3 - <<'END'\nimport socket\nsocket.sethostname('{name}')\nEND\n");
    let odd = format!(
        "{}printf '%s\\n' \"VERSION_CODENAME='{}'\" >>/etc/os-release\nprintf '\\033[2J\\033]0;x\\007%s\\n' '{value}' >>{FILE}",
        name(&value),
        value.replace('$', "\\$")
    );
    stage.lab.sh(host, &odd)?;
    let planned = stage.expect(2, &["plan", "--detailed-exitcode"]);
    let drifted = stage.expect(2, &["drift-check"]);
    let status = stage.expect(0, &["status"]);
    let applied = stage.expect(0, &APPLY);
    let usual = format!("{}sed -i --follow-symlinks '\\,{FOLDER},d' /etc/os-release", name(host));
    let told =
        stage.lab.sh(host, &format!("uname -n; . /etc/os-release; echo \"$VERSION_CODENAME\"\n{usual}"))?;
    ensure!(told == format!("{value}\n{value}\n"), "{host} called itself {told}");
    for output in [drifted, status, applied] {
        output?;
    }
    says(&planned?, &[FILE, &value])
}
