//! The second half of a booking, for final entries: posting, and what follows from it.

use std::collections::BTreeSet;

use tracing::warn;

use super::payments;
use super::script::Booking;
use super::settle;
use super::stage::{Event, Stage};
use crate::model::document::Document;
use crate::model::verdict::ItemFailureType;
use crate::systems::SystemError;
use crate::systems::odoo::api::errors::{CallError, for_a_person, in_other_hands};
use crate::systems::odoo::api::records::Id;
use crate::systems::odoo::before::locks::Locks;
use crate::systems::odoo::document::booked::{self, Booked, State};

impl Booking<'_, '_> {
    /// Odoo would post into a closed period with another date: refused here, in case it was closed since the plan.
    pub(crate) fn refuse_closed(&mut self) {
        let locks = match Locks::read(self.books) {
            Ok(locks) => locks,
            Err(error) => return self.fail_all(&error.for_reading()),
        };
        for work in self.works.iter_mut().filter(|work| work.failed.is_none()) {
            let closed = work
                .drafts
                .iter()
                .filter(|draft| draft.stage.draft().is_some())
                .find_map(|draft| Some((draft.document, locks.closes(draft.document)?)));
            if let Some((document, closed)) = closed {
                work.failed = Some(closed_period(
                    document,
                    &format!("Odoo's books are closed until {closed}"),
                ));
            }
        }
        self.discard_failed();
    }

    /// Posts all drafts in one call; item by item when Odoo rejects one of them, as long as it answers.
    pub(crate) fn post(&mut self) {
        let drafts: Vec<Vec<Id>> = self
            .works
            .iter()
            .filter(|work| work.failed.is_none())
            .map(|work| {
                let drafts = work.drafts.iter();
                drafts.filter_map(|draft| draft.stage.draft()).collect::<Vec<_>>()
            })
            .filter(|ids| !ids.is_empty())
            .collect();
        match self.post_ids(&drafts.concat()) {
            Ok(()) => {}
            Err(mut error) => {
                for ids in drafts {
                    if error.is_answered() {
                        match self.post_ids(&ids) {
                            Ok(()) => continue,
                            Err(own) => error = own,
                        }
                    }
                    self.not_posted(&ids, error.clone());
                }
            }
        }
        self.discard_failed();
    }

    /// Odoo also refuses to post what is posted already, by another process or a person.
    fn not_posted(&mut self, ids: &[Id], error: CallError) {
        let Some(first) = ids.first() else { return };
        if !error.is_answered() {
            return self.fail(*first, error.for_item());
        }
        let all: BTreeSet<Id> = ids.iter().copied().collect();
        match booked::by_id(self.books, &all) {
            Ok(found) if found.iter().all(|booked| booked.state == State::Posted) => {}
            Ok(found) if found.iter().any(|booked| booked.state != State::Draft) => {
                self.fail(*first, in_other_hands());
            }
            Ok(_) => self.fail(*first, error.for_item()),
            Err(error) => self.fail(*first, error.or_unknown()),
        }
    }

    fn post_ids(&mut self, ids: &[Id]) -> Result<(), CallError> {
        self.books.act("account.move", "action_post", ids)?;
        for draft in self.works.iter_mut().flat_map(|work| &mut work.drafts) {
            if draft.stage.id().is_some_and(|id| ids.contains(&id)) {
                draft.stage = draft.stage.next(Event::Posted);
            }
        }
        Ok(())
    }

    /// A date that moved by itself is told: what is posted is never taken back.
    pub(crate) fn check_dates(&mut self) {
        for work in self.works.iter_mut().filter(|work| work.failed.is_none()) {
            let posted = work.drafts.iter().filter_map(|draft| match draft.stage {
                Stage::Posted(id) => Some((self.booked.get(&id)?.date, draft.document.posting_date)),
                _ => None,
            });
            let mut moved = posted.filter(|(is, planned)| is != planned);
            if let Some((is, planned)) = moved.next() {
                work.failed = Some(for_a_person(&format!(
                    "the period of {planned} was closed in Odoo at that moment, and Odoo moves it to {is} by itself: export again to leave it there, or reverse it in Odoo before."
                )));
            }
        }
    }

    /// Confirms the payments and reconciles them with their bills. What Odoo rejects to reconcile is booked all the
    /// same; what got no answer is looked up again, and then settled.
    pub(crate) fn settle(&mut self) {
        let ids = self.ids();
        let booked: Vec<Booked> = ids.iter().filter_map(|id| self.booked.get(id)).cloned().collect();
        let settled = settle::unconfirmed(self.books, &booked)
            .and_then(|payments| {
                let payments: Vec<Id> = payments.into_values().collect();
                payments::confirm(self.books, &payments)
            })
            .and_then(|()| settle::reconcile(self.books, &booked));
        let failures = match settled {
            Ok(failures) => failures,
            Err(error) => booked
                .iter()
                .map(|document| (document.key.entry.clone(), error.clone()))
                .collect(),
        };
        for (entry, error) in failures {
            warn!(item.id = %entry, "not settled with its counterpart: {error}");
            let document = booked.iter().find(|document| document.key.entry == entry);
            if let (true, Some(document)) = (error.is_unproven(), document) {
                self.fail(document.id, error.or_unknown());
            }
        }
    }
}

fn closed_period(document: &Document, what: &str) -> SystemError {
    SystemError::Rejected {
        failure_type: ItemFailureType::ValidationFailure,
        reason: format!(
            "The expense is to be booked on {}, but {what}: open the period in Odoo, or ask whoever runs the export to set bookkeeping.closed_periods to \"next_open\" or \"today\", then export again.",
            document.posting_date
        ),
    }
}
