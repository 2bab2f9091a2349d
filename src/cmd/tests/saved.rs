//! Owns the tests of saved plans against hosts that do not exist: what makes one
//! stale, what does not, and that the file tells nothing.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use super::{Folder, but, converged, reached, silent};
use crate::cli::SelectArgs;
use crate::cmd::reading::{Asked, Reading, read};
use crate::cmd::world::World;
use crate::cmd::{ownership, saved};
use crate::error::{Failure, Reason};
use crate::plan::{Allowed, Selection};
use crate::secrets::Secrets;
use crate::transport::fake::Fake;

/// A cluster of two hosts where some sections read otherwise than converged.
pub(super) type Hosts<'a> = [(&'a str, &'a [(&'a str, &'a str)]); 2];

pub(super) const PACKAGE_GONE: &[(&str, &str)] = &[("packages", "")];
pub(super) const FILE_EDITED: &[(&str, &str)] = &[
    ("hashes", "0000000000000000000000000000000000000000000000000000000000000000  /etc/route"),
    ("contents", "NONCE item 0\nby hand\nNONCE done 0"),
];
const FILE_EDITED_AGAIN: &[(&str, &str)] = &[
    ("hashes", "1111111111111111111111111111111111111111111111111111111111111111  /etc/route"),
    ("contents", "NONCE item 0\nby another hand\nNONCE done 0"),
];

pub(super) struct Case {
    folder: Folder,
    /// The hosts' converged answers, from before any edit of the folder.
    pub(super) old: World,
}

impl Case {
    pub(super) fn new() -> Self {
        let folder = Folder::new().with_secrets();
        let old = folder.world();
        Self { folder, old }
    }

    pub(super) fn path(&self) -> PathBuf {
        self.folder.file().with_file_name("plan.json")
    }

    async fn read(&self, world: &mut World, hosts: &Hosts<'_>, asked: &Asked) -> Result<Reading, Failure> {
        ownership::adopt(world, &asked.allowed.adopt).unwrap();
        let fakes: Vec<(&str, Fake)> =
            hosts.iter().map(|(name, but_for)| (*name, but(&converged(&self.old, name), but_for))).collect();
        read(world, &silent(), &reached(&fakes), asked, &()).await
    }

    /// `plan --out`.
    pub(super) async fn save(&self, target: &str, hosts: &Hosts<'_>) {
        self.save_allowed(target, Allowed::default(), hosts).await.unwrap();
    }

    pub(super) async fn save_allowed(
        &self,
        target: &str,
        allowed: Allowed,
        hosts: &Hosts<'_>,
    ) -> Result<(), Failure> {
        let mut world = self.folder.world();
        let args = SelectArgs { target: vec![target.to_owned()], ..SelectArgs::default() };
        let selection = world.select(&args).unwrap();
        let asked = Asked { selection, allowed, diff: false };
        let reading = self.read(&mut world, hosts, &asked).await?;
        saved::write(&world, &reading, asked.allowed, &self.path()).unwrap();
        Ok(())
    }

    /// `apply FILE` up to the first change: what would be done.
    pub(super) async fn apply(&self, hosts: &Hosts<'_>) -> Result<Vec<String>, String> {
        let said = |failure: Failure| {
            assert_eq!((failure.reason, failure.hints.len()), (Reason::Stale, 1));
            self.folder.shown(&failure.message)
        };
        let mut world = self.folder.world();
        let saved = saved::read(&self.path()).unwrap();
        saved::check(&world, &saved).map_err(said)?;
        let selection = Selection::saved(saved.ids());
        let asked = Asked { selection, allowed: saved.allowed.clone(), diff: false };
        let reading = self.read(&mut world, hosts, &asked).await.unwrap();
        saved::fresh(&world, &saved, &reading).map_err(said)?;
        ownership::refuse(reading.chosen()).map_err(|failure| failure.message)?;
        Ok(reading.chosen().map(|a| a.id.clone()).collect())
    }
}

