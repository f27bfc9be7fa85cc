//! Documents into ledger text. Pure: number, revision and time are given; nothing is looked up.
//!
//! Which words are written and what they mean stands in the table of the vocabulary module.

mod facts;

use std::fmt::{Display, Write};

use chrono::{DateTime, Datelike, NaiveDate, Utc};

use crate::model::document::{Document, PlannedItem, Posting, PostingState, Purpose};
use crate::model::export_item::ExportItem;
use crate::model::ids::CompanyId;
use crate::model::money::{Currency, Money};
use crate::model::references::{AccountPurpose, NewAccount};

use super::number::Number;
use super::roots::Roots;
use super::text::{self, quoted, quoted_whole};
use super::vocabulary::{directive, key, purpose};

/// The version of this program, as entries name it.
pub(super) const VERSION: &str = concat!("pleo-export ", env!("CARGO_PKG_VERSION"));

/// The day from which the accounts that we open are open: before any entry.
pub(super) const OPENING_DAY: NaiveDate = match NaiveDate::from_ymd_opt(1970, 1, 1) {
    Some(day) => day,
    None => NaiveDate::MIN,
};

/// Between the values of a list in one string.
const LIST: &str = "; ";

/// One transaction to write.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    /// The item that it belongs to.
    pub(super) item: &'a PlannedItem,
    /// Which of its documents.
    pub(super) document: &'a Document,
    /// Which booking of it.
    pub(super) revision: u32,
    /// Its number.
    pub(super) number: Number,
    /// When it is written down.
    pub(super) recorded_at: DateTime<Utc>,
}

/// A receipt to put beside an entry.
#[derive(Debug)]
pub(super) struct NewReceipt<'a> {
    /// The entry.
    pub(super) entry_id: &'a str,
    /// The entry's number in the books.
    pub(super) number: Number,
    /// The entry's posting date.
    pub(super) date: NaiveDate,
    /// The account beside which it is put.
    pub(super) account: &'a str,
    /// Which of the entry's receipts it is, counted from 1.
    pub(super) position: usize,
    /// Hash of its content.
    pub(super) sha256: &'a str,
    /// The name it came with.
    pub(super) file_name: &'a str,
    /// Where it lies, as seen from the file that is written.
    pub(super) path: String,
}

/// Writes metadata lines with a given indentation.
struct Lines<'a> {
    out: &'a mut String,
    indent: &'static str,
}

impl Lines<'_> {
    fn text(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.raw(key, quoted(value));
        }
    }

    fn list<'t>(&mut self, key: &str, values: impl IntoIterator<Item = &'t str>) {
        let values: Vec<&str> = values.into_iter().collect();
        if !values.is_empty() {
            let list = values.join(LIST);
            // People find entries by their tags.
            self.raw(
                key,
                if key == "tags" {
                    quoted_whole(&list)
                } else {
                    quoted(&list)
                },
            );
        }
    }

    fn date(&mut self, key: &str, value: Option<NaiveDate>) {
        match value {
            Some(date) if is_writable(date) => self.raw(key, date),
            Some(date) => self.text(key, Some(&date.to_string())),
            None => {}
        }
    }

    fn raw(&mut self, key: &str, value: impl Display) {
        line(self.out, format_args!("{}{key}: {value}", self.indent));
    }
}

/// Whether beancount can hold the day: it knows the years 1 to 9999.
pub(super) fn is_writable(date: NaiveDate) -> bool {
    (1..=9999).contains(&date.year())
}

fn line(out: &mut String, content: impl Display) {
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{content}");
}

/// Writes a comment line; what could end it is made visible.
pub(super) fn comment(out: &mut String, content: &str) {
    line(out, format_args!("; {}", content.replace(char::is_control, " ")));
}

/// Writes what the ledger calls the kinds of accounts: beancount reads each file with its own options.
pub(super) fn options(out: &mut String, roots: &Roots) {
    for (option, name) in roots.options() {
        line(out, format_args!("option \"{option}\" {}", quoted(name)));
    }
}

/// Writes whose entries follow.
pub(super) fn company(out: &mut String, company: &CompanyId) {
    let (name, id) = (directive::COMPANY, quoted(company.as_str()));
    line(out, format_args!("{OPENING_DAY} custom \"{name}\" {id}"));
}

/// Writes that the ledger is kept in this currency.
pub(super) fn operating_currency(out: &mut String, currency: Currency) {
    line(out, format_args!("option \"operating_currency\" \"{currency}\""));
}

/// Writes the opening of an account.
pub(super) fn open(out: &mut String, account: &str, new: &NewAccount) {
    line(out, format_args!("{OPENING_DAY} open {account}"));
    let mut lines = Lines { out, indent: "  " };
    lines.text(key::CODE, new.code.as_deref());
    lines.text("name", new.name.as_deref());
    lines.text(key::IDENTIFIER, new.identifier.as_deref());
    lines.text(key::PURPOSE, new.purpose.map(AccountPurpose::as_str));
}

