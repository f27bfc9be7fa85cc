//! How long an accounting system is waited for: one rule, whatever it is asked.
//!
//! What may pass (out of reach, or the answer lost) is asked again until the patience is over. Everything else is handed
//! on by its kind at once.

use std::time::Instant;

use tracing::warn;

use super::halt::Halt;
use super::tools::Exporter;
use crate::host::retry::{Next, Retry};
use crate::host::stop::Stopped;
use crate::systems::{AccountingSystem, SystemError};

/// The patience with one question, or with items that are tried again as long as some of them get on.
pub(super) struct Patience(Retry);

impl Patience {
    /// Begins now.
    pub(super) fn new(exporter: &Exporter<'_>) -> Self {
        Self(Retry::new(
            Instant::now(),
            exporter.settings.patience,
            fastrand::Rng::new(),
        ))
    }

    /// Waits until it is time for the next try; `false` where the patience is over.
    pub(super) fn wait(&mut self, exporter: &Exporter<'_>) -> Result<bool, Stopped> {
        match self.0.failed(Instant::now(), None) {
            Next::Wait(time) => exporter.stop.wait(time).map(|()| true),
            Next::GiveUp | Next::TooLong(_) => Ok(false),
        }
    }
}

/// Asks until there is an answer, an error that does not pass, or no patience any more.
pub(super) fn ask<T>(
    exporter: &mut Exporter<'_>,
    mut question: impl FnMut(&mut dyn AccountingSystem) -> Result<T, SystemError>,
) -> Result<T, Halt> {
    let mut patience = Patience::new(exporter);
    loop {
        let error = match question(exporter.system) {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        if !error.may_pass() || !patience.wait(exporter)? {
            return Err(error.into());
        }
        warn!("{error}; trying again");
    }
}
