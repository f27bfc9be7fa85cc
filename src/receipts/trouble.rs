//! Why a try to fetch a receipt failed, and whether another is worth while.

use std::error::Error;
use std::time::{Duration, Instant};

use reqwest::blocking::Response;

use super::WantedReceipt;
use super::address::Refusal;
use super::content::Unusable;
use super::error::{ReceiptError, ReceiptErrorKind};
use super::patience::Round;
use crate::host::files::FileError;
use crate::host::http::{self, BodyError, Fault};
use crate::host::stop::Stopped;
use crate::host::{clock, retry};
use crate::model::verdict::ItemFailureType;

/// How often a web page is taken for a host's bad moment before it is what the address has.
const WEB_PAGES: u32 = 3;

/// How often less than the whole of a receipt may come before that is all there is.
const CUT_SHORT: u32 = 2;

/// Why a try failed.
#[derive(Debug)]
pub(super) struct Trouble {
    pub(super) kind: ReceiptErrorKind,
    failure_type: ItemFailureType,
    /// The sentence that begins with "Receipt 2 of 3".
    pub(super) text: String,
    pub(super) again: Again,
}

/// Whether a try is worth another.
#[derive(Clone, Copy, Debug)]
pub(super) enum Again {
    No,
    /// After the wait that the host asked for, if it did.
    Yes(Option<Duration>),
    /// Unless such an answer came so many times.
    Within(u32),
}

impl Trouble {
    fn temporary(cause: &str, wait: Option<Duration>) -> Self {
        Self {
            kind: ReceiptErrorKind::Temporary,
            failure_type: ItemFailureType::ReceiptDownloadFailure,
            text: format!("could not be downloaded ({cause}): export again later"),
            again: Again::Yes(wait),
        }
    }

    /// The host let a try run out of time.
    pub(super) fn stalled(cause: &str) -> Self {
        Self {
            kind: ReceiptErrorKind::Stalled,
            ..Self::temporary(cause, None)
        }
    }

    /// The same, where the time was over for more than this receipt.
    pub(super) fn at_the_end_of(self, round: &Round<'_>, given_up_at: Instant) -> Self {
        let kind = if round.is_over_at(given_up_at) {
            ReceiptErrorKind::OutOfTime
        } else {
            self.kind
        };
        Self { kind, ..self }
    }

    fn expired(status: u16) -> Self {
        Self {
            kind: ReceiptErrorKind::Expired,
            failure_type: ItemFailureType::ReceiptDownloadFailure,
            text: format!("could not be downloaded ({status}), its address has expired: export again"),
            again: Again::No,
        }
    }

    fn last(failure_type: ItemFailureType, text: String) -> Self {
        Self {
            kind: ReceiptErrorKind::Final,
            failure_type,
            text,
            again: Again::No,
        }
    }

    pub(super) fn not_downloadable(cause: &str) -> Self {
        Self::last(
            ItemFailureType::ReceiptDownloadFailure,
            format!("could not be downloaded ({cause}): upload it again in Pleo"),
        )
    }

    /// Pleo says how large the file is, so less of it is not the receipt.
    pub(super) fn cut_short(size: u64, stated: u64) -> Self {
        Self {
            again: Again::Within(CUT_SHORT),
            ..Self::not_downloadable(&format!("only {size} of its {stated} bytes came"))
        }
    }

    pub(super) fn refused(refusal: Refusal) -> Self {
        Self::not_downloadable(&refusal.to_string())
    }

    /// Our own disk: another try soon will not help, another run may.
    fn not_kept(error: &dyn std::fmt::Display) -> Self {
        tracing::warn!("a receipt could not be stored: {error}");
        Self {
            again: Again::No,
            text: "could not be stored on the disk of the integration: make room there and export again"
                .to_owned(),
            ..Self::temporary("", None)
        }
    }

    /// This machine cannot ask anybody.
    pub(super) fn without_client(error: &reqwest::Error) -> Self {
        Self {
            again: Again::No,
            text: format!(
                "could not be downloaded ({}): have the certificates (`ca-certificates`) of the machine of the integration \
                 seen to, then export again",
                http::chain(error)
            ),
            ..Self::temporary("", None)
        }
    }

