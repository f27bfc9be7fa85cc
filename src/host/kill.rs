//! The points at which tests kill the process, to prove that no moment of death books anything twice.
//!
//! Every moment that matters calls [`point`]: a request sent, an answer received, a commit, a file made, a file
//! renamed. With `PLEO_EXPORT_KILL_AT=N` in the environment of a debug build the N-th of them ends the process by
//! SIGKILL, which no handler sees. Release builds hold nothing of this.

/// A moment that matters; `name` says which.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub const fn point(_name: &str) {}

/// A moment that matters; `name` says which.
#[cfg(debug_assertions)]
pub fn point(name: &str) {
    debug::point(name);
}

#[cfg(debug_assertions)]
mod debug {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static PASSED: AtomicU64 = AtomicU64::new(0);
    static KILL_AT: OnceLock<Option<u64>> = OnceLock::new();

    #[expect(
        clippy::disallowed_methods,
        clippy::print_stderr,
        reason = "tests steer this by environment and read the name"
    )]
    pub(super) fn point(name: &str) {
        let kill_at = KILL_AT.get_or_init(|| {
            std::env::var("PLEO_EXPORT_KILL_AT")
                .ok()
                .and_then(|text| text.parse().ok())
        });
        let Some(kill_at) = kill_at else { return };
        if PASSED.fetch_add(1, Ordering::SeqCst) + 1 == *kill_at {
            eprintln!("killed at {kill_at}: {name}");
            let _ = signal_hook::low_level::raise(signal_hook::consts::SIGKILL);
        }
    }
}
