//! Nobody reads our memory, where the credential is.

use super::kill;

/// From now on no other program of this user reads the process's memory or environment, and a crash leaves no picture of
/// them. Debug builds may be traced where tests say so by `PLEO_EXPORT_MAY_BE_TRACED=1`.
pub fn keep_to_ourselves() {
    if kill::limit("PLEO_EXPORT_MAY_BE_TRACED", 0) == 1 {
        return;
    }
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        // A kernel that cannot do it leaves things as they were.
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }
}
