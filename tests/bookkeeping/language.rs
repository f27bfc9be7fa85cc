//! A small language for hand-worked cases: an item as a few words in, the postings of each document as text out.
//!
//! Every account, vendor, tag and tax code that an item refers to exists, except those that a case takes away.
//! The accounts of the roles are called by what they are ("Wallet", "Payables").

use chrono::NaiveDate;
use pleo_export::bookkeeping::{
    ClosedPeriods, DuplicateInvoices, JobView, Refusal, Role, Settings, SystemTraits, TaxRule, plan,
    references,
};
use pleo_export::model::document::{Creditor, Document, DocumentKind, PlannedItem, PostingState};
use pleo_export::model::export_item::{
    AccountReference, ExportItem, InvoiceInformation, ItemType, Line, Method, Party, SubType, Supplier, Tag,
    Tax, TaxType, Vendor,
};
use pleo_export::model::ids::{AccountingEntryId, CompanyId, JobId};
use pleo_export::model::money::{Amount, Money};
use pleo_export::model::references::{
    Account, AccountKey, InvoiceInBooks, InvoiceKey, InvoiceSide, References, Resolution,
    Vendor as VendorInBooks,
};

pub fn amount(text: &str) -> Amount {
    text.parse().unwrap()
}

/// `"125.00 DKK"`.
pub fn money(text: &str) -> Money {
    let (amount, currency) = text.split_once(' ').unwrap();
    Money {
        amount: amount.parse().unwrap(),
        currency: currency.parse().unwrap(),
    }
}

pub fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// `"6800 Meals"`: code and name.
fn account(text: &str) -> AccountReference {
    let (code, name) = text.split_once(' ').unwrap_or((text, text));
    AccountReference {
        code: Some(code.to_owned()),
        identifier: None,
        name: name.to_owned(),
    }
}

/// An item under construction.
#[derive(Clone, Debug)]
pub struct Item(pub ExportItem);

/// An item of 15 March 2026, noon, in DKK.
pub fn item(item_type: &str, total: &str) -> Item {
    Item(ExportItem {
        entry_id: AccountingEntryId::new("entry-1"),
        company_id: CompanyId::new("company"),
        item_type: ItemType::from_wire(item_type),
        sub_type: None,
        date: "2026-03-15T12:00:00Z".parse().unwrap(),
        amount: Money {
            amount: amount(total),
            currency: "DKK".parse().unwrap(),
        },
        supplier_amount: None,
        lines: Vec::new(),
        method: Method::Absent,
        contra_account: None,
        supplier: None,
        vendor: None,
        user: Some(Party {
            name: "Anna Berg".to_owned(),
            code: Some("E7".to_owned()),
        }),
        team: None,
        note: None,
        files: Vec::new(),
        book_id: "1000001".to_owned(),
        reconciled_entries: Vec::new(),
        attendees: Vec::new(),
        invoice: None,
        service_period: None,
        web_link: None,
        remarks: Vec::new(),
    })
}

impl Item {
    pub fn id(mut self, id: &str) -> Self {
        self.0.entry_id = AccountingEntryId::new(id);
        self
    }

    pub fn sub_type(mut self, word: &str) -> Self {
        self.0.sub_type = Some(SubType::from_wire(word));
        self
    }

    pub fn on(mut self, time: &str) -> Self {
        self.0.date = time.parse().unwrap();
        self
    }

    /// Booked as a payable of vendor V-100, Nordic Office.
    pub fn payable(self) -> Self {
        self.method("accounts_payable").vendor("V-100")
    }

    pub fn method(mut self, word: &str) -> Self {
        self.0.method = Method::from_wire(Some(word));
        self
    }

    pub fn vendor(mut self, code: &str) -> Self {
        self.0.vendor = Some(Vendor {
            name: "Nordic Office".to_owned(),
            code: Some(code.to_owned()),
            external_id: None,
            registration_number: None,
            tax_number: None,
            country: None,
        });
        self
    }

    pub fn supplier(mut self, name: &str, code: Option<&str>) -> Self {
        self.0.supplier = Some(Supplier {
            name: Some(name.to_owned()),
            code: code.map(str::to_owned),
            ..Supplier::default()
        });
        self
    }

