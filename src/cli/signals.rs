//! SIGINT, SIGTERM and SIGHUP (the terminal is gone) become a request to stop; the second one ends the process at once, which
//! is safe. So does the time, where whatever is in hand does not end.

use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tracing::warn;

use crate::host::kill;
use crate::host::stop::Stop;

/// How long what is in hand may take once the stop is requested, in seconds: all tries of a request, and less than
/// the service manager of the example waits.
const PATIENCE: u64 = 170;

/// A stop that the signals request.
pub(super) fn stop_on_signals() -> Stop {
    let stop = Stop::new();
    // Whoever runs it by `nohup` wishes it to go on without a terminal.
    let hangup = Some(SIGHUP).filter(|_| !is_hangup_ignored());
    match Signals::new([SIGINT, SIGTERM].into_iter().chain(hangup)) {
        Ok(mut signals) => {
            let requested = stop.clone();
            std::thread::spawn(move || {
                for signal in &mut signals {
                    if requested.is_requested() {
                        let _ = signal_hook::low_level::emulate_default_handler(signal);
                    }
                    requested.request();
                    warn!("stopping: finishing what is in hand (a second signal ends at once)");
                    std::thread::spawn(move || end_after_all(signal));
                }
            });
        }
        Err(error) => warn!("signals cannot be caught ({error}); a stop will be a hard one, which is safe"),
    }
    stop
}

/// Whether whoever started this process has it ignore SIGHUP; where that cannot be seen it is left as it is.
fn is_hangup_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_none_or(|mask| mask & 1 << (SIGHUP - 1) != 0)
}

/// Ends the process if it is still there after a while: something blocks it that no request to stop reaches.
fn end_after_all(signal: i32) {
    let patience = Duration::from_secs(kill::limit("PLEO_EXPORT_STOP_PATIENCE", PATIENCE));
    // Nobody stops this wait.
    let _ = Stop::new().wait(patience);
    warn!("what is in hand did not end within {patience:?}; ending at once, which is safe");
    let _ = signal_hook::low_level::emulate_default_handler(signal);
}
