//! Which failed tries are made again.
//!
//! A GET, PUT or DELETE may be repeated at will, and so may a search: they read, or say the same thing twice. Any other POST
//! is an event that Pleo counts, or makes something new, so it is made again only when Pleo surely did not process it: the
//! connection never came about, or 429. Everything else that may have happened after a POST was sent is a lost answer.
//! After what time a try is made again, and for how long, is the same for all clients: [`crate::host::retry`].

use std::time::Duration;

use super::error::Call;
use crate::host::retry::is_temporary;

/// What the request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    /// Reads.
    Get,
    /// Sets; the same twice is the same.
    Put,
    /// Sends an event; the same twice is not the same.
    Post,
    /// Makes something new and is answered with it; the same twice is two of them.
    Create,
    /// Takes something away; the same twice is the same.
    Delete,
    /// Reads by a POST, since what is asked for stands in its body.
    Search,
}

impl Method {
    /// Whether doing it twice is as good as once.
    const fn is_repeatable(self) -> bool {
        matches!(self, Self::Get | Self::Put | Self::Delete | Self::Search)
    }
}

/// How one try ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TryEnd {
    /// No connection came about, so nothing was sent.
    NotConnected,
    /// The server's certificate is not trusted, so nothing was sent; it will be the same next time.
    Untrusted,
    /// Something broke after that: a timeout, a reset, half an answer.
    Interrupted,
    /// The answer was larger than any that Pleo sends.
    TooLarge,
    /// A whole answer.
    Answered {
        /// The HTTP status.
        status: u16,
        /// What its body is.
        content: Content,
    },
}

/// What the body of an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// What can be read.
    Json,
    /// There is none.
    Nothing,
    /// Something that Pleo never sends, such as the page of a firewall.
    Foreign,
}

/// What follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It is done.
    Done,
    /// It may be tried again.
    TryAgain,
    /// Nobody knows whether it is done.
    Lost,
    /// It is not done, and trying again is no use.
    Final,
}

/// Decides about one try.
pub(super) const fn classify(method: Method, ending: TryEnd) -> Outcome {
    match (method, ending) {
        (
            Method::Create,
            TryEnd::Answered {
                status: 200 | 201,
                content: Content::Json,
            },
        )
        | (
            Method::Delete,
            TryEnd::Answered {
                status: 200 | 202 | 204,
                content: Content::Json | Content::Nothing,
            },
        ) => return Outcome::Done,
        // An event is accepted; what is made or taken away is there, or not any more.
        (Method::Create, TryEnd::Answered { status: 202, .. }) => return Outcome::Lost,
        _ => {}
    }
    match (ending, method.is_repeatable()) {
        (TryEnd::NotConnected | TryEnd::Answered { status: 429, .. }, _) => Outcome::TryAgain,
        (TryEnd::Answered { status: 200, content }, true) => match content {
            Content::Json => Outcome::Done,
            Content::Nothing | Content::Foreign => Outcome::TryAgain,
        },
        (TryEnd::Answered { status: 202, .. }, false) => Outcome::Done,
        (TryEnd::Untrusted, _) => Outcome::Final,
        (TryEnd::Interrupted, true) => Outcome::TryAgain,
        (TryEnd::Answered { status, .. }, true) if is_temporary(status) => Outcome::TryAgain,
        // The request came only in part, or a server on the way will make it again.
        (
            TryEnd::Answered {
                status: 408 | 425, ..
            },
            false,
        ) => Outcome::Lost,
        (
            TryEnd::Answered {
                status: 300..=499, ..
            },
            _,
        ) => Outcome::Final,
        (TryEnd::TooLarge | TryEnd::Answered { .. }, true) => Outcome::Final,
        // A success that is not the promised one, a server that fell over: the event may have arrived.
        (TryEnd::Interrupted | TryEnd::TooLarge | TryEnd::Answered { .. }, false) => Outcome::Lost,
    }
}

