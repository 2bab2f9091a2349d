//! Owns the trial of etcd's shell functions against a `curl` that answers from
//! a list, with texts as Debian 13's etcd 3.5.16 sent them.
//! Must not know resource kinds.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

/// Takes the next answer, and keeps its own arguments and input.
const CURL: &str = r#"#!/bin/sh
cd "${0%/*}" || exit 1
printf '%s\n' "$*" >>arguments
cat >>input
read -r answer <answers || exit 7
sed -i 1d answers
[ "$answer" = refused ] && exit 7
printf '%s\n' "$answer"
"#;

const OFF: &str = r#"{"header":{"cluster_id":"9431", "revision":"1"}}"#;
const ON: &str = r#"{"code":3, "message":"etcdserver: user name is empty"}"#;
const STATUS: &str = r#"{"header":{"cluster_id":"9431", "member_id":"1"}, "version":"3.5.16", "leader":"2"}"#;
const LEADS: &str = r#"{"header":{"cluster_id":"9431", "member_id":"2"}, "version":"3.5.16", "leader":"2"}"#;

fn run(folder: &Path, answers: &[&str], script: &str) -> Output {
    let curl = folder.join("curl");
    fs::write(&curl, CURL).unwrap();
    fs::set_permissions(&curl, fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(folder.join("answers"), answers.join("\n") + "\n").unwrap();
    fs::create_dir_all(folder.join("run")).unwrap();
    let api = include_str!("../../src/resource/etcd_api.sh");
    let text = format!("{api}\n(\nset -eu\n{script}\n)\nstatus=$?\nls -A \"$HAC_TMP\"\nexit $status\n");
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    Command::new("dash")
        .args(["-c", &text])
        .env("PATH", path)
        .env("HAC_TMP", folder.join("run"))
        .output()
        .unwrap()
}

fn left(folder: &Path) -> String {
    fs::read_to_string(folder.join("answers")).unwrap()
}

#[test]
fn a_login_finds_a_member_and_hides_the_password() {
    let folder = tempfile::tempdir().unwrap();
    let token = r#"{"header":{"cluster_id":"9431"}, "token":"tok.42"}"#;
    let script = r#"etcd_login ca id 'pw\"1' http://a http://b && etcd_call /v3/auth/status '{}'"#;
    let done = run(folder.path(), &["refused", STATUS, ON, token, OFF], script);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(String::from_utf8_lossy(&done.stdout), "", "a file was left behind");
    let arguments = fs::read_to_string(folder.path().join("arguments")).unwrap();
    assert!(arguments.ends_with("http://b/v3/auth/status\n"), "{arguments}");
    // The folder's name is random: it may hold any two letters.
    let arguments = arguments.replace(&*folder.path().to_string_lossy(), "");
    assert!(!arguments.contains("tok.42") && !arguments.contains("pw"), "{arguments}");
    assert!(fs::read_to_string(folder.path().join("input")).unwrap().contains(r#""password":"pw\"1"}"#));
}

#[test]
fn a_refused_password_and_silent_members_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let wrong = r#"{"code":3, "message":"etcdserver: authentication failed, invalid user ID or password"}"#;
    let refused = run(folder.path(), &[STATUS, ON, wrong], "etcd_login ca id pw http://a");
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("refused root's password"));
    let silent = run(folder.path(), &["refused", "refused"], "etcd_login ca id pw http://a http://b");
    assert!(!silent.status.success());
    assert!(String::from_utf8_lossy(&silent.stderr).contains("no etcd member answers: http://a http://b"));
}

#[test]
fn what_is_there_already_is_fine_and_other_errors_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let login = "etcd_login ca id pw http://a\n";
    let ensure = format!("{login}etcd_ensure /v3/auth/user/add '{{}}'");
    for there in [
        r#"{"code":9, "message":"etcdserver: user name already exists"}"#,
        r#"{"error":"etcdserver: user name already exists","code":9,"message":"etcdserver: user name already exists"}"#,
        OFF,
    ] {
        assert!(run(folder.path(), &[STATUS, OFF, there], &ensure).status.success(), "{there}");
    }
    let denied = r#"{"code":7, "message":"etcdserver: permission denied"}"#;
    let failed = run(folder.path(), &[STATUS, OFF, denied], &ensure);
    assert!(!failed.status.success());
    assert!(String::from_utf8_lossy(&failed.stderr).contains("permission denied"));
}

