//! Owns: packages that cannot be had, are not trusted, or ask questions.

use super::{APPLY, fault, playbook, says, settled};
use crate::command::{Result, ensure};
use crate::lab::{HOSTS, seconds};
use crate::runner::Drill;
use crate::stage::Stage;

pub const DRILLS: &[Drill] = &[
    fault("mirror-down", &["F40"], "told, no file of a service before its package", |s| settled(s, mirror)),
    fault("repository-not-trusted", &["F41"], "unsigned and expired refused, 0 packages", |s| {
        settled(s, untrusted)
    }),
    fault("package-asks", &["F43"], "no question, our file stays, said", |s| settled(s, conffile)),
];

/// Makes a package on every host and puts it into what they install from.
pub(super) fn publish(stage: &Stage, name: &str, version: &str, script: &str) -> Result {
    let text = format!(
        "set -e
        rm -rf /var/tmp/drill-deb; mkdir -p /var/tmp/drill-deb/DEBIAN /var/tmp/drill-deb/etc; cd /var/tmp/drill-deb
        printf 'Package: {name}\\nVersion: {version}\\nArchitecture: all\\nMaintainer: drill <drill@example.org>\\nDescription: of a drill\\n' >DEBIAN/control
        echo 'version {version}' >etc/{name}.conf
        echo /etc/{name}.conf >DEBIAN/conffiles
        printf '%s\\n' '#!/bin/sh' '{script}' >DEBIAN/postinst
        chmod 0755 . etc DEBIAN DEBIAN/postinst; chmod 0644 etc/{name}.conf
        file={name}_{version}.deb
        dpkg-deb --root-owner-group -Znone -b . /srv/repo/$file >/dev/null
        printf '\\n%s\\nFilename: ./%s\\nSize: %s\\nSHA256: %s\\n' \"$(cat DEBIAN/control)\" $file \\
            $(stat -c %s /srv/repo/$file) $(sha256sum /srv/repo/$file | cut -d' ' -f1) >>/srv/repo/Packages
        rm -rf /var/tmp/drill-deb"
    );
    stage.lab.on_all(&HOSTS, &text).map(drop)
}

/// A service's file and unit that stand on a package.
const SERVICE: &str = r#"[[step]]
name    = "package"
package = ["drill-far"]

[[step]]
name   = "settings"
file   = { path = "/etc/drill-far/settings", content = "x\n" }
notify = ["service"]

[[step]]
name = "folder"
directory = { path = "/etc/drill-far" }

[[step]]
name = "unit file"
file = { path = "/etc/systemd/system/drill-far.service", content = "[Service]\nExecStart=/bin/sleep infinity\n" }
notify = ["service"]

[[step]]
name = "service"
unit = { name = "drill-far.service", state = "started" }
"#;

fn mirror(stage: &mut Stage) -> Result<String> {
    publish(stage, "drill-far", "1", "exit 0")?;
    playbook(stage, SERVICE)?;
    stage.lab.on_all(&HOSTS, "mv /srv/repo /srv/repo-away")?;
    let failed = stage.expect(1, &APPLY);
    stage.lab.on_all(&HOSTS, "mv /srv/repo-away /srv/repo")?;
    let failed = failed?;
    says(&failed, &["drill-far", "/srv/repo", "Skipped"])?;
    let none = "! ls -d /etc/drill-far/settings /etc/systemd/system/drill-far.service 2>/dev/null && ! systemctl is-active -q drill-far";
    stage.lab.on_all(&HOSTS, none)?;
    let next = stage.expect(0, &APPLY)?;
    stage.lab.on_all(&HOSTS, "systemctl is-active -q drill-far && test -e /etc/drill-far/settings")?;
    let times = (failed.took.as_secs_f64(), next.took.as_secs_f64());
    Ok(format!("exit 1 after {:.1} s, nothing of the service there; then {:.1} s", times.0, times.1))
}

/// Where a second repository is asked, and how it is wrong.
const SOURCE: &str = "/etc/apt/sources.list.d/drill.sources";
const UNSIGNED: &str = "Types: deb\\nURIs: file:/srv/drill-repo\\nSuites: ./\\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\\n";
const TRUSTED: &str = "Types: deb\\nURIs: file:/srv/drill-repo\\nSuites: ./\\nTrusted: yes\\n";

fn untrusted(stage: &mut Stage) -> Result<String> {
    publish(stage, "drill-odd", "1", "exit 0")?;
    playbook(stage, "[[step]]\nname = \"package\"\npackage = [\"drill-odd\"]\n")?;
    let made = "rm -rf /srv/drill-repo; mkdir /srv/drill-repo; cp /srv/repo/Packages /srv/drill-repo/; cd /srv/drill-repo";
    let release = "{ echo 'Date: Thu, 01 Jan 2026 00:00:00 UTC'; echo 'Valid-Until: Fri, 02 Jan 2026 00:00:00 UTC'; echo 'SHA256:'; echo \" $(sha256sum Packages | cut -d' ' -f1) $(stat -c %s Packages) Packages\"; } >Release";
    let mut ways = 0;
    for (source, more, words) in [
        (UNSIGNED, "", &["is not signed"][..]),
        (
            UNSIGNED,
            "; { echo '-----BEGIN PGP SIGNED MESSAGE-----'; cat Release; echo '-----BEGIN PGP SIGNATURE-----'; echo; echo AAAA; echo '-----END PGP SIGNATURE-----'; } >InRelease",
            &["/srv/drill-repo"],
        ),
        (TRUSTED, "", &["expired"]),
    ] {
        stage.lab.on_all(&HOSTS, &format!("{made} && {release} {more}; printf '{source}' >{SOURCE}"))?;
        let failed = stage.expect(1, &APPLY);
        stage.lab.on_all(&HOSTS, &format!("rm -rf {SOURCE} /srv/drill-repo"))?;
        says(&failed?, words)?;
        stage.lab.on_all(&HOSTS, "! dpkg-query -W drill-odd 2>/dev/null")?;
        ways += 1;
    }
    stage.expect(0, &APPLY)?;
    Ok(format!("{ways} ways refused, then installed"))
}

fn conffile(stage: &mut Stage) -> Result<String> {
    publish(stage, "drill-asks", "1", "exit 0")?;
    playbook(stage, "[[step]]\nname = \"package\"\npackage = [\"drill-asks\"]\n")?;
    stage.expect(0, &APPLY)?;
    stage.lab.on_all(&HOSTS, "echo 'by hand' >/etc/drill-asks.conf")?;
    publish(stage, "drill-asks", "2", "exit 0")?;
    let header = "[packages.versions]";
    stage.folder.edit(header, &format!("{header}\ndrill-asks = \"2\"\n#"))?;
    let updated = stage.expect(0, &APPLY)?;
    ensure!(updated.took < seconds(60), "{}", updated.describe());
    let now =
        stage.lab.on_all(&HOSTS, "dpkg-query -W -f '${Version} ' drill-asks; cat /etc/drill-asks.conf")?;
    ensure!(now.iter().all(|said| said == "2 by hand\n"), "{now:?}");
    stage.lab.on_all(&HOSTS, "test -e /etc/drill-asks.conf.dpkg-dist")?;
    Ok(format!(
        "2 after 1 in {:.1} s, the file by hand is there, the new one beside it",
        updated.took.as_secs_f64()
    ))
}
