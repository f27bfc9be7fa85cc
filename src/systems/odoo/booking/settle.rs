//! Settling: which open lines of a bill and its payment belong together, and reconciling them.
//!
//! Bill and payment of one item belong together; so do all documents of one vendor with the same invoice number,
//! whichever job brought them and whoever entered them. Where that number stands on bills of several days (a vendor that
//! begins anew each year), it is the documents of one day. A payment that came back settles the payment it takes back, so
//! that the bill is open again. Only posted documents can be settled in Odoo.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chrono::NaiveDate;
use serde_json::json;

use crate::model::document::PostingState;
use crate::model::ids::AccountingEntryId;
use crate::model::references::{InvoiceNumber, InvoiceSide};
use crate::systems::odoo::api::books::Books;
use crate::systems::odoo::api::errors::CallError;
use crate::systems::odoo::api::records::{Id, Identified, Link};
use crate::systems::odoo::before::invoices::{self, PayableLine};
use crate::systems::odoo::document::booked::{Booked, State};

/// Open lines that settle each other, with the entry whose document led to them.
#[derive(Debug)]
pub(crate) struct Open {
    entry: AccountingEntryId,
    lines: Vec<Id>,
    /// The line of a payment that came back, where it still settles its bill.
    to_free: Option<Id>,
}

/// What is left to settle around these documents.
pub(crate) fn open(books: Books<'_>, booked: &[Booked]) -> Result<Vec<Open>, CallError> {
    let posted: Vec<&Booked> = booked
        .iter()
        .filter(|document| document.state == State::Posted && !document.is_reversed)
        .filter(|document| document.side.is_some())
        .collect();
    let numbers: BTreeSet<(Id, InvoiceNumber)> = posted
        .iter()
        .filter_map(|document| document.invoice.clone())
        .collect();
    let by_number = invoices::documents(books, &numbers)?;
    let mut groups: BTreeMap<&AccountingEntryId, BTreeSet<Id>> = BTreeMap::new();
    for document in &posted {
        let group = groups.entry(&document.key.entry).or_default();
        group.insert(document.id);
        let same_number = document
            .invoice
            .as_ref()
            .and_then(|invoice| by_number.get(invoice));
        group.extend(same_number.into_iter().flatten().map(|(id, _)| id));
    }
    let dates: HashMap<Id, NaiveDate> = by_number
        .values()
        .flatten()
        .filter_map(|(id, date)| Some((*id, (*date)?)))
        .collect();
    let all: BTreeSet<Id> = groups.values().flatten().copied().collect();
    let all: Vec<Id> = all.into_iter().collect();
    let lines = invoices::payable_lines(books, &all)?;
    let mut open = Vec::new();
    for (entry, group) in groups {
        let lines: Vec<&PayableLine> = lines
            .iter()
            .filter(|line| group.contains(&line.move_id.0) && line.parent_state == "posted")
            .collect();
        for lines in of_one_invoice(lines, &dates) {
            match returned(&lines) {
                Some((payment, back)) => open.push(Open {
                    entry: entry.clone(),
                    lines: vec![payment.id, back.id],
                    to_free: payment.amount_residual.is_zero().then_some(payment.id),
                }),
                None => open.extend(matching(&lines).into_iter().map(|lines| Open {
                    entry: entry.clone(),
                    lines,
                    to_free: None,
                })),
            }
        }
    }
    Ok(open)
}

/// The lines of one vendor and number, by the day of the bill that they belong to. Those of no bill's day belong to the
/// bills that are open, as long as these are of one day; else a person must say to which.
fn of_one_invoice<'a>(
    lines: Vec<&'a PayableLine>,
    dates: &HashMap<Id, NaiveDate>,
) -> Vec<Vec<&'a PayableLine>> {
    let is_bill = |line: &&&PayableLine| line.move_type == "in_invoice";
    let date = |line: &PayableLine| dates.get(&line.move_id.0).copied();
    let bill_dates: BTreeSet<NaiveDate> = lines
        .iter()
        .filter(is_bill)
        .filter_map(|line| date(line))
        .collect();
    if bill_dates.len() < 2 {
        return vec![lines];
    }
    let mut of_date: BTreeMap<NaiveDate, Vec<&PayableLine>> = BTreeMap::new();
    let mut of_no_bill = Vec::new();
    for line in lines {
        match date(line).filter(|date| bill_dates.contains(date)) {
            Some(date) => of_date.entry(date).or_default().push(line),
            None => of_no_bill.push(line),
        }
    }
    let is_open = |lines: &[&PayableLine]| {
        let mut bills = lines.iter().filter(is_bill);
        bills.any(|line| !line.amount_residual.is_zero())
    };
    let mut open = of_date.values_mut().filter(|lines| is_open(lines));
    match (open.next(), open.next()) {
        (Some(only), None) => only.append(&mut of_no_bill),
        _ => drop(open),
    }
    of_date.into_values().chain([of_no_bill]).collect()
}