/// Says that a try failed and that another one follows.
pub(super) fn log_retry(call: &Call, cause: &str, tries: u32, wait: Duration) {
    let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
    // One failed try is the network's daily life; a second one is worth a look.
    if tries < 2 {
        tracing::debug!(
            method = call.method,
            path = call.path,
            wait_ms,
            "{cause}; trying again"
        );
    } else {
        tracing::warn!(
            method = call.method,
            path = call.path,
            tries,
            wait_ms,
            "{cause}; trying again"
        );
    }
}

/// The cause where the server asks for a longer wait than the patience leaves.
pub(super) fn asks_for_too_long(cause: &str, asked: Duration) -> String {
    format!(
        "{cause}, and Pleo asks to wait {} s, which is longer than `pleo.give_up_after_seconds` leaves",
        asked.as_secs()
    )
}

#[cfg(test)]
mod tests {
    use super::Content::{Foreign, Json, Nothing};
    use super::*;

    fn statuses(method: Method, content: Content, outcome: Outcome) -> Vec<u16> {
        (100..=599)
            .filter(|&status| classify(method, TryEnd::Answered { status, content }) == outcome)
            .collect()
    }

    #[test]
    fn reading_and_updating_are_tried_again_on_these_statuses() {
        for method in [Method::Get, Method::Put, Method::Search] {
            let retried = [
                408, 425, 429, 500, 502, 503, 504, 507, 520, 521, 522, 523, 524, 529,
            ];
            assert_eq!(statuses(method, Json, Outcome::TryAgain), retried);
            assert_eq!(statuses(method, Json, Outcome::Done), [200]);
            assert_eq!(statuses(method, Json, Outcome::Lost), [0; 0]);
            let again = statuses(method, Foreign, Outcome::TryAgain);
            assert_eq!(again[0], 200, "an HTML page is no answer");
            assert_eq!(again[1..], retried);
            assert_eq!(statuses(method, Foreign, Outcome::Done), [0; 0]);
        }
    }

    #[test]
    fn an_event_is_tried_again_only_when_it_was_surely_not_processed() {
        for content in [Json, Nothing, Foreign] {
            assert_eq!(statuses(Method::Post, content, Outcome::TryAgain), [429]);
            assert_eq!(statuses(Method::Post, content, Outcome::Done), [202]);
            let refused: Vec<u16> = (300..=499)
                .filter(|status| ![408, 425, 429].contains(status))
                .collect();
            assert_eq!(statuses(Method::Post, content, Outcome::Final), refused);
        }
    }

    #[test]
    fn what_is_made_comes_with_the_answer_and_is_never_made_twice() {
        assert_eq!(statuses(Method::Create, Json, Outcome::Done), [200, 201]);
        assert_eq!(statuses(Method::Create, Foreign, Outcome::Done), [0; 0]);
        for content in [Json, Nothing, Foreign] {
            assert_eq!(statuses(Method::Create, content, Outcome::TryAgain), [429]);
            assert_eq!(statuses(Method::Delete, content, Outcome::Lost), [0; 0]);
            let done: &[u16] = if content == Foreign { &[] } else { &[200, 202, 204] };
            assert_eq!(
                statuses(Method::Delete, content, Outcome::Done),
                done,
                "a page says nothing of what Pleo has done"
            );
        }
        assert_eq!(classify(Method::Create, TryEnd::Interrupted), Outcome::Lost);
        assert_eq!(classify(Method::Delete, TryEnd::Interrupted), Outcome::TryAgain);
    }

    #[test]
    fn a_broken_connection_is_tried_again_by_what_was_sent() {
        for (ending, repeatable, event) in [
            (TryEnd::NotConnected, Outcome::TryAgain, Outcome::TryAgain),
            (TryEnd::Untrusted, Outcome::Final, Outcome::Final),
            (TryEnd::Interrupted, Outcome::TryAgain, Outcome::Lost),
            (TryEnd::TooLarge, Outcome::Final, Outcome::Lost),
        ] {
            assert_eq!(classify(Method::Get, ending), repeatable);
            assert_eq!(classify(Method::Put, ending), repeatable);
            assert_eq!(classify(Method::Post, ending), event);
        }
    }
}
