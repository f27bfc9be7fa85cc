//! The progress bar: on a terminal only. It moves by itself, so that a person sees a slow receipt from a program that hangs.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::args::{Global, LogFormat};
use super::notify::Notifier;
use crate::export::Progress;
use crate::model::ids::JobId;

/// How often the bar is drawn while nothing else happens.
const TICK: Duration = Duration::from_millis(200);

/// The bar that is on the terminal now, for whoever writes beside it.
static SHOWN: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// Writes to the terminal with the bar out of the way, so that no dead copy of it is left.
pub(super) fn beside<T>(write: impl FnOnce() -> T) -> T {
    let shown = SHOWN.lock().unwrap_or_else(PoisonError::into_inner).clone();
    match shown {
        Some(bar) => bar.suspend(write),
        None => write(),
    }
}

fn show(bar: Option<ProgressBar>) {
    *SHOWN.lock().unwrap_or_else(PoisonError::into_inner) = bar;
}

/// A bar for the job in hand.
pub(super) struct Bar(ProgressBar);

impl Bar {
    pub(super) fn new(global: &Global) -> Self {
        let shown = !global.quiet && global.log_format == LogFormat::Text;
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
        let template = "{spinner} {prefix} [{bar:30}] {pos}/{len} items, {elapsed}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.0.set_style(style.progress_chars("=> ").tick_chars("|/-\\ "));
        }
        self.0.reset();
        self.0.set_length(items);
        self.0
            .set_prefix(format!("job {}", job.as_str().get(..8).unwrap_or(job.as_str())));
        if !self.0.is_hidden() {
            self.0.enable_steady_tick(TICK);
            show(Some(self.0.clone()));
        }
    }

    fn reached(&self, items: u64) {
        self.0.set_position(items);
    }

    fn end(&self) {
        show(None);
        self.0.disable_steady_tick();
        self.0.finish_and_clear();
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.end();
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