#[tokio::test]
async fn a_saved_plan_is_carried_out_as_it_was_read() {
    let case = Case::new();
    let hosts = [("n1", FILE_EDITED), ("n2", PACKAGE_GONE)];
    case.save("", &hosts).await;
    let expected = ["n1/file:/etc/route", "n1/unit:router", "n2/package:curl", "n2/command:guarded"];
    let mut done = case.apply(&hosts).await.unwrap();
    done.sort_by_key(|id| expected.iter().position(|other| other == id));
    assert_eq!(done, expected);
    // The rest, after some of it was done.
    assert_eq!(case.apply(&[("n1", FILE_EDITED), ("n2", &[])]).await.unwrap(), expected[..2]);
    assert_eq!(case.apply(&[("n1", &[]), ("n2", &[])]).await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn what_moved_makes_it_stale_and_is_named() {
    let case = Case::new();
    case.save("", &[("n1", FILE_EDITED), ("n2", &[])]).await;
    let said = case.apply(&[("n1", FILE_EDITED_AGAIN), ("n2", &[])]).await.unwrap_err();
    insta::assert_snapshot!(said, @"the saved plan is stale, nothing was done: what it would change is otherwise by now: n1/file:/etc/route");
}

#[tokio::test]
async fn what_moved_elsewhere_does_not() {
    let case = Case::new();
    case.save("n1/file:/etc/route", &[("n1", FILE_EDITED), ("n2", PACKAGE_GONE)]).await;
    let done = case.apply(&[("n1", FILE_EDITED), ("n2", FILE_EDITED_AGAIN)]).await.unwrap();
    assert_eq!(done, ["n1/file:/etc/route"]);
}

#[tokio::test]
async fn what_it_would_stand_on_now_makes_it_stale() {
    let case = Case::new();
    case.save("", &[("n1", FILE_EDITED), ("n2", &[])]).await;
    let both = [FILE_EDITED, PACKAGE_GONE].concat();
    let said = case.apply(&[("n1", &both), ("n2", &[])]).await.unwrap_err();
    assert!(said.contains("n1/file:/etc/route (it stands on n1/package:curl, which is left out)"), "{said}");
}

#[tokio::test]
async fn another_configuration_makes_it_stale_and_a_comment_does_not() {
    let case = Case::new();
    let hosts = [("n1", FILE_EDITED), ("n2", PACKAGE_GONE)];
    case.save("", &hosts).await;
    case.folder.edit("[network]\n", "# the LAN\n[network]   # of the house\n\n");
    assert_eq!(case.apply(&hosts).await.unwrap().len(), 4);
    case.folder.edit("gateway = \"10.0.0.1\"", "gateway = \"10.0.0.2\"");
    let template = case.folder.file().with_file_name("templates/own/route.j2");
    fs::write(&template, "via {{ network.gateway }}\n").unwrap();
    insta::assert_snapshot!(case.apply(&hosts).await.unwrap_err(), @"the saved plan is stale, nothing was done: the configuration changed since it was made: network.gateway (cluster.toml:8), template own/route.j2");
}

#[tokio::test]
async fn other_secrets_make_it_stale() {
    let case = Case::new();
    let hosts = [("n1", PACKAGE_GONE), ("n2", PACKAGE_GONE)];
    case.save("", &hosts).await;
    let path = case.folder.store().path().to_owned();
    fs::remove_file(&path).unwrap();
    let made = Secrets::generate("tiny", 1_790_000_000).unwrap();
    case.folder.store().create(&made).unwrap();
    let said = case.apply(&hosts).await.unwrap_err();
    assert_eq!(said, "the saved plan is stale, nothing was done: it was made with other secrets");
}

/// What it may do is in the file as well.
#[tokio::test]
async fn a_byte_that_changed_makes_it_worthless() {
    let case = Case::new();
    case.save("", &[("n1", FILE_EDITED), ("n2", PACKAGE_GONE)]).await;
    let (right, world) = (fs::read(case.path()).unwrap(), case.folder.world());
    let check = |text: &[u8]| {
        fs::write(case.path(), text).unwrap();
        saved::read(&case.path()).and_then(|saved| saved::check(&world, &saved))
    };
    for at in 0..right.len() {
        let mut wrong = right.clone();
        wrong[at] ^= 1;
        assert!(check(&wrong).is_err(), "byte {at} of {}", String::from_utf8_lossy(&right));
    }
    check(&right).unwrap();
    let more = String::from_utf8(right).unwrap().replace("\"destroy\": false", "\"destroy\": true");
    insta::assert_snapshot!(check(more.as_bytes()).unwrap_err().message, @"the saved plan is stale, nothing was done: it is not as it was saved: somebody changed the file, or it was damaged");
}

#[tokio::test]
async fn the_file_is_for_its_owner_and_tells_no_content() {
    let case = Case::new();
    case.save("", &[("n1", FILE_EDITED), ("n2", PACKAGE_GONE)]).await;
    let text = fs::read_to_string(case.path()).unwrap();
    assert_eq!(fs::metadata(case.path()).unwrap().permissions().mode() & 0o777, 0o600);
    let secrets = case.old.secrets.as_ref().unwrap();
    assert_eq!(secrets.mask(&text), text);
    for told in ["10.0.0.1", "0000000000", "by hand", "password older"] {
        assert!(!text.contains(told), "{told}: {text}");
    }
    // Plain hashes of contents would let anybody guess them.
    let sections = converged(&case.old, "n1");
    let (_, hash) = sections.iter().find(|(name, _)| *name == "hashes").unwrap();
    assert!(!text.contains(hash.split(' ').next().unwrap()), "{text}");
}

#[tokio::test]
async fn nothing_else_is_written_over_and_nothing_else_is_read() {
    let case = Case::new();
    let hosts = [("n1", FILE_EDITED), ("n2", PACKAGE_GONE)];
    case.save("", &hosts).await;
    case.save("", &hosts).await;
    let mut world = case.folder.world();
    let reading = case.read(&mut world, &hosts, &Asked::default()).await.unwrap();
    let failure = saved::write(&world, &reading, Allowed::default(), &case.folder.file()).unwrap_err();
    assert!(failure.message.ends_with("is there and is no saved plan: it was not written over"));
    let refused = |text: &str| {
        fs::write(case.path(), text).unwrap();
        case.folder.shown(&saved::read(&case.path()).unwrap_err().message)
    };
    let said =
        [refused("x"), refused("{}"), refused(r#"{"hacluster_plan":1}"#), refused(r#"{"hacluster_plan":3}"#)];
    insta::assert_snapshot!(said.join("\n"), @"
    plan.json: it is no saved plan
    plan.json: it is no saved plan
    plan.json: it is a saved plan of version 1; this hacluster reads 3
    plan.json: it is a damaged plan: missing field `program`
    ");
}
