//! SIGINT and SIGTERM become a wish to stop; the second one ends the process at once, which is safe.

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tracing::warn;

use crate::host::stop::Stop;

/// A stop that the signals request.
pub(super) fn stop_on_signals() -> Stop {
    let stop = Stop::new();
    match Signals::new([SIGINT, SIGTERM]) {
        Ok(mut signals) => {
            let requested = stop.clone();
            std::thread::spawn(move || {
                for signal in &mut signals {
                    if requested.is_requested() {
                        let _ = signal_hook::low_level::emulate_default_handler(signal);
                    }
                    warn!("stopping: finishing what is in hand (a second signal ends at once)");
                    requested.request();
                }
            });
        }
        Err(error) => warn!("signals cannot be caught ({error}); a stop will be a hard one, which is safe"),
    }
    stop
}
