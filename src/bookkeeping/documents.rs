//! Draws up the documents of an item: a journal entry, or bill and payment, each balanced.
//!
//! Postings stand as a person reads them: the lines in order, each with its tax after it, then the other
//! side; without lines the debit first. A bill carries the lines against the creditor, a payment the creditor
//! against the money.

use chrono::NaiveDate;

use crate::model::document::{Creditor, Document, DocumentKind, Part, Posting, Purpose};
use crate::model::money::Amount;
use crate::model::references::InvoiceKey;

use super::figures::{self, Figures};
use super::invoices::{self, Brings, Settlement};
use super::item_types::{Row, Side};
use super::known_invoices::payable;
use super::method::Way;
use super::planner::Planner;
use super::refusal::Refusal;
use super::role::Role;

/// The figures of an item in the direction of its row.
struct Totals {
    total: Amount,
    lines: Vec<Figures>,
}

/// What a bill and its payment have in common.
#[derive(Clone, Copy)]
struct Owed<'a> {
    creditor: &'a Creditor,
    /// The invoice, where it is a vendor's and has a number.
    key: Option<&'a InvoiceKey>,
    /// Where the claim stands.
    account: Side,
}

impl Owed<'_> {
    /// Debit and credit of a row, with the claim in the place of what belongs to the other document.
    fn instead_of(self, row: Row, is_of_other: impl Fn(Side) -> bool) -> [Side; 2] {
        [row.debit, row.credit].map(|side| if is_of_other(side) { self.account } else { side })
    }
}

