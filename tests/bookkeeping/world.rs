//! Books and settings around an item, and its documents as text.
//!
//! Every account, vendor, tag and tax code that an item refers to exists, except those that a case takes
//! away. The accounts of the roles are called by what they are ("Wallet", "Payables").

use std::collections::BTreeMap;

use chrono::NaiveDate;
use pleo_export::bookkeeping::{
    ClosedPeriods, DuplicateInvoices, JobView, Refusal, Role, Settings, SystemTraits, TaxRule, documents,
    plan, references,
};
use pleo_export::model::document::{Creditor, Document, DocumentKind, PlannedItem, PostingState};
use pleo_export::model::ids::{AccountingEntryId, JobId};
use pleo_export::model::references::{
    Account, Candidates, InvoiceInBooks, InvoiceSide, References, Resolution, Vendor,
};

use crate::bookkeeping::items::{Item, day, money};

/// Books, settings and other items around the item.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) settings: Settings,
    pub(crate) system: SystemTraits,
    pub(crate) today: NaiveDate,
    pub(crate) job: Vec<Item>,
    pub(crate) in_books: Vec<InvoiceInBooks>,
    pub(crate) closed_all: Option<NaiveDate>,
    pub(crate) closed_purchases: Option<NaiveDate>,
    /// Accounts, vendors, tags and tax codes that the books do not have.
    pub(crate) absent: Vec<String>,
    /// What the books answer for an account, where that is not plainly one of the name asked for.
    pub(crate) meant: BTreeMap<String, Candidates>,
}

pub(crate) fn world() -> World {
    let roles = [
        (Role::Wallet, "Wallet"),
        (Role::OutOfPocket, "OwedToEmployees"),
        (Role::EmployeeReceivable, "OwedByEmployees"),
        (Role::AccountsPayable, "Payables"),
        (Role::Contra, "Transit"),
        (Role::ExternalReimbursement, "PaidOutside"),
        (Role::FxDifference, "RateDifference"),
        (Role::InputTax, "VatInRole"),
        (Role::OutputTax, "VatOutRole"),
    ];
    let rule = |account: Option<&str>, outgoing: Option<&str>, deductible_millionths| TaxRule {
        account: account.map(str::to_owned),
        outgoing_account: outgoing.map(str::to_owned),
        deductible_millionths,
        code: None,
    };
    let taxes = [
        ("S25", rule(Some("VatIn"), None, 1_000_000)),
        ("R25", rule(Some("VatIn"), Some("VatOut"), 1_000_000)),
        ("HALF", rule(Some("VatIn"), Some("VatOut"), 500_000)),
        ("NONE", rule(None, None, 0)),
        ("BARE", rule(None, None, 1_000_000)),
    ];
    World {
        settings: Settings {
            posting: PostingState::Draft,
            closed_until: None,
            closed_periods: ClosedPeriods::Fail,
            time_zone: chrono_tz::UTC,
            duplicate_invoices: DuplicateInvoices::Fail,
            vendor_codes: [].into(),
            roles: roles.map(|(role, name)| (role, name.to_owned())).into(),
            role_defaults: [].into(),
            map: [("4711", "Mapped"), ("5820", "Bank")]
                .map(|(code, name)| (code.to_owned(), name.to_owned()))
                .into(),
            taxes: taxes.map(|(code, rule)| (code.to_owned(), rule)).into(),
        },
        system: SystemTraits {
            payables: true,
            computes_tax: false,
            keeps_vendors: true,
        },
        today: day("2026-05-10"),
        job: Vec::new(),
        in_books: Vec::new(),
        closed_all: None,
        closed_purchases: None,
        absent: Vec::new(),
        meant: BTreeMap::new(),
    }
}

