//! What is known of reaching Pleo, over all requests of a client.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::error::PleoError;

/// How long a try may take where no answer is to be expected.
const SHORT: Duration = Duration::from_secs(5);

/// What is known of reaching Pleo.
#[derive(Debug, Default)]
pub(super) struct Reached {
    has_answered: AtomicBool,
    is_out_of_reach: AtomicBool,
    is_silence_expected: AtomicBool,
}

impl Reached {
    /// Whether Pleo itself ever answered with these settings, as far as is known.
    pub(super) fn has_answered(&self) -> bool {
        self.has_answered.load(Ordering::Relaxed)
    }

    /// Notes that Pleo answered in an earlier run.
    pub(super) fn answered_before(&self) {
        self.has_answered.store(true, Ordering::Relaxed);
    }

    /// Notes an answer of Pleo's.
    pub(super) fn answered(&self) {
        self.has_answered.store(true, Ordering::Relaxed);
        self.is_silence_expected.store(false, Ordering::Relaxed);
    }

    /// Notes how a request has ended.
    pub(super) fn ended<T>(&self, result: &Result<T, PleoError>) {
        let is_out_of_reach = matches!(
            result,
            Err(PleoError::OutOfReach { .. } | PleoError::NeverReached { .. } | PleoError::LostAnswer { .. })
        );
        self.is_out_of_reach.store(is_out_of_reach, Ordering::Relaxed);
    }

    /// Whether the last request was given up without an answer.
    pub(super) fn is_out_of_reach(&self) -> bool {
        self.is_out_of_reach.load(Ordering::Relaxed)
    }

    /// Notes that another client has just had no answer: each request gets one short try until one comes.
    pub(super) fn expect_silence(&self) {
        self.is_silence_expected.store(true, Ordering::Relaxed);
    }

    /// How long to go on trying, of what settings say.
    pub(super) fn patience(&self, of_settings: Duration) -> Duration {
        if self.is_silence_expected.load(Ordering::Relaxed) {
            Duration::ZERO
        } else {
            of_settings
        }
    }

    /// How long one try may take at most, where that is less than settings say.
    pub(super) fn shortest(&self) -> Option<Duration> {
        self.is_silence_expected.load(Ordering::Relaxed).then_some(SHORT)
    }
}
