//! Groups of processes. No shell is asked to do it: a minimal container has none.

/// Kills the group that this process leads: all that it started and that did not leave it. One that is gone is what we
/// want. Elsewhere than on Unix there are no groups.
pub fn kill(leader: u32) {
    #[cfg(unix)]
    {
        use rustix::process::{Pid, Signal, kill_process_group};
        if let Some(group) = i32::try_from(leader).ok().and_then(Pid::from_raw) {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
    #[cfg(not(unix))]
    let _ = leader;
}