impl World {
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.absent.push(name.to_owned());
        self
    }

    /// The accounts of one group that the books answer for a name or code: name, first and last day of each.
    pub(crate) fn meant(mut self, text: &str, accounts: &[(&str, Option<&str>, Option<&str>)]) -> Self {
        let account = |&(name, from, until): &(&str, Option<&str>, Option<&str>)| Account {
            from: from.map(day),
            until: until.map(day),
            ..Account::open(name, name)
        };
        let candidates = self.meant.entry(text.to_owned()).or_default();
        candidates.groups.push(accounts.iter().map(account).collect());
        self
    }

    /// The items of the job, in work order; the item itself is among them where it belongs.
    pub(crate) fn job(mut self, items: &[&Item]) -> Self {
        self.job = items.iter().map(|item| (*item).clone()).collect();
        self
    }

    /// One side of the invoice at hand that the books already hold.
    pub(crate) fn booked(
        mut self,
        entry: &str,
        side: InvoiceSide,
        payable: &str,
        foreign: Option<&str>,
    ) -> Self {
        self.in_books.push(InvoiceInBooks {
            entry_id: AccountingEntryId::new(entry),
            external_id: format!("PLEO-2026-{entry}"),
            side,
            payable: money(payable),
            supplier_amount: foreign.map(money),
            invoice_date: Some(day("2026-03-01")),
            link: None,
        });
        self
    }

    /// What the books answer: everything that is asked for, except what is taken away.
    pub(crate) fn resolve(&self, references: &References) -> Resolution {
        let is_there = |name: &&str| !self.absent.iter().any(|absent| absent == name);
        let mut resolution = Resolution::default();
        for key in references.accounts.keys() {
            if let Some(name) = Some(key.text()).filter(is_there) {
                let meant = self.meant.get(name).cloned();
                let candidates = meant.unwrap_or_else(|| Candidates::one(Account::open(name, name)));
                resolution.accounts.insert(key.clone(), candidates);
            }
        }
        for code in references
            .tax_codes
            .iter()
            .filter(|code| is_there(&code.as_str()))
        {
            resolution
                .tax_codes
                .insert(code.clone(), format!("tax:{code}").into());
        }
        for (key, name) in &references.vendors {
            let known = key
                .code
                .as_deref()
                .or(key.external_id.as_deref())
                .or(key.tax_number.as_deref());
            if let Some(reference) = known.filter(is_there) {
                let vendor = Vendor {
                    reference: reference.into(),
                    name: name.clone(),
                };
                resolution.vendors.insert(key.clone(), vendor);
            }
        }
        for tag in references.tags.iter().filter(|tag| is_there(&tag.code.as_str())) {
            resolution
                .tags
                .insert(tag.clone(), format!("tag:{}", tag.code).into());
        }
        for key in &references.invoices {
            resolution.invoices.insert(key.clone(), self.in_books.clone());
        }
        resolution.closed_until.all = self.closed_all;
        resolution.closed_until.purchases = self.closed_purchases;
        resolution
    }

    /// The books, and the items of the job before this one that could be planned.
    pub(crate) fn view(&self, item: &Item) -> JobView {
        let mut asked = references(&item.0, &self.settings, &self.system);
        for other in &self.job {
            asked.extend(references(&other.0, &self.settings, &self.system));
        }
        let mut view = JobView::new(self.resolve(&asked), self.today, self.system);
        for other in self
            .job
            .iter()
            .take_while(|other| other.0.entry_id != item.0.entry_id)
        {
            if let Ok(documents) = documents(&other.0, &self.settings, &view) {
                view.invoices.add(&other.0, &documents);
            }
        }
        view
    }

    pub(crate) fn plan(&self, item: &Item) -> Result<PlannedItem, Refusal> {
        plan(
            &item.0.clone().into(),
            &JobId::new("job"),
            1,
            &self.settings,
            &self.view(item),
        )
    }

    /// The documents as text: `bill: Dr 6800 100.00, Dr VatIn 25.00, Cr Payables 125.00`.
    pub(crate) fn books(&self, item: &Item) -> Vec<String> {
        let planned = self
            .plan(item)
            .unwrap_or_else(|refusal| panic!("refused: {}", refusal.reason));
        planned.documents.iter().map(as_text).collect()
    }
}

fn as_text(document: &Document) -> String {
    let kind = match (document.kind, &document.creditor) {
        (DocumentKind::JournalEntry, _) => "journal",
        (DocumentKind::VendorBill, Some(Creditor::Employee { .. })) => "employee bill",
        (DocumentKind::VendorBill, _) => "bill",
        (DocumentKind::CreditNote, Some(Creditor::Employee { .. })) => "employee credit note",
        (DocumentKind::CreditNote, _) => "credit note",
        (DocumentKind::BillPayment, Some(Creditor::Employee { .. })) => "employee payment",
        (DocumentKind::BillPayment, _) => "payment",
        (DocumentKind::RefundReceipt, Some(Creditor::Employee { .. })) => "employee receipt",
        (DocumentKind::RefundReceipt, _) => "receipt",
    };
    let postings: Vec<String> = document
        .postings
        .iter()
        .map(|posting| {
            let side = if posting.amount.is_negative() { "Cr" } else { "Dr" };
            format!("{side} {} {}", posting.account.reference, posting.amount.abs())
        })
        .collect();
    format!("{kind}: {}", postings.join(", "))
}

/// One hand-worked case: what it shows, the item, the documents.
pub(crate) type Case<'a> = (&'a str, Item, &'a [&'a str]);

/// Checks a table of cases in the plain world and shows all that differ.
pub(crate) fn check(cases: &[Case<'_>]) {
    check_in(&world(), cases);
}

pub(crate) fn check_in(world: &World, cases: &[Case<'_>]) {
    let mut wrong = Vec::new();
    for (title, item, expected) in cases {
        let booked = match world.plan(item) {
            Ok(planned) => planned.documents.iter().map(as_text).collect(),
            Err(refusal) => vec![format!("refused: {}", refusal.reason)],
        };
        if booked != *expected {
            wrong.push(format!(
                "{title}\n  expected {expected:#?}\n  booked   {booked:#?}"
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {} cases differ:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
}
