//! What the connector writes to stderr, and what `pleo-export` would log about its answers, between the lines of the
//! checks.

use std::fmt;

use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::{Writer, debug_fn};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Shows it on stderr.
pub(crate) fn show() {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .event_format(Indented)
        // The connector's name says nothing where there is only one.
        .fmt_fields(debug_fn(|writer, field, value| match field.name() {
            "message" => write!(writer, "{value:?}"),
            _ => Ok(()),
        }))
        .init();
}

struct Indented;

impl<S, N> FormatEvent<S, N> for Indented
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        ctx: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let source = match event.metadata().target().rsplit("::").next() {
            Some("stderr") => "stderr of the connector",
            Some("answers") => "log",
            // That it ended and is started again: it is killed on purpose, and a check says so where it is wrong.
            _ => return Ok(()),
        };
        write!(writer, "      {source}: ")?;
        ctx.field_format().format_fields(writer.by_ref(), event)?;
        writeln!(writer)
    }
}