    /// The amount in the supplier's currency.
    pub fn foreign(mut self, text: &str) -> Self {
        self.0.supplier_amount = Some(money(text));
        self
    }

    /// The currency of the wallet, where it is not DKK.
    pub fn wallet(mut self, currency: &str) -> Self {
        self.0.amount.currency = currency.parse().unwrap();
        self
    }

    pub fn contra(mut self, text: &str) -> Self {
        self.0.contra_account = Some(account(text));
        self
    }

    pub fn invoice(mut self, number: &str) -> Self {
        self.0.invoice = Some(InvoiceInformation {
            number: number.to_owned(),
            invoice_date: Some(day("2026-03-01")),
            due_date: Some(day("2026-03-31")),
            payment_date: None,
            status: "paid".to_owned(),
        });
        self
    }

    /// A line without tax.
    pub fn line(mut self, account_text: &str, total: &str) -> Self {
        self.0.lines.push(Line {
            line_id: format!("line-{}", self.0.lines.len() + 1),
            amount: amount(total),
            net_amount: amount(total),
            supplier_amount: None,
            account: Some(account(account_text)),
            tags: Vec::new(),
            tax: None,
        });
        self
    }

    /// A line as Pleo sends it: line amount, net amount, tax code and tax amount.
    pub fn taxed(mut self, account_text: &str, line: &str, net: &str, code: &str, tax: &str) -> Self {
        self = self.line(account_text, line);
        let line = self.0.lines.last_mut().unwrap();
        line.net_amount = amount(net);
        line.tax = Some(Tax {
            code: Some(code.to_owned()),
            rate: "0.25".to_owned(),
            rate_millionths: Some(250_000),
            tax_type: TaxType::Inclusive,
            amount: amount(tax),
            ingoing_account: None,
            outgoing_account: None,
        });
        self
    }

    /// A line under reverse charge, with tax code R25.
    pub fn reverse(self, account_text: &str, line: &str, net: &str, tax: &str) -> Self {
        self.taxed(account_text, line, net, "R25", tax)
            .tax_word("reverse")
    }

    /// What Pleo calls the kind of the last line's tax.
    pub fn tax_word(self, word: &str) -> Self {
        self.last_tax(|tax| tax.tax_type = TaxType::from_wire(word))
    }

    pub fn last_tax(mut self, change: impl FnOnce(&mut Tax)) -> Self {
        change(self.0.lines.last_mut().unwrap().tax.as_mut().unwrap());
        self
    }

    pub fn last_line(mut self, change: impl FnOnce(&mut Line)) -> Self {
        change(self.0.lines.last_mut().unwrap());
        self
    }

    pub fn tag(self, group: &str, code: &str) -> Self {
        self.last_line(|line| {
            line.tags.push(Tag {
                group: group.to_owned(),
                code: code.to_owned(),
            })
        })
    }
}

/// Books, settings and other items around the item.
#[derive(Clone, Debug)]
pub struct World {
    pub settings: Settings,
    pub system: SystemTraits,
    pub today: NaiveDate,
    pub job: Vec<Item>,
    pub in_books: Vec<InvoiceInBooks>,
    pub closed_all: Option<NaiveDate>,
    pub closed_purchases: Option<NaiveDate>,
    /// Accounts, vendors, tags and tax codes that the books do not have.
    pub absent: Vec<String>,
}

pub fn world() -> World {
    let roles = [
        (Role::Wallet, "Wallet"),
        (Role::OutOfPocket, "OwedToEmployees"),
        (Role::EmployeeReceivable, "OwedByEmployees"),
        (Role::AccountsPayable, "Payables"),
        (Role::Contra, "Transit"),
        (Role::ExternalReimbursement, "PaidOutside"),
        (Role::FxDifference, "RateDifference"),
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
            roles: roles.map(|(role, name)| (role, name.to_owned())).into(),
            map: [("4711", "Mapped"), ("5820", "Bank")]
                .map(|(code, name)| (code.to_owned(), name.to_owned()))
                .into(),
            taxes: taxes.map(|(code, rule)| (code.to_owned(), rule)).into(),
        },
        system: SystemTraits {
            payables: true,
            computes_tax: false,
        },
        today: day("2026-05-10"),
        job: Vec::new(),
        in_books: Vec::new(),
        closed_all: None,
        closed_purchases: None,
        absent: Vec::new(),
    }
}