/// A payment, and the open line by which it came back.
fn returned<'a>(lines: &[&'a PayableLine]) -> Option<(&'a PayableLine, &'a PayableLine)> {
    let payments = || lines.iter().copied().filter(|line| line.move_type == "entry");
    // Money back with a credit note is a refund: it settles that, and the payment stays with its bill.
    let is_refund = |back: &PayableLine| {
        lines.iter().any(|line| {
            line.move_type == "in_refund"
                && line.account_id.0 == back.account_id.0
                && line.amount_residual == back.amount_residual.negated()
        })
    };
    let is_back = |line: &&PayableLine| {
        line.amount_currency.is_negative() && line.amount_residual.is_negative() && !is_refund(line)
    };
    payments().filter(is_back).find_map(|back| {
        let mut taken_back = payments().filter(|line| {
            line.account_id.0 == back.account_id.0 && line.amount_currency == back.amount_currency.negated()
        });
        Some((taken_back.next()?, back))
    })
}

/// The open lines of a group of documents, by account, where there are debits as well as credits.
fn matching(lines: &[&PayableLine]) -> Vec<Vec<Id>> {
    let mut by_account: BTreeMap<Id, Vec<&PayableLine>> = BTreeMap::new();
    for line in lines.iter().filter(|line| !line.amount_residual.is_zero()) {
        by_account.entry(line.account_id.0).or_default().push(line);
    }
    by_account
        .into_values()
        .filter(|lines| {
            let credits = lines
                .iter()
                .filter(|line| line.amount_residual.is_negative())
                .count();
            credits > 0 && credits < lines.len()
        })
        .map(|lines| lines.iter().map(|line| line.id).collect())
        .collect()
}

/// The entries whose documents are all there, but not yet settled or not yet confirmed as payments.
pub(crate) fn unsettled(
    books: Books<'_>,
    posting: PostingState,
    booked: &[Booked],
) -> Result<HashSet<AccountingEntryId>, CallError> {
    if posting == PostingState::Draft {
        return Ok(HashSet::new());
    }
    let open = open(books, booked)?;
    let mut entries: HashSet<AccountingEntryId> = open.into_iter().map(|open| open.entry).collect();
    let unconfirmed: HashMap<Id, Id> = unconfirmed(books, booked)?;
    entries.extend(
        booked
            .iter()
            .filter(|document| unconfirmed.contains_key(&document.id))
            .map(|document| document.key.entry.clone()),
    );
    Ok(entries)
}

/// Payments that Odoo still has as drafts although their entries are posted: the entry's id, the payment's id.
pub(crate) fn unconfirmed(books: Books<'_>, booked: &[Booked]) -> Result<HashMap<Id, Id>, CallError> {
    #[derive(serde::Deserialize)]
    struct Payment {
        #[serde(flatten)]
        own: Identified,
        move_id: Link,
    }
    let posted: Vec<Id> = booked
        .iter()
        .filter(|document| document.state == State::Posted && document.side == Some(InvoiceSide::Payment))
        .map(|document| document.id)
        .collect();
    let payments: Vec<Payment> = books.search(
        "account.payment",
        json!([["move_id", "in", posted], ["state", "=", "draft"]]),
        &["move_id"],
    )?;
    Ok(payments
        .into_iter()
        .map(|payment| (payment.move_id.0, payment.own.id))
        .collect())
}

/// Reconciles what is open, each group by itself. What another process settled meanwhile is settled.
pub(crate) fn reconcile(
    books: Books<'_>,
    booked: &[Booked],
) -> Result<Vec<(AccountingEntryId, CallError)>, CallError> {
    let mut failures = Vec::new();
    let mut taken: HashSet<Id> = HashSet::new();
    for Open {
        entry,
        lines,
        to_free,
    } in open(books, booked)?
    {
        // Two items of a batch may lead to the same lines: bill and payment of one invoice.
        if lines.iter().any(|line| taken.contains(line)) {
            continue;
        }
        taken.extend(&lines);
        let act = |method, lines: &[Id]| books.act("account.move.line", method, lines);
        let freed = to_free.map_or(Ok(()), |line| act("remove_move_reconcile", &[line]));
        match freed.and_then(|()| act("reconcile", &lines)) {
            Err(error) if error.is_answered() => failures.push((entry, error)),
            answer => answer?,
        }
    }
    Ok(failures)
}