/// A learner that lags is refused with words that begin like those for a voter.
#[test]
fn a_learner_is_promoted_once_it_has_caught_up() {
    let folder = tempfile::tempdir().unwrap();
    let lags = r#"{"code":9, "message":"etcdserver: can only promote a learner member which is in sync with leader"}"#;
    let script = "etcd_login ca id pw http://a\netcd_promote 7 http://a http://b";
    let answers = [STATUS, OFF, STATUS, LEADS, lags, STATUS, LEADS, OFF];
    assert!(run(folder.path(), &answers, script).status.success());
    let arguments = fs::read_to_string(folder.path().join("arguments")).unwrap();
    assert!(
        arguments.ends_with("http://b/v3/cluster/member/promote\n"),
        "not asked of the leader: {arguments}"
    );
    assert_eq!(left(folder.path()).trim(), "", "it did not ask again");
    let votes = r#"{"code":9, "message":"etcdserver: can only promote a learner member"}"#;
    assert!(run(folder.path(), &[STATUS, OFF, LEADS, votes], script).status.success());
}

/// etcd protects its majority: a live member stays until a dead one is out.
#[test]
fn members_leave_in_the_order_that_etcd_allows() {
    let folder = tempfile::tempdir().unwrap();
    let unhealthy = r#"{"code":14, "message":"etcdserver: unhealthy cluster"}"#;
    let gone = r#"{"code":5, "message":"etcdserver: member not found"}"#;
    let script = "etcd_login ca id pw http://a\netcd_remove 1 2 3";
    let done = run(folder.path(), &[STATUS, OFF, unhealthy, OFF, gone, OFF], script);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let input = fs::read_to_string(folder.path().join("input")).unwrap();
    assert!(input.ends_with(r#"{"ID":"1"}{"ID":"2"}{"ID":"3"}{"ID":"1"}"#), "{input}");
    assert_eq!(left(folder.path()).trim(), "");
}

/// Right after a rotation etcd may know the password of before, and is given the new
/// one once; those who log in with it keep their tokens meanwhile.
#[test]
fn an_older_password_of_root_opens_and_a_new_one_is_set_once() {
    let folder = tempfile::tempdir().unwrap();
    let wrong = r#"{"code":3, "message":"etcdserver: authentication failed, invalid user ID or password"}"#;
    let token = r#"{"header":{"cluster_id":"9431"}, "token":"tok.42"}"#;
    let script = "etcd_login ca id 'new\nold' http://a\netcd_password patroni fresh 0";
    let done = run(folder.path(), &[STATUS, ON, wrong, token, wrong, OFF, token], script);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let input = fs::read_to_string(folder.path().join("input")).unwrap();
    let said = r#"{"name":"root","password":"new"}{"name":"root","password":"old"}{"name":"patroni","password":"fresh"}"#;
    assert!(input.contains(said), "{input}");
    assert_eq!(left(folder.path()).trim(), "");
    let arguments = fs::read_to_string(folder.path().join("arguments")).unwrap();
    assert_eq!(arguments.matches("/v3/auth/user/changepw").count(), 1);
    assert!(!arguments.contains("fresh"), "{arguments}");
    // It is the user's already.
    let again = run(folder.path(), &[STATUS, ON, token, token], script);
    assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stderr));
    // etcd says that it took it, and did not.
    let lied = run(folder.path(), &[STATUS, ON, token, wrong, OFF, wrong], script);
    assert!(String::from_utf8_lossy(&lied.stderr).contains("did not take the new password of patroni"));
}

/// A member says itself where it answers, and the others' scripts make words of it.
#[test]
fn what_a_member_says_of_its_place_is_an_address_or_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let urls = [
        "https://10.0.0.1:8008/patroni",
        "-o /etc/cron.d/x http://10.0.0.9/x",
        "https://10.0.0.2/ -o x",
        "$(reboot)",
        "file:///etc/shadow",
        "https://[fe80::1]:8008/patroni",
    ];
    let members: Vec<String> =
        urls.iter().map(|url| format!("{{\"name\": \"n\", \"api_url\": \"{url}\"}}")).collect();
    let answer = format!("{{\"members\": [{}]}}", members.join(", "));
    let functions = include_str!("../../src/resource/patroni_api.sh");
    let done =
        run(folder.path(), &[&answer], &format!("{functions}\npatroni_members ca https://10.0.0.1:8008"));
    let told = String::from_utf8_lossy(&done.stdout);
    assert_eq!(told, "https://10.0.0.1:8008/patroni\nhttps://[fe80::1]:8008/patroni\n");
}