impl World {
    pub fn without(mut self, name: &str) -> Self {
        self.absent.push(name.to_owned());
        self
    }

    /// The other items of the job, in work order; the item itself is among them where it belongs.
    pub fn job(mut self, items: &[&Item]) -> Self {
        self.job = items.iter().map(|item| (*item).clone()).collect();
        self
    }

    /// One side of the invoice at hand that the books already hold.
    pub fn booked(mut self, entry: &str, side: InvoiceSide, payable: &str, foreign: Option<&str>) -> Self {
        self.in_books.push(InvoiceInBooks {
            entry_id: AccountingEntryId::new(entry),
            external_id: format!("PLEO-2026-{entry}"),
            side,
            payable: money(payable),
            supplier_amount: foreign.map(money),
        });
        self
    }

    /// What the books answer: everything that is asked for, except what is taken away.
    fn resolve(&self, references: &References) -> Resolution {
        let is_there = |name: &&str| !self.absent.iter().any(|absent| absent == name);
        let mut resolution = Resolution::default();
        for key in references.accounts.keys() {
            if let Some(name) = Some(key.text()).filter(is_there) {
                let reference = match key {
                    AccountKey::Configured(name) => name.clone(),
                    AccountKey::Pleo(code) => code.clone(),
                };
                resolution.accounts.insert(
                    key.clone(),
                    Account {
                        reference,
                        name: name.to_owned(),
                    },
                );
            }
        }
        for code in references
            .tax_codes
            .iter()
            .filter(|code| is_there(&code.as_str()))
        {
            resolution.tax_codes.insert(code.clone(), format!("tax:{code}"));
        }
        for (key, name) in &references.vendors {
            let known = key
                .code
                .as_deref()
                .or(key.external_id.as_deref())
                .or(key.tax_number.as_deref());
            if let Some(reference) = known.filter(is_there) {
                let vendor = VendorInBooks {
                    reference: reference.to_owned(),
                    name: name.clone(),
                };
                resolution.vendors.insert(key.clone(), vendor);
            }
        }
        for tag in references.tags.iter().filter(|tag| is_there(&tag.code.as_str())) {
            resolution.tags.insert(tag.clone(), format!("tag:{}", tag.code));
        }
        for key in &references.invoices {
            let InvoiceKey { number, .. } = key;
            if !number.is_empty() && !self.in_books.is_empty() {
                resolution.invoices.insert(key.clone(), self.in_books.clone());
            }
        }
        resolution.closed_until.all = self.closed_all;
        resolution.closed_until.purchases = self.closed_purchases;
        resolution
    }

    pub fn view(&self, item: &Item) -> JobView {
        let mut asked = references(&item.0, &self.settings, &self.system);
        for other in &self.job {
            asked.extend(references(&other.0, &self.settings, &self.system));
        }
        let mut view = JobView::new(self.resolve(&asked), self.today, self.system);
        if self.job.is_empty() {
            view.observe(&item.0);
        }
        for other in &self.job {
            view.observe(&other.0);
        }
        view
    }

    pub fn plan(&self, item: &Item) -> Result<PlannedItem, Refusal> {
        plan(&item.0, &JobId::new("job"), 1, &self.settings, &self.view(item))
    }

    /// The documents as text: `bill: Dr 6800 100.00, Dr VatIn 25.00, Cr Payables 125.00`.
    pub fn books(&self, item: &Item) -> Vec<String> {
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
pub type Case<'a> = (&'a str, Item, &'a [&'a str]);

/// Checks a table of cases in the plain world and shows all that differ.
pub fn check(cases: &[Case<'_>]) {
    check_in(&world(), cases);
}

pub fn check_in(world: &World, cases: &[Case<'_>]) {
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
