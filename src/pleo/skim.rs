//! What is kept of an answer that is too large to be read: the ids of its items, and what comes after them.

use std::io::BufReader;
use std::time::{Duration, Instant};

use reqwest::blocking::Response;
use serde::Deserialize;

use crate::host::http::Body;
use crate::host::stop::Stop;

/// The largest answer that is skimmed, in bytes.
const LARGEST: u64 = 256 * 1024 * 1024;

/// Skimming takes no memory, but it takes time: so many times that of a request.
const TIMES: u32 = 10;

/// A list of which only the keys were kept.
#[derive(Debug, Deserialize)]
pub(super) struct Skimmed {
    pub(super) data: Vec<SkimmedItem>,
    pub(super) pagination: SkimmedPagination,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SkimmedItem {
    pub(super) accounting_entry_id: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SkimmedPagination {
    pub(super) has_next_page: bool,
    pub(super) end_cursor: Option<String>,
}

impl Skimmed {
    /// Reads past the items. `None` where even that is too much, or the answer is no list.
    pub(super) fn read(mut response: Response, request_timeout: Duration, stop: &Stop) -> Option<Self> {
        let until = Instant::now() + request_timeout * TIMES;
        let body = Body::new(&mut response, LARGEST, until, Some(stop));
        serde_json::from_reader(BufReader::new(body)).ok()
    }
}
