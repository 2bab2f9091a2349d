//! Owns the kind `file`: content, mode, owner. Must not know what the content
//! means.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::change::{Change, Fields, Have, fields};
use super::{Manage, ResolveError, Resolver, Script};
use crate::facts::view::View;
use crate::facts::{Fact, Facts, Needs, PathType};
use crate::lint::Lint;
use crate::secret::Secret;
use crate::shell::{quote, words};

/// Where systemd reads units that are no package's.
const UNITS: &str = "/etc/systemd/system/";

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    pub path: String,
    /// Name of a template; it may read secrets and `host.facts`.
    #[serde(default)]
    pub template: Option<String>,
    /// The content itself, for a file of a line or two.
    #[serde(default)]
    pub content: Option<String>,
    #[serde(default = "root")]
    pub owner: String,
    #[serde(default = "root")]
    pub group: String,
    #[serde(default = "mode")]
    pub mode: String,
    /// The service's own checker; `%s` is the path of the new content.
    #[serde(default)]
    pub validate: Option<String>,
    /// Our own check of the content, by its format.
    #[serde(default)]
    pub lint: Option<Lint>,
    /// What its reader must read, by dotted name, whatever the values hold.
    #[serde(default)]
    pub holds: BTreeMap<String, String>,
    #[serde(default)]
    pub absent: bool,
    /// Takes over a file that is there and is not hacluster's.
    #[serde(default)]
    pub replaces: bool,
    #[serde(skip)]
    pub text: Option<Secret>,
    /// What is left of `text` where nothing is to be done about it.
    #[serde(skip)]
    pub digest: Option<String>,
}

pub(super) fn root() -> String {
    "root".to_owned()
}

fn mode() -> String {
    "0644".to_owned()
}

impl File {
    /// A root-owned 0644 file with this content.
    pub fn literal(path: &str, content: &str) -> Self {
        Self {
            path: path.to_owned(),
            template: None,
            content: Some(content.to_owned()),
            owner: root(),
            group: root(),
            mode: mode(),
            validate: None,
            lint: None,
            holds: BTreeMap::new(),
            absent: false,
            replaces: false,
            text: None,
            digest: None,
        }
    }

    /// Keeps the hash of the content only: hundreds of hosts with hundreds of
    /// files each must not all lie in memory.
    pub fn forget(&mut self) {
        self.digest = self.text.take().map(|text| sha256(text.expose()));
    }
}

/// A mode as `stat` prints it: `644` is `0644`.
pub(super) fn octal(mode: &str) -> String {
    format!("{mode:0>4}")
}

/// Lower-case hex SHA-256.
pub(crate) fn sha256(text: &str) -> String {
    data_encoding::HEXLOWER.encode(&Sha256::digest(text.as_bytes()))
}

impl Manage for File {
    fn needs(&self, needs: &mut Needs) {
        needs.file(&self.path);
    }

    fn want(&self) -> Option<Fields> {
        if self.absent {
            return None;
        }
        let mut want = fields([
            ("group", &self.group),
            ("mode", &octal(&self.mode)),
            ("owner", &self.owner),
            ("type", "file"),
        ]);
        let digest = self.text.as_ref().map(|text| sha256(text.expose()));
        if let Some(digest) = digest.or_else(|| self.digest.clone()) {
            want.insert("content".to_owned(), digest);
        }
        Some(want)
    }

    fn have(&self, host: &Facts, _cluster: &View) -> Have {
        match host.paths.get(&self.path) {
            None => Have::Unreadable(format!("{} was not asked for", self.path)),
            Some(Fact::Unreadable(why)) => Have::Unreadable(why.clone()),
            Some(Fact::Absent) => Have::Absent,
            Some(Fact::Present(path)) => {
                let kind = if path.kind == PathType::File { "file" } else { "something else" };
                let mut have = fields([
                    ("group", &path.group),
                    ("mode", &path.mode),
                    ("owner", &path.owner),
                    ("type", kind),
                ]);
                match host.hashes.get(&self.path) {
                    Some(Fact::Present(hash)) => have.insert("content".to_owned(), hash.clone()),
                    Some(Fact::Unreadable(why)) => return Have::Unreadable(why.clone()),
                    _ => None,
                };
                Have::Fields(have)
            }
        }
    }

    fn apply(&self, change: &Change) -> Script {
        let path = quote(&self.path);
        if matches!(change, Change::Remove) {
            let reload = if self.path.starts_with(UNITS) { "\nsystemctl daemon-reload" } else { "" };
            return Script::new(format!("hac_drop {path}{reload}"));
        }
        let text = self.text.as_ref().map_or("", Secret::expose);
        let arguments = words([&*self.path, &self.mode, &self.owner, &self.group]);
        let validate = self.validate.as_deref().map(quote).unwrap_or_default();
        Script::new(format!("printf %s {} | hac_put {arguments} {validate}", quote(text)))
    }

    fn resolve(&mut self, with: &dyn Resolver) -> Result<(), ResolveError> {
        let text = match (&self.template, &self.content) {
            (Some(name), _) => with.template(name)?,
            (None, Some(content)) => content.clone(),
            (None, None) => String::new(),
        };
        self.text = (!self.absent).then(|| Secret::new(text));
        Ok(())
    }
}