impl Planner<'_> {
    /// The documents of the item; remarks are added for what is odd about them.
    pub(super) fn documents(
        &self,
        row: Row,
        way: Way,
        remarks: &mut Vec<String>,
    ) -> Result<Vec<Document>, Refusal> {
        let totals = self.totals(row, remarks)?;
        if totals.total.is_zero() && totals.lines.iter().all(|line| line.gross.is_zero()) {
            remarks.push("the amount is zero".to_owned());
        }
        let documents = match (way, row.claim_side()) {
            (Way::Payables(creditor), Some(claim)) => {
                self.payables(row, claim, &creditor, &totals, remarks)?
            }
            _ => vec![self.journal_entry(row, &totals)?],
        };
        let balances = |document: &Document| {
            let amounts = document.postings.iter().map(|posting| posting.amount);
            amounts.sum::<Amount>().is_zero()
        };
        if documents.iter().all(balances) {
            Ok(documents)
        } else {
            Err(Refusal::unbalanced(self.item))
        }
    }

    /// For types with a fixed direction the figures are turned so that the total is positive; lines keep
    /// their sign relative to it.
    fn totals(&self, row: Row, remarks: &mut Vec<String>) -> Result<Totals, Refusal> {
        let mut lines = if row.posts_lines() {
            figures::figures(self.item, remarks)?
        } else {
            Vec::new()
        };
        let total = invoices::total(self.item, row);
        if total != self.item.amount.amount {
            for line in &mut lines {
                line.gross = line.gross.negated();
                line.tax = line.tax.negated();
            }
        }
        Ok(Totals { total, lines })
    }

    fn journal_entry(&self, row: Row, totals: &Totals) -> Result<Document, Refusal> {
        let kind = DocumentKind::JournalEntry;
        self.document(kind, Part::Main, None, [row.debit, row.credit], totals)
    }

    fn payables(
        &self,
        row: Row,
        claim: Side,
        creditor: &Creditor,
        totals: &Totals,
        remarks: &mut Vec<String>,
    ) -> Result<Vec<Document>, Refusal> {
        let is_vendor = matches!(creditor, Creditor::Vendor(_));
        let key = invoices::key(self.item).filter(|_| is_vendor);
        let owed = Owed {
            creditor,
            key: key.as_ref(),
            account: claim,
        };
        let mut documents = Vec::new();

        let bill_is_credit = row
            .posts_lines()
            .then(|| (row.credit == Side::Lines) != totals.total.is_negative());
        let brings = match bill_is_credit {
            Some(false) => Brings::Bill,
            Some(true) => Brings::Credit,
            None => Brings::Payment,
        };
        let moves_money = row.money_side().is_some();
        if let Some(is_credit) = bill_is_credit {
            let bill = self.bill(row, is_credit, owed, totals)?;
            if let Some(key) = &key {
                remarks.extend(self.check_duplicate(&key.number, brings, moves_money)?);
            }
            documents.push(bill);
        }

        // Nothing is paid for a bill of zero.
        let has_payment = moves_money && !(row.posts_lines() && totals.total.is_zero());
        if has_payment {
            let is_receipt = bill_is_credit.unwrap_or(totals.total.is_negative());
            let part = if documents.is_empty() {
                Part::Main
            } else {
                Part::Payment
            };
            documents.push(self.payment(row, part, is_receipt, owed, totals)?);
        }

        // An invoice or a payment that stands alone has its other side in another item.
        if let (Some(key), [document]) = (&key, documents.as_mut_slice()) {
            let is_alone = row.posts_lines() != moves_money;
            if is_alone {
                let Settlement {
                    rate_difference,
                    remark,
                } = self.settle(&key.number, brings, payable(document));
                remarks.extend(remark);
                self.add_rate_difference(document, rate_difference)?;
            }
        }
        if key.is_some() {
            for document in &mut documents {
                document.link = self.link(brings);
            }
        }
        Ok(documents)
    }

    /// What the creditor claims for the lines, or gives back.
    fn bill(&self, row: Row, is_credit: bool, owed: Owed<'_>, totals: &Totals) -> Result<Document, Refusal> {
        let kind = if is_credit {
            DocumentKind::CreditNote
        } else {
            DocumentKind::VendorBill
        };
        let sides = owed.instead_of(row, |side| side != Side::Lines);
        self.document(kind, Part::Main, Some(owed), sides, totals)
    }

    /// The money that settles it.
    fn payment(
        &self,
        row: Row,
        part: Part,
        is_receipt: bool,
        owed: Owed<'_>,
        totals: &Totals,
    ) -> Result<Document, Refusal> {
        let kind = if is_receipt {
            DocumentKind::RefundReceipt
        } else {
            DocumentKind::BillPayment
        };
        let is_money = |side| matches!(side, Side::Wallet | Side::ExternalReimbursement);
        let sides = owed.instead_of(row, |side| !is_money(side));
        self.document(kind, part, Some(owed), sides, totals)
    }

    /// Takes the rate difference off the vendor's account, before the last posting.
    fn add_rate_difference(&self, document: &mut Document, difference: Amount) -> Result<(), Refusal> {
        if difference.is_zero() {
            return Ok(());
        }
        let account = self.role(Role::FxDifference, document.posting_date)?;
        let postings = &mut document.postings;
        for posting in postings
            .iter_mut()
            .filter(|posting| posting.purpose == Purpose::Payable)
        {
            posting.amount -= difference;
        }
        let at = postings.len().saturating_sub(1);
        postings.insert(
            at,
            Posting {
                account,
                amount: difference,
                purpose: Purpose::FxDifference,
                line: None,
                tax: None,
                tags: Vec::new(),
                employee_code: None,
            },
        );
        Ok(())
    }

    fn postings(
        &self,
        [debit, credit]: [Side; 2],
        totals: &Totals,
        day: NaiveDate,
    ) -> Result<Vec<Posting>, Refusal> {
        let debited = self.side(debit, true, totals, day)?;
        let credited = self.side(credit, false, totals, day)?;
        let credit_first = match (debit, credit) {
            (Side::Lines, _) => false,
            (_, Side::Lines) => true,
            _ => totals.total.is_negative(),
        };
        Ok(if credit_first {
            [credited, debited]
        } else {
            [debited, credited]
        }
        .concat())
    }

    fn side(
        &self,
        side: Side,
        is_debit: bool,
        totals: &Totals,
        day: NaiveDate,
    ) -> Result<Vec<Posting>, Refusal> {
        let Some(counter) = self.counter(side, day)? else {
            let mut postings = Vec::new();
            for (index, (line, figures)) in self.item.lines.iter().zip(&totals.lines).enumerate() {
                postings.extend(self.line_postings(index + 1, line, *figures, is_debit, day)?);
            }
            return Ok(postings);
        };
        Ok(vec![Posting {
            account: counter.account,
            amount: if is_debit {
                totals.total
            } else {
                totals.total.negated()
            },
            purpose: counter.purpose,
            line: None,
            tax: None,
            tags: Vec::new(),
            employee_code: counter.employee_code,
        }])
    }

    fn document(
        &self,
        kind: DocumentKind,
        part: Part,
        owed: Option<Owed<'_>>,
        sides: [Side; 2],
        totals: &Totals,
    ) -> Result<Document, Refusal> {
        let has_lines = sides.contains(&Side::Lines);
        let has_tax = has_lines && self.item.lines.iter().any(|line| line.tax.is_some());
        let dates = self.dates(kind.is_bill(), has_tax)?;
        let invoice = self.item.invoice.as_ref().filter(|_| part == Part::Main);
        Ok(Document {
            kind,
            part,
            item_date: dates.item_date,
            posting_date: dates.posting_date,
            invoice_date: invoice.and_then(|invoice| invoice.invoice_date),
            due_date: invoice.and_then(|invoice| invoice.due_date),
            creditor: owed.map(|owed| owed.creditor.clone()),
            invoice_number: invoices::number(self.item).map(|number| number.as_str().to_owned()),
            matching: owed.and_then(|owed| owed.key.cloned()),
            link: None,
            postings: self.postings(sides, totals, dates.posting_date)?,
        })
    }
}
