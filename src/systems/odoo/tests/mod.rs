//! The pure parts: what is sent for a planned document, and what must come back. What Odoo makes of it is tested
//! against a real one, in `tests/odoo`.

mod compared;

use std::sync::Arc;

use crate::model::document::{
    Creditor, Document, DocumentKind, Part, PlannedItem, Posting, PostingState, PostingTag, PostingTax,
    Purpose,
};
use crate::model::export_item::{ExportItem, ItemType, Method, Tag};
use crate::model::ids::{AccountingEntryId, CompanyId, JobId};
use crate::model::money::{Amount, Money};
use crate::model::references::{Account, Reference, Vendor};
use crate::systems::odoo::api::company::{Company, JournalIds, refuse_another};
use crate::systems::odoo::api::records::Id;
use crate::systems::odoo::before::partners::{CreditorIds, Creditors};
use crate::systems::odoo::document::key::Origin;
use crate::systems::odoo::document::rows::{BILL_FIELDS, ENTRY_FIELDS, Rows, Surroundings, rows};

const COST: &str = "34";
const WALLET: &str = "580";
const PAYABLE: &str = "744";
const TAX: &str = "20";
const VENDOR: CreditorIds = CreditorIds {
    partner: 8,
    payable: Some(740),
};

fn record(id: &str) -> Reference {
    Reference::Id(id.parse().unwrap())
}

fn company() -> Company {
    Company {
        id: 1,
        currency: "DKK".parse().unwrap(),
        currency_id: 10,
        journals: JournalIds {
            general: 3,
            purchase: 2,
            payment: 6,
        },
    }
}

fn posting(account: &str, hundredths: i64, purpose: Purpose) -> Posting {
    Posting {
        account: Account::open(record(account), format!("account {account}")),
        amount: Amount::hundredths(hundredths),
        purpose,
        line: None,
        tax: None,
        tags: Vec::new(),
        employee_code: None,
    }
}

fn tax(base: i64, amount: i64, reverse_charge: bool) -> PostingTax {
    PostingTax {
        code: Some("I25".into()),
        reference: Some(record(TAX)),
        rate: "0.25".into(),
        base: Amount::hundredths(base),
        amount: Amount::hundredths(amount),
        reverse_charge,
        is_assumed: false,
    }
}

/// A cost of 100.00 and a tax of 25.00 in it, which the plan has on an account of its own.
fn taxed(sign: i64) -> Vec<Posting> {
    let tax = tax(sign * 10_000, sign * 2_500, false);
    vec![
        Posting {
            tax: Some(tax.clone()),
            ..posting(COST, sign * 10_000, Purpose::Cost)
        },
        Posting {
            tax: Some(tax),
            ..posting(COST, sign * 2_500, Purpose::Tax)
        },
    ]
}

fn document(kind: DocumentKind, postings: Vec<Posting>) -> Document {
    let is_claim = kind != DocumentKind::JournalEntry;
    let vendor = Vendor {
        reference: record("8"),
        name: "Konsulent A/S".into(),
    };
    let date = "2026-10-05".parse().unwrap();
    Document {
        kind,
        part: Part::Main,
        item_date: date,
        posting_date: date,
        invoice_date: None,
        due_date: None,
        creditor: is_claim.then_some(Creditor::Vendor(vendor)),
        invoice_number: is_claim.then(|| "INV-77".into()),
        matching: None,
        link: None,
        postings,
    }
}

fn planned(document: Document) -> PlannedItem {
    let amount = Money {
        amount: Amount::hundredths(12_500),
        currency: "DKK".parse().unwrap(),
    };
    PlannedItem {
        job_id: JobId::new("job"),
        item: Arc::new(ExportItem {
            entry_id: AccountingEntryId::new("ae-1"),
            company_id: CompanyId::new("company"),
            item_type: ItemType::from_wire("card_purchase"),
            sub_type: None,
            date: "2026-10-05T10:00:00Z".parse().unwrap(),
            amount,
            supplier_amount: None,
            lines: Vec::new(),
            method: Method::Journal,
            contra_account: None,
            supplier: None,
            vendor: None,
            user: None,
            team: None,
            note: None,
            files: Vec::new(),
            book_id: "7700001".into(),
            reconciled_entries: Vec::new(),
            attendees: Vec::new(),
            invoice: None,
            service_period: None,
            web_link: None,
            remarks: vec!["<odd>".into()],
            payload: crate::model::payload::Payload::default(),
        }),
        revision: 1,
        content_hash: "1:ab".into(),
        payee: "Papirhuset".into(),
        description: "Lunch & more".into(),
        posting_state: PostingState::Final,
        documents: vec![document],
        receipts: Vec::new(),
        receipts_missing: 0,
        seen: None,
        remarks: vec!["<odd>".into()],
    }
}

