//! The log on stderr.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal};

use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::args::{Global, LogFormat};

/// Sets the log up once for the process. Only our own words are logged: libraries would name addresses in full.
pub(super) fn set_up(global: &Global, environment: &BTreeMap<String, String>) {
    let level = match (global.quiet, global.verbose) {
        (true, _) => Level::ERROR,
        (false, 0) => Level::WARN,
        (false, 1) => Level::INFO,
        (false, _) => Level::DEBUG,
    };
    let filter = Targets::new().with_target("pleo_export", level);
    let registry = tracing_subscriber::registry().with(filter);
    // A second set-up in one process keeps the first.
    let _ = match global.log_format {
        LogFormat::Json => registry
            .with(
                tracing_subscriber::fmt::layer()
                    .json()
                    .flatten_event(true)
                    .with_writer(io::stderr),
            )
            .try_init(),
        LogFormat::Text => {
            let no_color = environment.get("NO_COLOR").is_some_and(|value| !value.is_empty());
            let ansi = io::stderr().is_terminal() && !no_color;
            registry
                .with(
                    tracing_subscriber::fmt::layer()
                        .with_ansi(ansi)
                        .with_target(false)
                        .with_writer(io::stderr),
                )
                .try_init()
        }
    };
}
