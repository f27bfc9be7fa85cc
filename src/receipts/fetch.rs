//! One receipt: its tries, its redirects, its way onto the disk.
//!
//! Tried again: no connection, a silent or broken one, the statuses of [`crate::host::retry`], and a few times a web page
//! in the receipt's place or less than the whole of it. Not tried again: an address that works no more, and whatever will
//! be the same next time. All tries share the patience that their item has.

use std::error::Error;
use std::io::{ErrorKind, Read, Write as _};
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use reqwest::blocking::Response;
use reqwest::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER};
use reqwest::{StatusCode, Url};
use sha2::{Digest, Sha256};

use super::address::Refusal;
use super::content::{self, Format, Unusable};
use super::patience::Round;
use super::{Fetcher, ReceiptError, ReceiptErrorKind, Wanted, file_name};
use crate::host::files::{FileError, Part};
use crate::host::retry::{self, Next, Retry};
use crate::host::stop::Stopped;
use crate::host::{clock, digest, http, kill};
use crate::model::document::Receipt;
use crate::model::verdict::ItemFailureType;

/// How many redirects are followed.
const REDIRECTS: usize = 5;

/// How often a web page is taken for a host's bad moment before it is what the address has.
const WEB_PAGES: u32 = 3;

/// How often less than the whole of a receipt may come before that is all there is.
const CUT_SHORT: u32 = 2;

/// Why a try failed.
#[derive(Debug)]
struct Trouble {
    kind: ReceiptErrorKind,
    failure_type: ItemFailureType,
    /// The sentence that begins with "Receipt 2 of 3".
    text: String,
    again: Again,
}

/// Whether a try is worth another.
#[derive(Clone, Copy, Debug)]
enum Again {
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
    fn stalled(cause: &str) -> Self {
        Self {
            kind: ReceiptErrorKind::Stalled,
            ..Self::temporary(cause, None)
        }
    }

    /// The same, where the time was over for more than this receipt.
    fn at_the_end_of(self, round: &Round<'_>, given_up_at: Instant) -> Self {
        let kind = if round.is_over_at(given_up_at) {
            ReceiptErrorKind::OutOfTime
        } else {
            self.kind
        };
        Self { kind, ..self }
    }