fn rows_of(document: &Document, included: &[Id]) -> Rows {
    let company = company();
    let around = Surroundings {
        company: &company,
        maker: "us",
        creditor: document.creditor.as_ref().map(|_| VENDOR),
        creditors: &Creditors::default(),
        rate: None,
        included_taxes: &included.iter().copied().collect(),
    };
    rows(&planned(document.clone()), document, around).unwrap()
}

fn column(fields: &[&str], rows: &Rows, name: &str) -> Vec<String> {
    let at = fields.iter().position(|field| *field == name).unwrap();
    rows.iter().map(|row| row[at].clone()).collect()
}

#[test]
fn an_entry_goes_without_its_tax_and_with_its_key() {
    let mut postings = taxed(1);
    postings.push(posting(WALLET, -12_500, Purpose::Cash));
    let tag = |reference: &str| PostingTag {
        tag: Tag {
            group: "project".into(),
            code: "B".into(),
        },
        reference: record(reference),
    };
    postings[0].tags = vec![tag("12"), tag("3")];
    let rows = rows_of(&document(DocumentKind::JournalEntry, postings), &[]);
    let column = |name| column(&ENTRY_FIELDS, &rows, name);
    assert!(rows.iter().all(|row| row.len() == ENTRY_FIELDS.len()));
    assert_eq!(
        column("id"),
        ["pleo_export.ae-1_main_1", ""],
        "one record of two lines"
    );
    assert_eq!(column("move_type"), ["entry", ""]);
    assert_eq!(column("journal_id/.id"), ["3", ""]);
    assert_eq!(column("ref"), ["Papirhuset / Lunch & more / Pleo 7700001", ""]);
    assert_eq!(column("line_ids/account_id/.id"), [COST, WALLET]);
    assert_eq!(column("line_ids/balance"), ["100.00", "-125.00"]);
    assert_eq!(column("line_ids/tax_ids/.id"), [TAX, ""]);
    assert_eq!(column("line_ids/analytic_distribution"), [r#"{"3,12":100}"#, ""]);
    let narration = &column("narration")[0];
    assert!(
        narration.contains("<p>Lunch &amp; more</p>") && narration.contains("&lt;odd&gt;"),
        "{narration}"
    );
    let origin = Origin::from_text(&column("invoice_origin")[0]).unwrap();
    assert_eq!(
        (origin.content_hash.as_str(), origin.made_by.as_deref()),
        ("1:ab", Some("us"))
    );
}

#[test]
fn a_bill_has_positive_prices_both_ways_and_leaves_what_is_owed_to_odoo() {
    for (kind, move_type, sign) in [
        (DocumentKind::VendorBill, "in_invoice", 1),
        (DocumentKind::CreditNote, "in_refund", -1),
    ] {
        let mut postings = taxed(sign);
        postings.push(posting(PAYABLE, -sign * 12_500, Purpose::Payable));
        let document = document(kind, postings);
        let rows = rows_of(&document, &[]);
        let column = |name| column(&BILL_FIELDS, &rows, name);
        assert_eq!(rows.len(), 1);
        assert_eq!(column("move_type"), [move_type]);
        assert_eq!(column("ref"), ["INV-77"], "the vendor's number alone");
        assert_eq!(column("partner_id/.id"), ["8"]);
        assert_eq!(column("invoice_date"), ["2026-10-05"]);
        assert_eq!(column("invoice_line_ids/price_unit"), ["100.00"]);
        assert_eq!(
            column("invoice_line_ids/name"),
            ["Papirhuset / Lunch & more / Pleo 7700001"]
        );
        let included = rows_of(&document, &[20]);
        assert_eq!(included[0][14], "125.00", "a price that includes the tax");
    }
}

#[test]
fn a_payment_is_on_the_vendors_own_account() {
    let postings = vec![
        posting(PAYABLE, 12_500, Purpose::Payable),
        posting(WALLET, -12_500, Purpose::Cash),
    ];
    let rows = rows_of(&document(DocumentKind::BillPayment, postings), &[]);
    let column = |name| column(&ENTRY_FIELDS, &rows, name);
    assert_eq!(column("journal_id/.id"), ["6", ""]);
    assert_eq!(column("ref"), ["INV-77 / Pleo 7700001", ""]);
    assert_eq!(column("line_ids/account_id/.id"), ["740", WALLET]);
    assert_eq!(column("line_ids/partner_id/.id"), ["8", "8"]);
}

#[test]
fn another_company_than_the_named_one_is_refused_with_both_names() {
    for wanted in [None, Some("Nordlys ApS"), Some(" Nordlys ApS ")] {
        assert_eq!(refuse_another(wanted, "Nordlys ApS"), Ok(()), "{wanted:?}");
    }
    let refused = refuse_another(Some("Nordlys AB"), "Nordlys ApS")
        .unwrap_err()
        .to_string();
    for part in ["company Nordlys ApS", "accounting.odoo.company is Nordlys AB"] {
        assert!(refused.contains(part), "{refused}");
    }
}
