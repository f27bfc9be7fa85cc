//! Booking a batch: drafts first, all documents of the batch in two calls; read back and compared with the plan;
//! posted together; read back again, since Odoo moves dates out of closed periods by itself; settled at last.
//!
//! A process that dies in between leaves drafts that carry their keys: the next look-up finds the entry incomplete,
//! and booking it again goes on from there. A document names the process that made it until it was compared with its
//! plan, for two processes may be at the same entry. What was compared, and what people did to a document, is never
//! undone: it is told.

use std::collections::{BTreeSet, HashMap};

use serde_json::json;
use tracing::warn;

use super::payments::PaymentEntry;
use super::refusals;
use super::stage::{Event, Stage};
use super::undo;
use super::verify;
use crate::model::document::{Document, PlannedItem, PostingState};
use crate::systems::odoo::api::books::Books;
use crate::systems::odoo::api::errors::{CallError, in_other_hands};
use crate::systems::odoo::api::records::{Id, Identified};
use crate::systems::odoo::before::kinds::Kinds;
use crate::systems::odoo::before::partners::{CreditorIds, Creditors};
use crate::systems::odoo::before::rates::Rates;
use crate::systems::odoo::document::booked::{self, Booked, State};
use crate::systems::odoo::document::key::Key;
use crate::systems::odoo::document::rows::{self, Rows, Surroundings};
use crate::systems::odoo::settings::Settings;
use crate::systems::{BookedEntry, SystemError};

/// A document on its way into the books.
pub(crate) struct Draft<'a> {
    pub(crate) document: &'a Document,
    pub(crate) rows: Rows,
    pub(crate) creditor: Option<CreditorIds>,
    pub(crate) currency: Id,
    pub(crate) stage: Stage,
}

impl<'a> Draft<'a> {
    pub(crate) fn is_to_load(&self, bills: bool) -> bool {
        self.stage == Stage::Absent && self.document.kind.is_bill() == bills
    }

    pub(crate) fn payment(&self, planned: &'a PlannedItem) -> Option<PaymentEntry<'a>> {
        Some(PaymentEntry {
            planned,
            document: self.document,
            id: self.stage.draft().filter(|_| self.document.kind.is_payment())?,
            partner: self.creditor?.partner,
            currency: self.currency,
        })
    }
}

/// An item on its way into the books.
pub(crate) struct Work<'a> {
    pub(crate) planned: &'a PlannedItem,
    pub(crate) drafts: Vec<Draft<'a>>,
    /// Whether anything of it was there before.
    pub(crate) was_there: bool,
    pub(crate) failed: Option<SystemError>,
}

impl Work<'_> {
    /// Takes over where its documents stand, and says why it cannot go on.
    fn look_at(&mut self, now: &HashMap<Id, Booked>, maker: &str, is_final: bool) -> Option<SystemError> {
        let mut failure = None;
        let stands = |draft: &Draft<'_>| {
            draft
                .stage
                .id()
                .and_then(|id| now.get(&id))
                .is_some_and(Booked::counts)
        };
        let does_anything_stand = self.drafts.iter().any(stands);
        for draft in &mut self.drafts {
            let Some(id) = draft.stage.id() else { continue };
            let Some(booked) = now.get(&id) else {
                draft.stage = draft.stage.next(Event::Gone);
                failure = failure.or(Some(in_other_hands()));
                continue;
            };
            let origin = booked.origin.as_ref();
            draft.stage = draft.stage.next(Event::Seen(booked, maker));
            let is_other = origin.is_some_and(|origin| origin.content_hash != self.planned.content_hash);
            let why = match booked.state {
                // Another process booked it from what Pleo said at another time.
                _ if is_other => Some(in_other_hands()),
                // Without its origin the look-up would never see that it is gone.
                _ if !booked.counts() && !does_anything_stand && origin.is_none() => {
                    Some(refusals::gone_and_emptied(booked))
                }
                _ if !booked.counts() && does_anything_stand => Some(refusals::gone(booked)),
                _ if !booked.counts() => Some(in_other_hands()),
                // Beside a journal entry a payment would move the money again.
                _ if booked.is_bill() != draft.document.kind.is_bill() => {
                    Some(verify::changed(&booked.number))
                }
                State::Draft if is_final && booked.was_posted => {
                    Some(refusals::reset_to_draft(&booked.number))
                }
                _ => None,
            };
            failure = failure.or(why);
        }
        failure
    }

    /// The documents that are there.
    pub(crate) fn ids(&self) -> impl Iterator<Item = Id> {
        self.drafts.iter().filter_map(|draft| draft.stage.id())
    }
}

