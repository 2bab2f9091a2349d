//! Owns which settings of PostgreSQL take effect only at a start, and which of
//! those no standby may have lower than its primary. Must not know Patroni.

use std::collections::BTreeSet;
use std::sync::LazyLock;

static AT_START: LazyLock<BTreeSet<&str>> = LazyLock::new(|| {
    include_str!("restart_settings.txt").lines().filter(|line| !line.starts_with('#')).collect()
});

/// A standby with less of these than its primary had does not go on replaying
/// (PostgreSQL's manual, "Administrator's Overview" of hot standby). With what
/// Patroni sets where nobody else does.
const BINDING: [(&str, &str); 5] = [
    ("max_connections", "100"),
    ("max_locks_per_transaction", "64"),
    ("max_prepared_transactions", "0"),
    ("max_wal_senders", "10"),
    ("max_worker_processes", "8"),
];

/// The setting takes effect only at a start; `None` where only the extension
/// that owns it knows.
pub fn needs_restart(name: &str) -> Option<bool> {
    let listed = AT_START.contains(name.to_lowercase().as_str());
    (listed || !name.contains('.')).then_some(listed)
}

/// The default of a setting that binds standbys: a primary lowers it first, and
/// standbys raise it first. `None` of all others.
pub fn binding_default(name: &str) -> Option<&'static str> {
    let name = name.to_lowercase();
    BINDING.iter().find(|(binding, _)| *binding == name).map(|(_, default)| *default)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_told_apart() {
        assert_eq!(AT_START.len(), 67, "62 of 15 and 17 together, 3 hidden ones, 2 of extensions");
        for name in ["max_connections", "shared_buffers", "wal_level", "Shared_Preload_Libraries"] {
            assert_eq!(needs_restart(name), Some(true), "{name}");
        }
        for name in ["work_mem", "ssl", "max_slot_wal_keep_size", "password_encryption", "wal_keep_size"] {
            assert_eq!(needs_restart(name), Some(false), "{name}");
        }
        assert_eq!(needs_restart("pg_stat_statements.max"), Some(true));
        assert_eq!(needs_restart("pg_stat_statements.track"), None);
        assert!(BINDING.iter().all(|(name, _)| needs_restart(name) == Some(true)));
        assert_eq!(
            (binding_default("MAX_WAL_SENDERS"), binding_default("shared_buffers")),
            (Some("10"), None)
        );
    }
}
