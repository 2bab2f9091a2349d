//! Owns what a probe asks to tell whose a thing is, and what its removal would
//! take along. Must not know how the answers are read.

use std::collections::BTreeSet;

use crate::shell::{quote, words};

/// Names that are told of one directory: enough to say why it stays.
const NAMES: u32 = 100;

/// What lies in one directory; `missing` is the status where there is none.
pub(super) fn entries(path: &str, missing: i32) -> String {
    let path = quote(path);
    format!("[ -d {path} ] || exit {missing}; timeout -k 1 10 ls -A -- {path} | head -n {NAMES}")
}

/// A line a package, `NAME=ALL THAT GO WITH IT`, itself among them.
pub(super) fn removals(packages: &BTreeSet<String>) -> String {
    let packages = words(packages.iter().map(String::as_str));
    format!(
        "{{ for p in {packages}; do printf '%s=' \"$p\"; timeout -k 1 10 apt-get -s -q remove \"$p\" | \
         sed -n 's/^Remv \\([^ ]*\\).*/\\1/p' | tr '\\n' ' '; echo; done; }}"
    )
}

/// A line a file, `yes=PATH` where its content is the one its package brought:
/// a conffile of dpkg's, or one of ucf's.
pub(super) fn shipped(paths: &BTreeSet<String>) -> String {
    let paths = words(paths.iter().map(String::as_str));
    format!(
        "{{ c=$(timeout -k 1 10 dpkg-query -W -f='${{Conffiles}}\\n'); for f in {paths}; do \
         [ -f \"$f\" ] || continue; m=$(md5sum <\"$f\"); m=${{m%% *}}; \
         if printf '%s\\n' \"$c\" | grep -qxF \" $f $m\" || grep -qxF \"$m  $f\" /var/lib/ucf/hashfile; \
         then printf 'yes=%s\\n' \"$f\"; else printf 'no=%s\\n' \"$f\"; fi; done; }}"
    )
}
