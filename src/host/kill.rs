//! What tests do to a debug build through its environment, to prove that no moment of death books anything twice
//! and that they would notice if one did. Release builds hold nothing of this.
//!
//! `PLEO_EXPORT_KILL_AT=N` ends the process at its N-th [`point`] by SIGKILL, which no handler sees. Every moment
//! that matters calls it: before a request, a response in hand, before and after a commit, a file made, a file
//! renamed. `PLEO_EXPORT_PANIC_AT=N` panics there instead, and `PLEO_EXPORT_STOP_AT=N` stops the process (SIGSTOP) when
//! its N-th request to Pleo is about to leave.

/// A moment that matters; `name` says which.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub const fn point(_name: &str) {}

/// A moment that matters; `name` says which.
#[cfg(debug_assertions)]
pub fn point(name: &str) {
    debug::point(name);
}

/// A limit that tests make smaller through a variable of the environment, so that reaching it takes no minutes.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub const fn limit(_variable: &str, usual: u64) -> u64 {
    usual
}

/// A limit that tests make smaller through a variable of the environment, so that reaching it takes no minutes.
#[cfg(debug_assertions)]
pub fn limit(variable: &str, usual: u64) -> u64 {
    debug::number(variable).unwrap_or(usual)
}

/// A text that tests put in the place of what the machine says.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub const fn text(_variable: &str) -> Option<String> {
    None
}

/// A text that tests put in the place of what the machine says.
#[cfg(debug_assertions)]
pub fn text(variable: &str) -> Option<String> {
    debug::variable(variable)
}

#[cfg(debug_assertions)]
mod debug {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static PASSED: AtomicU64 = AtomicU64::new(0);
    static KILL_AT: LazyLock<Option<u64>> = LazyLock::new(|| number("PLEO_EXPORT_KILL_AT"));
    static PANIC_AT: LazyLock<Option<u64>> = LazyLock::new(|| number("PLEO_EXPORT_PANIC_AT"));
    static REQUESTS: AtomicU64 = AtomicU64::new(0);
    static STOP_AT: LazyLock<Option<u64>> = LazyLock::new(|| number("PLEO_EXPORT_STOP_AT"));

    fn stop(name: &str) {
        if STOP_AT.is_some() && name == "before request" {
            let requests = REQUESTS.fetch_add(1, Ordering::SeqCst) + 1;
            if Some(requests) == *STOP_AT {
                let _ = signal_hook::low_level::raise(signal_hook::consts::SIGSTOP);
            }
        }
    }

    #[expect(clippy::print_stderr, reason = "tests read the name")]
    pub(super) fn point(name: &str) {
        stop(name);
        if KILL_AT.is_none() && PANIC_AT.is_none() {
            return;
        }
        let passed = PASSED.fetch_add(1, Ordering::SeqCst) + 1;
        if Some(passed) == *KILL_AT {
            eprintln!("killed at {passed}: {name}");
            let _ = signal_hook::low_level::raise(signal_hook::consts::SIGKILL);
        }
        assert!(Some(passed) != *PANIC_AT, "as asked at {passed}: {name}");
    }

    pub(super) fn number(name: &str) -> Option<u64> {
        variable(name)?.parse().ok()
    }

    #[expect(clippy::disallowed_methods, reason = "this is no setting, and tests steer it")]
    pub(super) fn variable(name: &str) -> Option<String> {
        std::env::var(name).ok()
    }
}
