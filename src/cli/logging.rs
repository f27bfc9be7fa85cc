//! The log on stderr.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::io::{self, Write};

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::{DefaultFields, Writer};
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::{LookupSpan, Scope};
use tracing_subscriber::util::SubscriberInitExt;

use super::args::{Global, LogFormat};
use super::as_typed::as_typed;
use super::progress;
use super::terminal::{self, Stream};
use crate::host::foreign_text::turns_text;

/// Sets the log up once for the process. Only our own words are logged: libraries would name addresses in full.
pub(super) fn set_up(format: LogFormat, level: Level, environment: &BTreeMap<String, OsString>) {
    terminal::set_up(environment.get("NO_COLOR").map(OsString::as_os_str));
    let filter = Targets::new().with_target("pleo_export", level);
    let registry = tracing_subscriber::registry().with(filter);
    // A second set-up in one process keeps the first.
    let _ = match format {
        LogFormat::Json => registry
            .with(
                tracing_subscriber::fmt::layer()
                    .json()
                    .flatten_event(true)
                    // The list of spans has the innermost, too.
                    .with_current_span(false)
                    .with_writer(io::stderr),
            )
            .try_init(),
        LogFormat::Text => registry
            .with(
                tracing_subscriber::fmt::layer()
                    .with_ansi(Stream::Err.has_colours())
                    .fmt_fields(DefaultFields::new())
                    .event_format(Line)
                    .with_writer(|| Lines),
            )
            .try_init(),
    };
}

/// How much is told.
pub(super) fn level(global: &Global) -> Level {
    match (global.quiet, global.verbose) {
        (true, _) => Level::ERROR,
        (false, 0) => Level::WARN,
        (false, 1) => Level::INFO,
        (false, _) => Level::DEBUG,
    }
}

/// A line for people: when, how bad, which company of several, which job, what. Neither is named again where the text
/// names it.
struct Line;

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        SystemTime.format_time(&mut writer)?;
        let level = *event.metadata().level();
        if writer.has_ansi_escapes() {
            let colour = match level {
                Level::ERROR => 31,
                Level::WARN => 33,
                Level::INFO => 32,
                _ => 34,
            };
            write!(writer, " \u{1b}[{colour}m{level:>5}\u{1b}[0m ")?;
        } else {
            write!(writer, " {level:>5} ")?;
        }
        let mut text = String::new();
        context.format_fields(Writer::new(&mut text), event)?;
        for span in context.event_scope().into_iter().flat_map(Scope::from_root) {
            let extensions = span.extensions();
            let fields = extensions
                .get::<FormattedFields<N>>()
                .map_or("", |fields| &fields.fields);
            // Each span says one id, between colours on a terminal.
            let value = fields.rsplit('=').next().unwrap_or_default();
            let value = value.trim_start_matches("\u{1b}[0m");
            if !value.is_empty() && !text.contains(value) {
                write!(writer, "{} {value}: ", span.name())?;
            }
        }
        writeln!(writer, "{text}")
    }
}

/// stderr for people: an event stays on its line, and no text from outside turns that around. The subscriber hands over
/// an event at a time and has made control characters harmless, except for its own colours.
struct Lines;

impl Write for Lines {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let mut line = String::with_capacity(text.len());
        for character in text.trim_end_matches('\n').chars() {
            if matches!(character, '\n' | '\r') || turns_text(character) {
                line.extend(character.escape_default());
            } else {
                line.push(character);
            }
        }
        let mut line = as_typed(&line);
        line.push('\n');
        progress::beside(|| io::stderr().lock().write_all(line.as_bytes()))?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
