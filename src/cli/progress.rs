//! The progress bar: on a terminal only, and not where log lines would run through it.

use indicatif::{ProgressBar, ProgressStyle};

use super::args::{Global, LogFormat};
use super::notify::Notifier;
use crate::export::Progress;
use crate::model::ids::JobId;

/// A bar for the job in hand.
pub(super) struct Bar(ProgressBar);

impl Bar {
    pub(super) fn new(global: &Global) -> Self {
        let shown = !global.quiet && global.verbose == 0 && global.log_format == LogFormat::Text;
        // indicatif hides itself where stderr is no terminal.
        Self(if shown {
            ProgressBar::no_length()
        } else {
            ProgressBar::hidden()
        })
    }
}

impl Progress for Bar {
    fn begin(&self, job: &JobId, items: u64) {
        if let Ok(style) = ProgressStyle::with_template("{prefix} [{bar:30}] {pos}/{len} items, {elapsed}") {
            self.0.set_style(style.progress_chars("=> "));
        }
        self.0.reset();
        self.0.set_length(items);
        self.0
            .set_prefix(format!("job {}", job.as_str().get(..8).unwrap_or(job.as_str())));
    }

    fn reached(&self, items: u64) {
        self.0.set_position(items);
    }

    fn end(&self) {
        self.0.finish_and_clear();
    }
}

/// All who follow a run.
pub(super) struct Watch<'a> {
    pub(super) bar: Bar,
    pub(super) notifier: Option<&'a Notifier>,
}

impl Progress for Watch<'_> {
    fn begin(&self, job: &JobId, items: u64) {
        self.bar.begin(job, items);
        if let Some(notifier) = self.notifier {
            notifier.started(job);
        }
    }

    fn reached(&self, items: u64) {
        self.bar.reached(items);
    }

    fn end(&self) {
        self.bar.end();
    }
}
