//! The first half of a booking: drafts of all documents, compared with the plan and made payments of.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use tracing::debug;

use super::book::{Booking, Draft};
use super::documents::{BILL_FIELDS, ENTRY_FIELDS, Rows, load_context};
use super::errors::CallError;
use super::key::Origin;
use super::payments::{self, PaymentEntry, load};
use super::records::Id;
use super::transport::arguments;
use super::verify::{self, Comparison, Correction, LINE_FIELDS, Line};
use crate::systems::SystemError;

impl<'a> Booking<'a, '_> {
    /// Makes what is not there yet as drafts: journal entries and payments in one call, bills in another. Odoo
    /// refuses all for one, so what it refuses is halved until the one is found.
    pub(super) fn load(&mut self) {
        let all: Vec<usize> = (0..self.works.len()).collect();
        for bills in [false, true] {
            self.load_in_halves(&all, bills, true);
        }
        self.discard_failed();
    }

    fn load_in_halves(&mut self, indices: &[usize], bills: bool, is_ours: bool) {
        let Err(error) = self.load_some(indices, bills, is_ours) else {
            return;
        };
        debug!("{error}");
        let may_go_alone = matches!(
            error,
            SystemError::Rejected { .. } | SystemError::Unavailable { .. }
        );
        // Somebody else is making one of them: what is there on the second try may be theirs.
        let is_ours = is_ours && matches!(error, SystemError::Rejected { .. });
        match indices.split_at(indices.len() / 2) {
            (first, second) if may_go_alone && !first.is_empty() => {
                self.load_in_halves(first, bills, is_ours);
                self.load_in_halves(second, bills, is_ours);
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
    fn load_some(&mut self, indices: &[usize], bills: bool, is_ours: bool) -> Result<(), SystemError> {
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
        if drafts.is_empty() {
            return Ok(());
        }
        let fields: &[&str] = if bills { &BILL_FIELDS } else { &ENTRY_FIELDS };
        let loaded = load(
            self.transport,
            "account.move",
            fields,
            &rows,
            &load_context(self.company),
        )
        .map_err(CallError::for_item)?;
        for (draft, id) in drafts.into_iter().zip(loaded.into_ids()?) {
            draft.id = Some(id);
            draft.is_new = is_ours;
        }
        Ok(())
    }

    /// Compares what was made with the plan, and corrects a hundredth of tax once.
    pub(super) fn verify(&mut self) {
        let corrections = self.compare();
        if !corrections.is_empty() {
            for (id, correction) in corrections {
                let arguments = arguments(json!({
                    "ids": [id],
                    "vals": { "line_ids": correction.0 },
                    "context": self.company.context(),
                }));
                if let Err(error) = self.transport.write::<Value>("account.move", "write", arguments) {
                    self.fail(id, error.for_item());
                }
            }
            for (id, _) in self.compare() {
                self.fail(id, verify::not_corrected());
            }
        }
        self.discard_failed();
        self.mark_checked();
    }

    /// What is to be corrected; items that are not what was planned fail.
    fn compare(&mut self) -> Vec<(Id, Correction)> {
        let unchecked = self.drafts().filter(|draft| !draft.is_checked);
        let ids: BTreeSet<Id> = unchecked.filter_map(|draft| draft.id).collect();
        let lines = match self.lines(&ids) {
            Ok(lines) => lines,
            Err(error) => {
                self.fail_all(&SystemError::Unknown {
                    reason: error.to_string(),
                });
                return Vec::new();
            }
        };
        let mut corrections = Vec::new();
        for work in self.works.iter_mut().filter(|work| work.failed.is_none()) {
            let currency = work.planned.item.amount.currency;
            for draft in work.drafts.iter().filter(|draft| !draft.is_checked) {
                let own = draft
                    .id
                    .and_then(|id| lines.get(&id))
                    .map_or(&[][..], Vec::as_slice);
                let comparison = Comparison {
                    document: draft.document,
                    creditor: draft.creditor,
                    currency,
                    is_foreign: draft.currency != self.company.currency_id,
                    lines: own,
                };
                match comparison.run() {
                    Ok(None) => {}
                    Ok(Some(correction)) => corrections.extend(draft.id.map(|id| (id, correction))),
                    Err(error) => work.failed = Some(error),
                }
            }
        }
        corrections
    }

    /// Writes down that the documents are what was planned.
    fn mark_checked(&mut self) {
        let mut rows: Rows = Vec::new();
        for work in self.works.iter().filter(|work| work.failed.is_none()) {
            let origin = Origin {
                is_checked: true,
                ..Origin::of(work.planned)
            };
            let unchecked = work.drafts.iter().filter(|draft| !draft.is_checked);
            rows.extend(unchecked.map(|draft| vec![draft.key.external_id(), origin.to_text()]));
        }
        if rows.is_empty() {
            return;
        }
        // Nobody wants to read in the entry's history that we looked at it.
        let context = json!({ "allowed_company_ids": [self.company.id], "tracking_disable": true });
        let loaded = load(
            self.transport,
            "account.move",
            &["id", "invoice_origin"],
            &rows,
            &context,
        );
        let failed = match loaded {
            Ok(loaded) => loaded.into_ids().err(),
            Err(error) => Some(SystemError::Unknown {
                reason: error.to_string(),
            }),
        };
        if let Some(error) = failed {
            self.fail_all(&error);
        }
    }

    /// The lines of each document.
    fn lines(&mut self, ids: &BTreeSet<Id>) -> Result<BTreeMap<Id, Vec<Line>>, CallError> {
        if ids.is_empty() {
            return Ok(BTreeMap::new());
        }
        let found: Vec<Line> = self.transport.search(
            "account.move.line",
            json!([["move_id", "in", ids]]),
            &LINE_FIELDS,
            &self.company.context(),
        )?;
        let mut lines: BTreeMap<Id, Vec<Line>> = BTreeMap::new();
        for line in found {
            lines.entry(line.move_id.0).or_default().push(line);
        }
        Ok(lines)
    }

    /// Makes payments of the payment entries; one by one when Odoo refuses them together.
    pub(super) fn register_payments(&mut self) {
        let entries: Vec<PaymentEntry<'a>> = self
            .works
            .iter()
            .filter(|work| work.failed.is_none())
            .flat_map(|work| work.drafts.iter().filter_map(|draft| draft.payment(work.planned)))
            .collect();
        if payments::register(self.transport, self.company, &entries).is_ok() {
            return;
        }
        for entry in entries {
            if let Err(error) = payments::register(self.transport, self.company, &[entry]) {
                self.fail(entry.id, error);
            }
        }
        self.discard_failed();
    }
}
