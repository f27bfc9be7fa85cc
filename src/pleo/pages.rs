//! Lists of Pleo's, read page by page.

use super::error::PleoError;
use super::heard::Exchange;
use super::paging::{PAGE_SIZE, Pager};
use super::request::{Action, Asked, Request};
use super::skim::Skimmed;
use super::transport::{Answered, Transport};
use super::wire::{Field, Malformed, Page};

/// More than any list of accounts or taxes has.
const LONGEST_LIST: usize = 100_000;

/// A list that is read page by page.
pub(super) struct List<'a> {
    segments: &'a [&'a str],
    filter: &'a [(&'a str, &'a str)],
    /// What is asked for, where it stands in a body.
    search: Option<String>,
    /// How often each page is asked for.
    pub(super) asked: Asked,
}

impl<'a> List<'a> {
    pub(super) const fn new(segments: &'a [&'a str], filter: &'a [(&'a str, &'a str)]) -> Self {
        Self {
            segments,
            filter,
            search: None,
            asked: Asked::Patiently,
        }
    }

    /// A list that is asked for by a body.
    pub(super) const fn searched(
        segments: &'a [&'a str],
        filter: &'a [(&'a str, &'a str)],
        search: String,
    ) -> Self {
        Self {
            segments,
            filter,
            search: Some(search),
            asked: Asked::Patiently,
        }
    }

    fn action(&self) -> Action<'static> {
        match &self.search {
            None => Action::Read,
            Some(body) => Action::Search(body.clone()),
        }
    }

    /// The error for a list that cannot be read.
    pub(super) fn contract(&self, problem: &dyn std::fmt::Display) -> PleoError {
        let request = Request {
            action: self.action(),
            segments: self.segments,
            query: self.filter,
        };
        request.contract(problem)
    }
}

impl Transport {
    /// The whole of a list that fits into memory. More than any company has is an error.
    pub(super) fn all<T>(
        &self,
        list: &List<'_>,
        read: impl Fn(&Field<'_>) -> Result<T, Malformed>,
    ) -> Result<Vec<T>, PleoError> {
        let mut all = Vec::new();
        self.pages(list, read, None, |page| {
            all.extend(page);
            if all.len() > LONGEST_LIST {
                let problem = format!("the list has more than {LONGEST_LIST} elements");
                return Err(list.contract(&problem));
            }
            Ok::<_, PleoError>(())
        })?;
        Ok(all)
    }

    /// Reads a list to its end, one page in memory at a time. An element that cannot be read is left aside: it must
    /// not hide the others. `too_large` makes an element of the key of one that is larger than any is read; without it
    /// such a one is an error. Answers the exchange that brought the first page.
    pub(super) fn pages<T, E: From<PleoError>>(
        &self,
        list: &List<'_>,
        read: impl Fn(&Field<'_>) -> Result<T, Malformed>,
        too_large: Option<fn(String) -> T>,
        mut on_page: impl FnMut(Vec<T>) -> Result<(), E>,
    ) -> Result<Exchange, E> {
        let mut first = None;
        let mut pager = Pager::default();
        let mut cursor: Option<String> = None;
        let mut limit = PAGE_SIZE;
        loop {
            let limit_text = limit.to_string();
            let mut query = list.filter.to_vec();
            query.push(("limit", &limit_text));
            query.extend(cursor.as_deref().map(|cursor| ("after", cursor)));
            let request = Request {
                action: list.action(),
                segments: list.segments,
                query: &query,
            };
            let (next, exchange) = match self.send_as(list.asked, &request) {
                Ok(Answered { body, exchange }) => {
                    let page = Page::read(&body).map_err(|problem| request.contract(&problem))?;
                    let next = pager.next(&page).map_err(|problem| request.contract(&problem))?;
                    let elements = page.elements.iter().map(&read);
                    on_page(
                        elements
                            .filter_map(|element| readable(&request, element))
                            .collect(),
                    )?;
                    limit = limit.saturating_mul(2).min(PAGE_SIZE);
                    (next, exchange)
                }
                // Fewer items at a time, down to one.
                Err(PleoError::TooLarge { .. }) if limit > 1 => {
                    limit = (limit / 4).max(1);
                    continue;
                }
                Err(error @ PleoError::TooLarge { .. }) => {
                    let too_large = too_large.ok_or(error)?;
                    let (keys, next, exchange) = self.skimmed(&request, &mut pager)?;
                    on_page(keys.into_iter().map(too_large).collect())?;
                    (next, exchange)
                }
                Err(error) => return Err(error.into()),
            };
            let first = *first.get_or_insert(exchange);
            match next {
                Some(next) => cursor = Some(next),
                None => return Ok(first),
            }
        }
    }

    /// The keys on a page that is too large to be read, the cursor of the one after it, and the exchange that brought them.
    fn skimmed(
        &self,
        request: &Request<'_>,
        pager: &mut Pager,
    ) -> Result<(Vec<String>, Option<String>, Exchange), PleoError> {
        let (Skimmed { data, pagination }, exchange) = self.skim(request)?;
        let next = pager.after(data.is_empty(), pagination.has_next_page, pagination.end_cursor);
        let next = next.map_err(|problem| request.contract(&problem))?;
        let keys = data.into_iter().map(|item| item.accounting_entry_id);
        Ok((keys.collect(), next, exchange))
    }
}

fn readable<T>(request: &Request<'_>, element: Result<T, Malformed>) -> Option<T> {
    match element {
        Ok(element) => Some(element),
        Err(problem) => {
            tracing::warn!("{}; left aside", request.contract(&problem));
            None
        }
    }
}
