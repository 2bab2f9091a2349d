//! Owns: a service's file that is wrong, and a service that dies after its start.

use std::fs;
use std::time::Instant;

use super::{APPLY, fault, playbook, says, settled};
use crate::command::{Result, ensure};
use crate::lab::{HOSTS, root};
use crate::product::read;
use crate::runner::Drill;
use crate::stage::Stage;

pub const DRILLS: &[Drill] = &[
    fault(
        "bad-file-never-swapped",
        &["F55", "F56"],
        "stopped before the swap; cut anywhere: refused; gap <= 2 s",
        |s| settled(s, never_swapped),
    ),
    fault("dies-after-its-start", &["F59"], "dies in the 3 s it is watched: back in <= 15 s", |s| {
        settled(s, dies_later)
    }),
];

const TEMPLATE: &str = "keepalived/keepalived.conf.j2";
const PLAYBOOK: &str = "playbooks/keepalived.toml";
/// Every so many lines the template is cut; a test cuts what comes of it at each.
const EVERY: usize = 4;

fn template(stage: &Stage, text: &str) -> Result {
    let own = stage.folder.path("templates").join(TEMPLATE);
    fs::create_dir_all(own.parent().ok_or("no folder")?).map_err(|e| e.to_string())?;
    fs::write(&own, text).map_err(|e| e.to_string())
}

fn never_swapped(stage: &mut Stage) -> Result<String> {
    let text = read(&root().join("templates").join(TEMPLATE))?;
    let look = "sha256sum /etc/keepalived/keepalived.conf; pgrep -x keepalived; systemctl show -p ActiveEnterTimestampMonotonic keepalived";
    let before = stage.lab.on_all(&HOSTS, look)?;
    let lines: Vec<&str> = text.lines().collect();
    let mut cuts = 0;
    for end in (1..lines.len()).rev().step_by(EVERY) {
        template(stage, &format!("{}\n", lines[..end].join("\n")))?;
        stage.expect(1, &APPLY)?;
        cuts += 1;
    }
    // Without our own check only the service's stands between the file and its place.
    template(
        stage,
        &text.replace("    virtual_router_id", "    virtual_rooter_id 5\n    virtual_router_id"),
    )?;
    let linted = stage.expect(1, &APPLY)?;
    says(&linted, &["virtual_rooter_id"])?;
    let own = read(&root().join(PLAYBOOK))?;
    ensure!(own.contains("lint = \"keepalived\", "), "{PLAYBOOK} has no lint to take away");
    fs::create_dir_all(stage.folder.path("playbooks")).map_err(|e| e.to_string())?;
    stage.folder.write(PLAYBOOK, &own.replace("lint = \"keepalived\", ", ""))?;
    let checked = stage.expect(1, &APPLY)?;
    says(&checked, &["the service's own checker refused the new content"])?;
    let after = stage.lab.on_all(&HOSTS, look)?;
    ensure!(before == after, "before {before:?}\nafter {after:?}");
    fs::remove_file(stage.folder.path("templates").join(TEMPLATE)).map_err(|e| e.to_string())?;
    stage.expect(0, &APPLY)?;
    stage.limit_gap(2.0);
    Ok(format!("{cuts} cuts and an unknown word refused, by lint and by keepalived -t; same processes"))
}

fn service(stage: &Stage, program: &str) -> Result {
    playbook(
        stage,
        &format!(
            "[[step]]\nname = \"unit file\"\nfile = {{ path = \"/etc/systemd/system/drill-dies.service\", content = \"[Service]\\nExecStart=/bin/sh /etc/drill-dies\\n\" }}\nnotify = [\"service\"]\n
[[step]]\nname = \"program\"\nfile = {{ path = \"/etc/drill-dies\", content = \"{program}\\n\" }}\nnotify = [\"service\"]\n
[[step]]\nname = \"service\"\nunit = {{ name = \"drill-dies.service\", state = \"started\" }}\n"
        ),
    )
}

fn dies_later(stage: &mut Stage) -> Result<String> {
    service(stage, "exec sleep infinity")?;
    stage.expect(0, &APPLY)?;
    service(stage, "sleep 2; echo no more of this; exit 3")?;
    let start = Instant::now();
    let failed = stage.expect(1, &APPLY)?;
    let took = start.elapsed().as_secs_f64();
    says(
        &failed,
        &[
            "no more of this",
            "the old content of /etc/drill-dies was put back",
            "drill-dies.service runs again with the old content",
        ],
    )?;
    stage.lab.on_all(
        &HOSTS,
        "systemctl is-active -q drill-dies && grep -qx 'exec sleep infinity' /etc/drill-dies",
    )?;
    ensure!(took <= 15.0, "it took {took:.1} s");
    // What was put back is the file as it was: nothing of the new one is left.
    service(stage, "exec sleep infinity")?;
    stage.expect_converged()?;
    Ok(format!(
        "dead after 2 s on {} hosts, old file and process back, exit 1 after {took:.1} s",
        HOSTS.len()
    ))
}
