//! One receipt: its tries, its redirects, its way onto the disk.
//!
//! Tried again: no connection, a silent or broken one, the statuses of [`crate::host::retry`], and a few times a web page
//! in the receipt's place or less than the whole of it. Not tried again: an address that works no more, and whatever will
//! be the same next time. All tries share the patience that their item has.

use std::io::Write as _;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use reqwest::blocking::{Client, Response};
use reqwest::header::{CONTENT_TYPE, LOCATION};
use reqwest::{StatusCode, Url};

use super::content::{self, Format, Unusable};
use super::error::{ReceiptError, ReceiptErrorKind};
use super::patience::Round;
use super::trouble::{Again, Trouble};
use super::{Fetcher, Kept, WantedReceipt, file_name};
use crate::host::digest::Hash;
use crate::host::files::{Action, FileError, PartFile};
use crate::host::http::{self, Body};
use crate::host::kill;
use crate::host::retry::{Next, Retry};
use crate::host::server_url::is_loopback;
use crate::host::waiting::waiting_for;
use crate::model::document::Receipt;

/// How many redirects are followed.
const REDIRECTS: usize = 5;

/// What a request brought.
enum Came {
    Receipt(Kept),
    Redirect(Url),
}

impl Fetcher {
    /// Fetches one receipt with as many tries as patience allows.
    pub(super) fn fetch_one<'a>(
        &self,
        wanted: &WantedReceipt<'a>,
        round: &Round<'a>,
    ) -> Result<Kept, ReceiptError> {
        let url = Url::parse(&wanted.file.url)
            .map_err(|_| Trouble::not_downloadable("Pleo gave no address that can be read").with(wanted))?;
        // What it takes to make the client is not taken from the patience with the host.
        self.client_for(&url).map_err(|trouble| trouble.with(wanted))?;
        let share = self.hosts.share(host_of(&url), self.settings.give_up_after);
        let (began, give_up_at) = (Instant::now(), round.ends(wanted.entry_id, share));
        let patience = give_up_at.saturating_duration_since(began);
        if patience.is_zero() {
            let trouble = Trouble::stalled("the receipts before it took too long");
            return Err(trouble.at_the_end_of(round, give_up_at).with(wanted));
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
                        return Err(trouble.with(wanted));
                    }
                    None
                }
                Again::No => return Err(trouble.with(wanted)),
            };
            let now = Instant::now();
            let wait = match retry.failed(now, asked) {
                Next::Wait(wait)
                    if !round.is_over_at(now) && wait < give_up_at.saturating_duration_since(now) =>
                {
                    wait
                }
                _ => return Err(trouble.at_the_end_of(round, give_up_at).with(wanted)),
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
                .map_err(|stopped| Trouble::from(stopped).with(wanted))?;
        }
    }

    /// One try, redirects included, and what it says of the hosts.
    fn download(
        &self,
        wanted: &WantedReceipt<'_>,
        mut url: Url,
        give_up_at: Instant,
    ) -> Result<Kept, Trouble> {
        for _ in 0..=REDIRECTS {
            self.stop.check()?;
            self.gate.admit(&url).map_err(Trouble::refused)?;
            let answered = self.ask(&url, give_up_at);
            let has_answered = answered.is_ok();
            let came = answered.and_then(|response| self.take(wanted, &url, response, give_up_at));
            let has_stalled = |trouble: &Trouble| trouble.kind == ReceiptErrorKind::Stalled;
            if has_answered && !came.as_ref().is_err_and(has_stalled) {
                self.hosts.answered(host_of(&url));
            } else {
                self.hosts.unanswered(host_of(&url));
            }
            match came? {
                Came::Receipt(receipt) => return Ok(receipt),
                Came::Redirect(to) => url = to,
            }
        }
        Err(Trouble::not_downloadable("its address leads on and on"))
    }

    fn ask(&self, url: &Url, give_up_at: Instant) -> Result<Response, Trouble> {
        let left = give_up_at.saturating_duration_since(Instant::now());
        kill::point("before request");
        let _waiting = waiting_for(format!("a receipt from {}", url.host_str().unwrap_or("its host")));
        let request = self.client_for(url)?.get(url.clone());
        let response = request.timeout(left.min(self.settings.timeout)).send();
        kill::point("response");
        response.map_err(Trouble::of_request)
    }

    /// What an answer brings.
    fn take(
        &self,
        wanted: &WantedReceipt<'_>,
        url: &Url,
        response: Response,
        give_up_at: Instant,
    ) -> Result<Came, Trouble> {
        match response.status() {
            StatusCode::OK => self.store(wanted, url, response, give_up_at).map(Came::Receipt),
            status if status.is_redirection() => redirected(url, &response).map(Came::Redirect),
            _ => Err(Trouble::of_status(&response)),
        }
    }

    /// The client for this address. It is made once, as reading the system's certificates takes long, and whoever else needs
    /// it waits.
    fn client_for(&self, url: &Url) -> Result<Client, Trouble> {
        let (client, builder) = if is_loopback(url) {
            (&self.loopback, http::client_builder().no_proxy())
        } else {
            (&self.client, http::client_builder())
        };
        let mut client = client.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = &*client {
            return Ok(client.clone());
        }
        let builder = builder
            .timeout(self.settings.timeout)
            .dns_resolver(Arc::clone(&self.gate));
        let built = builder.build().map_err(|error| Trouble::without_client(&error))?;
        Ok(client.insert(built).clone())
    }

    /// Streams the body to the disk under the name of its content.
    fn store(
        &self,
        wanted: &WantedReceipt<'_>,
        url: &Url,
        mut response: Response,
        give_up_at: Instant,
    ) -> Result<Kept, Trouble> {
        if response
            .content_length()
            .is_some_and(|length| length > self.settings.largest)
        {
            return Err(Trouble::too_large(self.settings.largest));
        }
        let hints = hints(wanted, url, &response);
        let mut part = PartFile::new(&self.settings.folder)?;
        let (sha256, size) = self.copy(&mut response, &mut part, give_up_at)?;
        if size == 0 {
            return Err(Trouble::not_downloadable("the file is empty"));
        }
        let format =
            content::detect(&mut part.file, &hints).map_err(FileError::at(Action::Read, &part.path))?;
        // Half of a file may look like none, but a web page in its place is one.
        match wanted.file.size.filter(|stated| size < *stated) {
            Some(stated) if format != Err(Unusable::WebPage) => return Err(Trouble::cut_short(size, stated)),
            _ => {}
        }
        let format = format?;
        let path = self
            .settings
            .folder
            .join(format!("{sha256}.{}", format.extension()));
        let receipt = Receipt {
            sha256,
            file_name: file_name::safe(file_name::last_segment(url), wanted.number, format),
            media_type: format.media_type().to_owned(),
            size,
            path,
        };
        Ok(Kept::new(part, receipt, &self.shared)?)
    }

    /// Copies the body, and answers its hash in hex and its size in bytes.
    fn copy(
        &self,
        response: &mut Response,
        part: &mut PartFile,
        give_up_at: Instant,
    ) -> Result<(String, u64), Trouble> {
        let mut hash = Hash::default();
        let mut size: u64 = 0;
        let mut body = Body::new(response, self.settings.largest, give_up_at, Some(&self.stop));
        body.pieces(|piece| {
            size += u64::try_from(piece.len()).unwrap_or(u64::MAX);
            hash.update(piece);
            let written = part.file.write_all(piece);
            written.map_err(|error| Trouble::from(FileError::at(Action::Write, &part.path)(error)))
        })?;
        Ok((hash.hex(), size))
    }
}

fn redirected(from: &Url, response: &Response) -> Result<Url, Trouble> {
    http::header(response, &LOCATION)
        .and_then(|location| from.join(location).ok())
        .ok_or_else(|| Trouble::not_downloadable("its address leads nowhere"))
}

fn host_of(url: &Url) -> &str {
    url.host_str().unwrap_or_default()
}

/// What Pleo, the host and the address say the file is.
fn hints(wanted: &WantedReceipt<'_>, url: &Url, response: &Response) -> Vec<Format> {
    let from_pleo = wanted.file.media_type.as_deref().and_then(Format::from_hint);
    let from_host = http::header(response, &CONTENT_TYPE).and_then(Format::from_hint);
    [from_pleo, from_host, file_name::hint(url)]
        .into_iter()
        .flatten()
        .collect()
}