/// Writes the first line of a transaction that a person may book to mend what version 0.1 booked.
pub(super) fn transfer_head(out: &mut String, day: NaiveDate) {
    let description = "Transfer of what version 0.1 booked among the expenses";
    line(out, format_args!("{day} * {}", quoted(description)));
}

/// Writes the two postings that bring an amount from one account to another.
pub(super) fn transfer(out: &mut String, from: &str, to: &str, money: Money) {
    let amount = money.amount.negated();
    line(out, format_args!("  {from}  {}", Money { amount, ..money }));
    line(out, format_args!("  {to}  {money}"));
}

/// Writes one transaction, with an empty line before it.
pub(super) fn transaction(out: &mut String, entry: &Entry<'_>) {
    let Entry { item, document, .. } = entry;
    let flag = match item.posting_state {
        PostingState::Draft => '!',
        PostingState::Final => '*',
    };
    let payee = item
        .payee
        .as_deref()
        .map(|payee| format!("{} ", quoted(payee)))
        .unwrap_or_default();
    let description = quoted(&item.description);
    let link = text::entry_link(item.entry_id().as_str());
    let bill = document.matching.as_ref().map(|invoice| {
        let new_link = || {
            let vendor = invoice.vendor.reference().unwrap_or_default();
            text::bill_link(vendor, invoice.number.as_str())
        };
        format!(" ^{}", document.link.clone().unwrap_or_else(new_link))
    });
    let (date, bill) = (document.posting_date, bill.unwrap_or_default());
    line(
        out,
        format_args!("\n{date} {flag} {payee}{description} ^{link}{bill}"),
    );
    let mut lines = Lines { out, indent: "  " };
    facts::identity(&mut lines, entry);
    facts::figures(&mut lines, entry);
    facts::invoice(&mut lines, entry);
    let is_first = item
        .documents
        .first()
        .is_some_and(|first| first.part == document.part);
    if is_first {
        facts::people(&mut lines, &item.item, document);
        facts::particulars(&mut lines, item);
    }
    for posting in &document.postings {
        write_posting(out, posting, &item.item);
    }
}

fn write_posting(out: &mut String, posting: &Posting, item: &ExportItem) {
    let amount = Money {
        amount: posting.amount,
        currency: item.amount.currency,
    };
    line(out, format_args!("  {}  {amount}", posting.account.reference));
    let mut lines = Lines { out, indent: "    " };
    lines.text(key::PURPOSE, Some(purpose::word(posting.purpose)));
    if let Some(of_item) = &posting.line {
        lines.raw(key::LINE, of_item.number);
        lines.text("line-id", Some(&of_item.line_id));
    }
    if posting.purpose == Purpose::Cost {
        cost(&mut lines, posting, item);
    }
    if let Some(tax) = &posting.tax {
        let money = |amount| {
            Money {
                amount,
                ..item.amount
            }
            .to_string()
        };
        lines.text(key::TAX_CODE, tax.code.as_deref());
        lines.text("tax-rate", Some(&tax.rate));
        lines.text("tax-base", Some(&money(tax.base)));
        lines.text(key::TAX_AMOUNT, Some(&money(tax.amount)));
        if tax.reverse_charge {
            lines.raw("reverse-charge", "TRUE");
        }
    }
    let tags: Vec<String> = posting
        .tags
        .iter()
        .map(|tag| format!("{}={}", tag.tag.group, tag.tag.code))
        .collect();
    lines.list(key::TAGS, tags.iter().map(String::as_str));
    lines.text("employee-code", posting.employee_code.as_deref());
}

/// What Pleo says about the line that a cost comes from. `[accounts.map]` may have led it to another account.
fn cost(lines: &mut Lines<'_>, posting: &Posting, item: &ExportItem) {
    let number = posting.line.as_ref().map(|line| line.number);
    let Some(line) = number.and_then(|number| item.lines.get(number.checked_sub(1)?)) else {
        return;
    };
    if let Some(account) = &line.account {
        lines.text(key::ACCOUNT_CODE, account.code.as_deref());
        lines.text(key::ACCOUNT_IDENTIFIER, account.identifier.as_deref());
        lines.text("account-name", Some(&account.name));
    }
    lines.text(
        "supplier-amount",
        line.supplier_amount.map(|amount| amount.to_string()).as_deref(),
    );
}

/// Writes the directive that puts a receipt beside an entry.
pub(super) fn receipt(out: &mut String, receipt: &NewReceipt<'_>) {
    let (date, account, path) = (receipt.date, receipt.account, quoted(&receipt.path));
    let link = text::entry_link(receipt.entry_id);
    line(out, format_args!("\n{date} document {account} {path} ^{link}"));
    let mut lines = Lines { out, indent: "  " };
    lines.text(key::RECEIPT_OF, Some(receipt.entry_id));
    lines.text("receipt-of-number", Some(&receipt.number.to_string()));
    lines.raw("receipt", receipt.position);
    lines.text(key::SHA256, Some(receipt.sha256));
    lines.text("file-name", Some(receipt.file_name));
}
