//! Owns replacing a file on this machine in one instant: whoever reads meanwhile
//! sees the old content or the new. Must not know what the content means.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// Of a file that was not there: nobody else's business.
const MODE: u32 = 0o600;

/// What a name finally means: a link stays a link, its target is replaced.
pub fn target_of(file: &Path) -> PathBuf {
    fs::canonicalize(file).unwrap_or_else(|_| file.to_owned())
}

pub fn folder_of(file: &Path) -> PathBuf {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned()
}

/// Writes beside it, to disk, and renames. Mode and owner stay as they were.
pub fn replace(file: &Path, text: &str) -> io::Result<()> {
    let file = target_of(file);
    let folder = folder_of(&file);
    let fresh = folder.join(format!(".hacluster.{:08x}", rand::random::<u32>()));
    let written = write(&file, &fresh, text).and_then(|()| fs::rename(&fresh, &file));
    if written.is_err() {
        // Nothing else can be done about a file that is of no use.
        let _ = fs::remove_file(&fresh);
    }
    written?;
    File::open(folder)?.sync_all()
}

fn write(file: &Path, fresh: &Path, text: &str) -> io::Result<()> {
    let old = fs::metadata(file).ok();
    let mode = old.as_ref().map_or(MODE, |old| old.permissions().mode() & 0o7777);
    let mut out = OpenOptions::new().write(true).create_new(true).mode(MODE).open(fresh)?;
    if let Some(old) = &old {
        // Its owner may be another than who runs this; then that stays so.
        std::os::unix::fs::fchown(&out, Some(old.uid()), Some(old.gid()))?;
    }
    out.set_permissions(fs::Permissions::from_mode(mode))?;
    out.write_all(text.as_bytes())?;
    out.sync_all()
}