    fn expired(status: StatusCode) -> Self {
        Self {
            kind: ReceiptErrorKind::Expired,
            failure_type: ItemFailureType::ReceiptDownloadFailure,
            text: format!(
                "could not be downloaded ({}), its address has expired: export again",
                status.as_u16()
            ),
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

    fn not_downloadable(cause: &str) -> Self {
        Self::last(
            ItemFailureType::ReceiptDownloadFailure,
            format!("could not be downloaded ({cause}): upload it again in Pleo"),
        )
    }

    /// Pleo says how large the file is, so less of it is not the receipt.
    fn cut_short(size: u64, stated: u64) -> Self {
        Self {
            again: Again::Within(CUT_SHORT),
            ..Self::not_downloadable(&format!("only {size} of its {stated} bytes came"))
        }
    }

    fn refused(refusal: Refusal) -> Self {
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

/// What a request brought.
enum Came {
    Receipt(Receipt),
    Redirect(Url),
}

impl Fetcher {
    /// Fetches one receipt with as many tries as patience allows.
    pub(super) fn fetch_one<'a>(
        &self,
        wanted: &Wanted<'a>,
        round: &Round<'a>,
    ) -> Result<Receipt, ReceiptError> {
        let url = Url::parse(&wanted.file.url).map_err(|_| {
            said_of(
                wanted,
                Trouble::not_downloadable("Pleo gave no address that can be read"),
            )
        })?;
        let share = self.hosts.share(host_of(&url), self.settings.give_up_after);
        let (began, give_up_at) = (Instant::now(), round.ends(wanted.entry_id, share));
        let patience = give_up_at.saturating_duration_since(began);
        if patience.is_zero() {
            let trouble = Trouble::stalled("the receipts before it took too long");
            return Err(said_of(wanted, trouble.at_the_end_of(round, give_up_at)));
        }
        let mut odd_answers = 0;
        let mut retry = Retry::new(began, patience, fastrand::Rng::new());
        loop {
            let trouble = match self.download(wanted, url.clone(), give_up_at) {
                Ok(receipt) => return Ok(receipt),
                Err(trouble) => trouble,
            };
            let asked = match trouble.again {
                Again::Yes(asked) => asked,
                Again::Within(tries) => {
                    odd_answers += 1;
                    if odd_answers >= tries {
                        return Err(said_of(wanted, trouble));
                    }
                    None
                }
                Again::No => return Err(said_of(wanted, trouble)),
            };
            let now = Instant::now();
            let wait = match retry.failed(now, asked) {
                Next::Wait(wait) if wait < give_up_at.saturating_duration_since(now) => wait,
                _ => return Err(said_of(wanted, trouble.at_the_end_of(round, give_up_at))),
            };
            tracing::debug!(
                item.id = %wanted.entry_id,
                "receipt {} of {} {}; next try in {} ms",
                wanted.number,
                wanted.of,
                trouble.text,
                wait.as_millis()
            );
            self.stop
                .wait(wait)
                .map_err(|stopped| said_of(wanted, stopped.into()))?;
        }
    }

    /// One try, redirects included, and what it says of the hosts.
    fn download(&self, wanted: &Wanted<'_>, mut url: Url, give_up_at: Instant) -> Result<Receipt, Trouble> {
        for _ in 0..=REDIRECTS {
            let step = self.step(wanted, &url, give_up_at);
            match &step {
                Err(trouble) if trouble.kind == ReceiptErrorKind::Stalled => {
                    self.hosts.timed_out(host_of(&url));
                }
                _ => self.hosts.answered(host_of(&url)),
            }
            match step? {
                Came::Receipt(receipt) => return Ok(receipt),
                Came::Redirect(to) => url = to,
            }
        }
        Err(Trouble::not_downloadable("its address leads on and on"))
    }

    fn step(&self, wanted: &Wanted<'_>, url: &Url, give_up_at: Instant) -> Result<Came, Trouble> {
        self.stop.check()?;
        self.gate.admit(url).map_err(Trouble::refused)?;
        let left = give_up_at.saturating_duration_since(Instant::now());
        kill::point("before request");
        let client = if http::is_loopback(url) {
            &self.loopback
        } else {
            &self.client
        };
        let request = client.get(url.clone());
        let response = request.timeout(left.min(self.settings.timeout)).send();
        kill::point("response");
        let response = response.map_err(|error| of_request(&error))?;
        match response.status() {
            StatusCode::OK => self.store(wanted, url, response, give_up_at).map(Came::Receipt),
            status if status.is_redirection() => redirected(url, &response).map(Came::Redirect),
            status => Err(of_status(status, &response)),
        }
    }

    /// Streams the body to the disk under the name of its content.
    fn store(
        &self,
        wanted: &Wanted<'_>,
        url: &Url,
        mut response: Response,
        give_up_at: Instant,
    ) -> Result<Receipt, Trouble> {
        if response
            .content_length()
            .is_some_and(|length| length > self.settings.largest)
        {
            return Err(self.too_large());
        }
        let hints = hints(wanted, url, &response);
        let mut part = Part::new(&self.settings.folder)?;
        let (sha256, size) = self.copy(&mut response, &mut part, give_up_at)?;
        if size == 0 {
            return Err(Trouble::not_downloadable("the file is empty"));
        }
        let format = content::detect(&mut part.file, &hints).map_err(FileError::at("read", &part.path))?;
        // Half of a file may look like none, but a web page in its place is one.
        match wanted.file.size.filter(|stated| size < *stated) {
            Some(stated) if format != Err(Unusable::WebPage) => return Err(Trouble::cut_short(size, stated)),
            _ => {}
        }
        let format = format.map_err(unusable)?;
        let path = self
            .settings
            .folder
            .join(format!("{sha256}.{}", format.extension()));
        // Held until the file counts, so that nobody lets go of the same content meanwhile.
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        part.keep_as(&path)?;
        *shared.entry(path.clone()).or_default() += 1;
        Ok(Receipt {
            sha256,
            file_name: file_name::safe(file_name::last_segment(url), wanted.number, format),
            media_type: format.media_type().to_owned(),
            size,
            path,
        })
    }

    /// Copies the body, and answers its hash in hex and its size in bytes.
    fn copy(
        &self,
        response: &mut Response,
        part: &mut Part,
        give_up_at: Instant,
    ) -> Result<(String, u64), Trouble> {
        let mut hash = Sha256::new();
        let mut size: u64 = 0;
        let mut buffer = vec![0; 64 * 1024];
        loop {
            self.stop.check()?;
            if Instant::now() >= give_up_at {
                return Err(Trouble::stalled("it took too long"));
            }
            let read = response.read(&mut buffer).map_err(|error| of_read(&error))?;
            let piece = buffer.get(..read).unwrap_or_default();
            if piece.is_empty() {
                break;
            }
            size += u64::try_from(read).unwrap_or(u64::MAX);
            if size > self.settings.largest {
                return Err(self.too_large());
            }
            hash.update(piece);
            part.file
                .write_all(piece)
                .map_err(FileError::at("write", &part.path))?;
        }
        Ok((digest::hex(&hash.finalize()), size))
    }

    fn too_large(&self) -> Trouble {
        Trouble::last(
            ItemFailureType::ReceiptFileSizeLimitExceeded,
            format!(
                "is larger than {}: upload a smaller file in Pleo",
                in_words(self.settings.largest)
            ),
        )
    }
}

fn said_of(wanted: &Wanted<'_>, trouble: Trouble) -> ReceiptError {
    ReceiptError {
        kind: trouble.kind,
        failure_type: trouble.failure_type,
        reason: format!("Receipt {} of {} {}.", wanted.number, wanted.of, trouble.text),
    }
}

fn redirected(from: &Url, response: &Response) -> Result<Url, Trouble> {
    response
        .headers()
        .get(LOCATION)
        .and_then(|location| location.to_str().ok())
        .and_then(|location| from.join(location).ok())
        .ok_or_else(|| Trouble::not_downloadable("its address leads nowhere"))
}

fn of_request(error: &reqwest::Error) -> Trouble {
    let mut cause: Option<&dyn Error> = Some(error);
    while let Some(one) = cause {
        if let Some(refusal) = one.downcast_ref::<Refusal>() {
            return Trouble::refused(*refusal);
        }
        cause = one.source();
    }
    if error.is_timeout() {
        return Trouble::stalled("the host did not answer in time");
    }
    let cause = if error.is_connect() {
        "the host could not be reached"
    } else {
        "the connection broke off"
    };
    Trouble::temporary(cause, None)
}

/// A body that ended before its time.
fn of_read(error: &std::io::Error) -> Trouble {
    if http::is_falsely_encoded(error) {
        return Trouble::not_downloadable("its host says that it is compressed, which it is not");
    }
    let inner = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<reqwest::Error>());
    if error.kind() == ErrorKind::TimedOut || inner.is_some_and(reqwest::Error::is_timeout) {
        Trouble::stalled("the host fell silent")
    } else {
        Trouble::temporary("the connection broke off", None)
    }
}

fn host_of(url: &Url) -> &str {
    url.host_str().unwrap_or_default()
}

fn of_status(status: StatusCode, response: &Response) -> Trouble {
    let number = status.as_u16();
    match number {
        // Hosts disagree on how they refuse a signature that has run out.
        400 | 401 | 403 | 410 => Trouble::expired(status),
        _ if retry::is_temporary(number) => {
            let asked = response
                .headers()
                .get(RETRY_AFTER)
                .and_then(|value| value.to_str().ok())
                .and_then(|text| retry::retry_after(text, clock::now()));
            Trouble::temporary(&number.to_string(), asked)
        }
        500.. => Trouble {
            again: Again::No,
            ..Trouble::temporary(&number.to_string(), None)
        },
        _ => Trouble::not_downloadable(&number.to_string()),
    }
}

/// What Pleo, the host and the address say the file is.
fn hints(wanted: &Wanted<'_>, url: &Url, response: &Response) -> Vec<Format> {
    let from_pleo = wanted.file.media_type.as_deref().and_then(Format::from_hint);
    let from_host = response
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(Format::from_hint);
    [from_pleo, from_host, file_name::hint(url)]
        .into_iter()
        .flatten()
        .collect()
}

fn unusable(why: Unusable) -> Trouble {
    match why {
        Unusable::WebPage => Trouble {
            again: Again::Within(WEB_PAGES),
            ..Trouble::not_downloadable("there was a web page in its place")
        },
        Unusable::UnknownFormat => Trouble::last(
            ItemFailureType::ReceiptConversionFailure,
            "is of a format that cannot be kept: upload it in Pleo as pdf, png, jpg, doc, docx, xls, xlsx or txt"
                .to_owned(),
        ),
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