    pub(super) fn too_large(largest: u64) -> Self {
        Self::last(
            ItemFailureType::ReceiptFileSizeLimitExceeded,
            format!(
                "is larger than {}: upload a smaller file in Pleo",
                in_words(largest)
            ),
        )
    }

    /// No answer came.
    pub(super) fn of_request(error: reqwest::Error) -> Self {
        let mut cause: Option<&dyn Error> = Some(&error);
        while let Some(one) = cause {
            if let Some(refusal) = one.downcast_ref::<Refusal>() {
                return Self::refused(*refusal);
            }
            cause = one.source();
        }
        match http::fault(error) {
            (Fault::Untrusted, cause) => Self {
                again: Again::No,
                text: format!("could not be downloaded ({cause}): have that seen to, then export again"),
                ..Self::temporary("", None)
            },
            (Fault::Unreached, cause) => Self::temporary(&cause, None),
            (Fault::TimedOut, _) => Self::stalled("the host did not answer in time"),
            (Fault::Broken, cause) => Self::broken(&cause),
        }
    }

    fn broken(cause: &str) -> Self {
        Self::temporary(&format!("the connection broke off: {cause}"), None)
    }

    /// An answer that is neither a file nor leads to one.
    pub(super) fn of_status(response: &Response) -> Self {
        let status = response.status().as_u16();
        match status {
            // Hosts disagree on how they refuse a signature that has run out.
            400 | 401 | 403 | 410 => Self::expired(status),
            _ if retry::is_temporary(status) => {
                Self::temporary(&status.to_string(), http::retry_after(response, clock::now()))
            }
            500.. => Self {
                again: Again::No,
                ..Self::temporary(&status.to_string(), None)
            },
            _ => Self::not_downloadable(&status.to_string()),
        }
    }

    /// The error that it is for the receipt.
    pub(super) fn with(self, wanted: &WantedReceipt<'_>) -> ReceiptError {
        ReceiptError {
            kind: self.kind,
            failure_type: self.failure_type,
            reason: format!("Receipt {} of {} {}.", wanted.number, wanted.of, self.text),
        }
    }
}

impl From<BodyError> for Trouble {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge(largest) => Self::too_large(largest),
            BodyError::TooSlow => Self::stalled("it took too long"),
            BodyError::Silent => Self::stalled("the host fell silent"),
            BodyError::FalselyEncoded(_) => {
                Self::not_downloadable("its host says that it is compressed, which it is not")
            }
            BodyError::Broken(cause) => Self::broken(&cause),
            BodyError::Stopped(stopped) => stopped.into(),
        }
    }
}

impl From<Unusable> for Trouble {
    fn from(why: Unusable) -> Self {
        match why {
            Unusable::WebPage => Self {
                again: Again::Within(WEB_PAGES),
                ..Self::not_downloadable("there was a web page in its place")
            },
            Unusable::UnknownFormat => Self::last(
                ItemFailureType::ReceiptConversionFailure,
                "is of a format that cannot be kept: upload it in Pleo as pdf, png, jpg, doc, docx, xls, xlsx or txt"
                    .to_owned(),
            ),
        }
    }
}

impl From<FileError> for Trouble {
    fn from(error: FileError) -> Self {
        Self::not_kept(&error)
    }
}

impl From<Stopped> for Trouble {
    fn from(_: Stopped) -> Self {
        Self {
            kind: ReceiptErrorKind::Stopped,
            text: "was not downloaded, because the run was stopped: export again".to_owned(),
            again: Again::No,
            ..Self::temporary("", None)
        }
    }
}

fn in_words(bytes: u64) -> String {
    const MEGABYTE: u64 = 1024 * 1024;
    if bytes >= MEGABYTE && bytes.is_multiple_of(MEGABYTE) {
        format!("{} MB", bytes / MEGABYTE)
    } else {
        format!("{bytes} bytes")
    }
}