/// Everything a batch is booked with.
pub(crate) struct Booking<'a, 'b> {
    pub(crate) books: Books<'b>,
    pub(crate) settings: &'b Settings,
    /// This process, as documents that it made name it.
    pub(crate) maker: &'b str,
    pub(crate) works: Vec<Work<'a>>,
    /// Where the documents stood when they were last looked at.
    pub(crate) booked: HashMap<Id, Booked>,
}

/// Books the items, one answer for each.
pub(crate) fn book(
    books: Books<'_>,
    settings: &Settings,
    maker: &str,
    items: &[PlannedItem],
) -> Result<Vec<Result<BookedEntry, SystemError>>, SystemError> {
    let existing = booked::by_entry(books, items.iter().map(PlannedItem::entry_id))?;
    let works = plan_rows(books, settings, maker, items, existing)?;
    let mut booking = Booking {
        books,
        settings,
        maker,
        works,
        booked: HashMap::new(),
    };
    booking.load();
    booking.refresh();
    booking.verify();
    booking.register_payments();
    // Last, for from now on nobody looks at the drafts again.
    booking.mark_checked();
    if settings.posting == PostingState::Final {
        booking.refuse_closed();
        booking.post();
        booking.refresh();
        booking.check_dates();
        booking.settle();
    }
    Ok(booking.answers())
}

/// The rows of every document, and which of them are there already.
fn plan_rows<'a>(
    books: Books<'_>,
    settings: &Settings,
    maker: &str,
    items: &'a [PlannedItem],
    existing: Vec<Booked>,
) -> Result<Vec<Work<'a>>, SystemError> {
    let by_key: HashMap<&Key, Id> = existing.iter().map(|booked| (&booked.key, booked.id)).collect();
    let creditors = Creditors::of(books, settings.create_vendors, items)?;
    let rates = Rates::read(books, items.iter().map(|item| item.item.amount.currency))?;
    let included_taxes = included_taxes(books, items)?;
    let kinds = Kinds::read(books, items)?;
    let draft = |planned: &'a PlannedItem, document: &'a Document| {
        let creditor = creditors.creditor(document)?;
        kinds.check(document, creditor)?;
        let rate = rates.on(planned.item.amount.currency, document.posting_date)?;
        let around = Surroundings {
            company: books.company,
            maker,
            creditor,
            creditors: &creditors,
            rate,
            included_taxes: &included_taxes,
        };
        let key = rows::key(planned, document);
        Ok(Draft {
            document,
            rows: rows::rows(planned, document, around)?,
            creditor,
            currency: around.currency(),
            // Until it is looked at.
            stage: by_key.get(&key).map_or(Stage::Absent, |id| Stage::Left(*id)),
        })
    };
    Ok(items
        .iter()
        .map(|planned| {
            let drafts = match refusals::unplanned(planned, &existing, &settings.url) {
                Some(error) => Err(error),
                None => planned
                    .documents
                    .iter()
                    .map(|document| draft(planned, document))
                    .collect(),
            };
            let (drafts, failed) = match drafts {
                Ok(drafts) => (drafts, None),
                Err(error) => (Vec::new(), Some(error)),
            };
            Work {
                planned,
                was_there: drafts.iter().any(|draft| draft.stage != Stage::Absent),
                drafts,
                failed,
            }
        })
        .collect())
}

/// The taxes of a batch whose prices include them.
fn included_taxes(books: Books<'_>, items: &[PlannedItem]) -> Result<BTreeSet<Id>, SystemError> {
    let postings = items
        .iter()
        .flat_map(|item| &item.documents)
        .flat_map(|document| &document.postings);
    let used: BTreeSet<Id> = postings
        .filter_map(|posting| rows::tax_id(posting).ok()?)
        .collect();
    let domain = json!([["id", "in", used], ["price_include", "=", true]]);
    let found: Vec<Identified> = books.search("account.tax", domain, &["id"])?;
    Ok(found.into_iter().map(|tax| tax.id).collect())
}

