//! What is known of reaching Pleo, over all requests of a client, and for how long a request is tried after that.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::error::PleoError;

/// How long a try may take where no answer is to be expected.
const SHORT: Duration = Duration::from_secs(5);

/// For how long a request is tried.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// How long one try may take.
    pub(super) timeout: Duration,
    /// After this time no further try begins.
    pub(super) patience: Duration,
}

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

    /// An error of another host of Pleo's: once Pleo has answered, what is in the way is there for a time.
    pub(super) fn understood(&self, error: PleoError) -> PleoError {
        match error {
            PleoError::NeverReached { call, tries, cause } if self.has_answered() => {
                PleoError::OutOfReach { call, tries, cause }
            }
            error => error,
        }
    }

    /// Whether the last request was given up without a good answer.
    pub(super) fn is_out_of_reach(&self) -> bool {
        self.is_out_of_reach.load(Ordering::Relaxed)
    }

    /// Notes that another client has just had no good answer: each request gets one short try until one
    /// comes, for which new tokens get all the time that they need: Pleo gives each pair once.
    pub(super) fn expect_silence(&self) {
        self.is_silence_expected.store(true, Ordering::Relaxed);
    }

    /// For how long to try, of what settings say.
    pub(super) fn limits(&self, of_settings: Limits) -> Limits {
        if !self.is_silence_expected.load(Ordering::Relaxed) {
            return of_settings;
        }
        Limits {
            timeout: of_settings.timeout.min(SHORT),
            patience: Duration::ZERO,
        }
    }
}
