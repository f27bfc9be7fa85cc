//! The first half of a booking: drafts of all documents, compared with the plan and made payments of.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use tracing::debug;

use super::payments::{self, PaymentEntry};
use super::script::{Booking, Draft, Work};
use super::stage::{Event, Stage};
use super::verify::{self, Comparison, Correction, LINE_FIELDS, Line};
use crate::model::document::PostingState;
use crate::systems::SystemError;
use crate::systems::odoo::api::errors::{CallError, in_other_hands};
use crate::systems::odoo::api::load;
use crate::systems::odoo::api::records::Id;
use crate::systems::odoo::document::booked::{self, State};
use crate::systems::odoo::document::key::Origin;
use crate::systems::odoo::document::rows::{BILL_FIELDS, ENTRY_FIELDS, Rows};

impl<'a> Booking<'a, '_> {
    /// Makes what is not there yet as drafts: journal entries and payments in one call, bills in another. Odoo
    /// rejects all for one, so what it rejects is halved until the one is found.
    pub(crate) fn load(&mut self) {
        let all: Vec<usize> = (0..self.works.len()).collect();
        for bills in [false, true] {
            self.load_in_halves(&all, bills);
        }
    }

    fn load_in_halves(&mut self, indices: &[usize], bills: bool) {
        let Err(error) = self.load_some(indices, bills) else {
            return;
        };
        debug!("{error}");
        match indices.split_at(indices.len() / 2) {
            (first, second) if may_go_alone(&error) && !first.is_empty() => {
                self.load_in_halves(first, bills);
                self.load_in_halves(second, bills);
            }
            _ => {
                for index in indices {
                    let Some(work) = self.works.get_mut(*index) else {
                        continue;
                    };
                    if work.failed.is_none() && work.drafts.iter().any(|draft| draft.is_to_load(bills)) {
                        work.failed = Some(error.clone());
                    }
                }
            }
        }
    }

    /// One call for the documents of these items that are not there yet.
    fn load_some(&mut self, indices: &[usize], bills: bool) -> Result<(), SystemError> {
        let mut rows: Rows = Vec::new();
        let mut drafts: Vec<&mut Draft<'a>> = Vec::new();
        for (index, work) in self.works.iter_mut().enumerate() {
            if work.failed.is_some() || !indices.contains(&index) {
                continue;
            }
            for draft in work.drafts.iter_mut().filter(|draft| draft.is_to_load(bills)) {
                rows.extend(draft.rows.iter().cloned());
                drafts.push(draft);
            }
        }
        let fields: &[&str] = if bills { &BILL_FIELDS } else { &ENTRY_FIELDS };
        let ids = load::load(self.books, "account.move", fields, &rows)?;
        for (draft, id) in drafts.into_iter().zip(ids) {
            draft.stage = draft.stage.next(Event::Loaded(id));
        }
        Ok(())
    }

    /// Compares what was made with the plan, and corrects hundredths of tax once.
    pub(crate) fn verify(&mut self) {
        let corrections = self.compare();
        if !corrections.is_empty() {
            let mut unanswered: Option<CallError> = None;
            for (id, correction) in corrections {
                let arguments = json!({ "ids": [id], "vals": { "line_ids": correction.0 } });
                let written = match &unanswered {
                    Some(error) => Err(error.clone()),
                    None => self.books.write("account.move", "write", arguments),
                };
                let Err(error) = written else { continue };
                if !error.is_answered() {
                    unanswered = Some(error.clone());
                }
                let error = self.of_a_draft(id, error);
                self.fail(id, error);
            }
            for (id, _) in self.compare() {
                self.fail(id, verify::not_corrected());
            }
        }
        self.discard_failed();
    }

    /// A draft whose change Odoo rejected, unless it is no draft any more: then another process has it.
    fn of_a_draft(&mut self, id: Id, error: CallError) -> SystemError {
        if !error.is_answered() {
            return error.for_item();
        }
        match booked::by_id(self.books, &BTreeSet::from([id])) {
            Ok(found) if found.iter().all(|booked| booked.state != State::Draft) => in_other_hands(),
            _ => error.for_item(),
        }
    }

    /// What is to be corrected; items that are not what was planned fail.
    fn compare(&mut self) -> Vec<(Id, Correction)> {
        let is_final = self.settings.posting == PostingState::Final;
        // What is to be posted is compared once more, and what lost its origin: a person may have changed it.
        let is_lost: BTreeSet<Id> = self.lost_origins();
        let is_open = |draft: &Draft<'_>| {
            draft.stage.is_unchecked()
                || (is_final && draft.stage.draft().is_some())
                || draft.stage.id().is_some_and(|id| is_lost.contains(&id))
        };
        let open = self.drafts().filter(|draft| is_open(draft));
        let ids: BTreeSet<Id> = open.filter_map(|draft| draft.stage.id()).collect();
        let lines = match self.lines(&ids) {
            Ok(lines) => lines,
            Err(error) => {
                self.fail_all(&error.or_unknown());
                return Vec::new();
            }
        };
        let mut corrections = Vec::new();
        let mut failures = Vec::new();
        for work in self.works.iter().filter(|work| work.failed.is_none()) {
            for draft in work.drafts.iter().filter(|draft| is_open(draft)) {
                let Some(id) = draft.stage.id() else { continue };
                match self.compare_one(work, draft, &lines) {
                    Ok(None) => {}
                    Ok(Some(correction)) if draft.stage.is_unchecked() => {
                        corrections.push((id, correction));
                    }
                    Err(error) if matches!(draft.stage, Stage::Made(_)) => failures.push((id, error)),
                    // Not ours, or a person changed it since: theirs to settle.
                    Ok(Some(_)) | Err(_) => {
                        let name = self.booked.get(&id).map(|booked| booked.number.as_str());
                        failures.push((id, verify::changed(name.unwrap_or("The entry"))));
                    }
                }
            }
        }
        for (id, error) in failures {
            self.fail(id, error);
        }
        corrections
    }

    fn compare_one(
        &self,
        work: &Work<'_>,
        draft: &Draft<'_>,
        lines: &BTreeMap<Id, Vec<Line>>,
    ) -> Result<Option<Correction>, SystemError> {
        let id = draft.stage.id();
        let is_on = id.and_then(|id| self.booked.get(&id)).map(|booked| booked.date);
        let planned = draft.document.posting_date;
        if let Some(is_on) = is_on.filter(|is_on| *is_on != planned) {
            return Err(verify::other_day(is_on, planned));
        }
        let comparison = Comparison {
            document: draft.document,
            creditor: draft.creditor,
            currency: work.planned.item.amount.currency,
            is_foreign: draft.currency != self.books.company.currency_id,
            lines: id.and_then(|id| lines.get(&id)).map_or(&[][..], Vec::as_slice),
        };
        comparison.run()
    }

    /// The documents that a person took away from what we find them by.
    fn lost_origins(&self) -> BTreeSet<Id> {
        let is_lost = |id: &Id| self.booked.get(id).is_some_and(|booked| booked.origin.is_none());
        self.ids().into_iter().filter(is_lost).collect()
    }

    /// Writes down that the documents are what was planned, also where a person took away what we find them by.
    pub(crate) fn mark_checked(&mut self) {
        let lost = self.lost_origins();
        let mut rows: Rows = Vec::new();
        for work in self.works.iter().filter(|work| work.failed.is_none()) {
            let origin = Origin::of(work.planned, None);
            let is_lost = |draft: &Draft<'_>| draft.stage.id().is_some_and(|id| lost.contains(&id));
            let unmarked = work
                .drafts
                .iter()
                .filter(|draft| draft.stage.is_unchecked() || is_lost(draft));
            rows.extend(
                unmarked.filter_map(|draft| Some(vec![draft.stage.id()?.to_string(), origin.to_text()])),
            );
        }
        if rows.is_empty() {
            return;
        }
        let fields = [".id", "invoice_origin"];
        // All of them are drafts of ours, checked or not, so none is rejected for it.
        if let Err(error) = load::change(self.books, "account.move", &fields, &rows) {
            return self.fail_all(&match error {
                SystemError::Withheld(_) => error,
                error => SystemError::Unknown {
                    reason: error.to_string(),
                },
            });
        }
        let marked = self.works.iter_mut().filter(|work| work.failed.is_none());
        for draft in marked.flat_map(|work| &mut work.drafts) {
            draft.stage = draft.stage.next(Event::Marked);
        }
    }

    /// The lines of each document.
    fn lines(&mut self, ids: &BTreeSet<Id>) -> Result<BTreeMap<Id, Vec<Line>>, CallError> {
        // Notes and headings that people add have no account.
        let domain = json!([["move_id", "in", ids], ["account_id", "!=", false]]);
        let found: Vec<Line> = self.books.search("account.move.line", domain, &LINE_FIELDS)?;
        let mut lines: BTreeMap<Id, Vec<Line>> = BTreeMap::new();
        for line in found {
            lines.entry(line.move_id.0).or_default().push(line);
        }
        Ok(lines)
    }

    /// Makes payments of the payment entries; one by one when Odoo rejects them together.
    pub(crate) fn register_payments(&mut self) {
        let entries: Vec<PaymentEntry<'a>> = self
            .works
            .iter()
            .filter(|work| work.failed.is_none())
            .flat_map(|work| work.drafts.iter().filter_map(|draft| draft.payment(work.planned)))
            .collect();
        let Err(mut error) = payments::register(self.books, &entries) else {
            return;
        };
        for entry in entries {
            if may_go_alone(&error) {
                match payments::register(self.books, &[entry]) {
                    Ok(()) => continue,
                    Err(own) => error = own,
                }
            }
            self.fail(entry.id, error.clone());
        }
        self.discard_failed();
    }
}

/// Whether one item may be at fault, so that the others go through without it. Where Odoo does not answer, nothing does.
fn may_go_alone(error: &SystemError) -> bool {
    matches!(error, SystemError::Rejected { .. }) || *error == in_other_hands()
}