impl<'a> Booking<'a, '_> {
    /// Where each document stands now. One that counts no more still has its key, so nothing can take its place.
    pub(crate) fn refresh(&mut self) {
        let ids: BTreeSet<Id> = self.works.iter().flat_map(Work::ids).collect();
        match booked::by_id(self.books, &ids) {
            Ok(found) => self.booked = found.into_iter().map(|booked| (booked.id, booked)).collect(),
            Err(error) => return self.fail_all(&error.or_unknown()),
        }
        let is_final = self.settings.posting == PostingState::Final;
        for work in &mut self.works {
            let failure = work.look_at(&self.booked, self.maker, is_final);
            work.failed = work.failed.take().or(failure);
        }
        self.discard_failed();
    }

    /// The documents of items that have not failed.
    pub(crate) fn drafts(&self) -> impl Iterator<Item = &Draft<'a>> {
        self.works
            .iter()
            .filter(|work| work.failed.is_none())
            .flat_map(|work| &work.drafts)
    }

    /// The ids of the documents of items that have not failed.
    pub(crate) fn ids(&self) -> BTreeSet<Id> {
        self.drafts().filter_map(|draft| draft.stage.id()).collect()
    }

    /// The item of this document fails.
    pub(crate) fn fail(&mut self, id: Id, error: SystemError) {
        let mut works = self.works.iter_mut();
        if let Some(work) = works.find(|work| work.failed.is_none() && work.ids().any(|own| own == id)) {
            work.failed = Some(error);
        }
    }

    /// Every item that has not failed yet fails.
    pub(crate) fn fail_all(&mut self, error: &SystemError) {
        for work in self.works.iter_mut().filter(|work| work.failed.is_none()) {
            work.failed = Some(error.clone());
        }
    }

    /// Takes back the drafts that this call made for items that were refused, so that nothing of them is booked. What
    /// stays is told by its name.
    pub(crate) fn discard_failed(&mut self) {
        let mut unanswered: Option<SystemError> = None;
        for work in &mut self.works {
            if !matches!(
                work.failed,
                Some(SystemError::Rejected { .. } | SystemError::Fatal { .. })
            ) {
                continue;
            }
            let ids: BTreeSet<Id> = work
                .drafts
                .iter()
                .filter_map(|draft| draft.stage.ours())
                .collect();
            if ids.is_empty() {
                continue;
            }
            let left = match &unanswered {
                Some(error) => Err(error.clone()),
                None => undo::take_back(self.books, &ids).map_err(CallError::or_unknown),
            };
            let left = match left {
                Ok(left) => left,
                Err(error) => {
                    work.failed = Some(error.clone());
                    unanswered = Some(error);
                    continue;
                }
            };
            let mut left: HashMap<Id, Booked> = left.into_iter().map(|booked| (booked.id, booked)).collect();
            for draft in &mut work.drafts {
                let Some(id) = draft.stage.ours() else { continue };
                let Some(booked) = left.remove(&id) else {
                    draft.stage = draft.stage.next(Event::Gone);
                    continue;
                };
                warn!("{} could not be taken back", booked.number);
                draft.stage = draft.stage.next(Event::Seen(&booked, self.maker));
                if booked.state == State::Posted {
                    work.failed = Some(in_other_hands());
                }
                self.booked.insert(id, booked);
            }
        }
    }

    /// What became of each item.
    fn answers(self) -> Vec<Result<BookedEntry, SystemError>> {
        let (base, posting, booked) = (&self.settings.url, self.settings.posting, &self.booked);
        let answer = |work: Work<'_>| {
            let own: Vec<&Booked> = work.ids().filter_map(|id| booked.get(&id)).collect();
            let standing: Vec<&Booked> = own.iter().copied().filter(|document| document.counts()).collect();
            match work.failed {
                None => {}
                // A draft is there, so it is not true that nothing is.
                Some(SystemError::Unavailable { reason }) if work.ids().next().is_some() => {
                    return Err(SystemError::Unknown { reason });
                }
                Some(SystemError::Rejected { failure_type, reason }) => {
                    return Err(match booked::entry(base, &standing) {
                        Some(booked) => SystemError::BookedWrong {
                            booked: Box::new(booked),
                            failure_type,
                            reason,
                        },
                        // What the look-up saw is no more: it must look again before anything is said.
                        None if work.was_there => in_other_hands(),
                        None => SystemError::Rejected { failure_type, reason },
                    });
                }
                Some(error) => return Err(error),
            }
            let is_wanted =
                |booked: &&Booked| booked.state == State::Posted || posting == PostingState::Draft;
            let is_whole = own.len() == work.drafts.len() && own.iter().all(is_wanted);
            booked::entry(base, &own)
                .filter(|_| is_whole)
                .ok_or_else(|| SystemError::Unknown {
                    reason: "Odoo does not show the entry as it was booked".into(),
                })
        };
        self.works.into_iter().map(answer).collect()
    }
}
