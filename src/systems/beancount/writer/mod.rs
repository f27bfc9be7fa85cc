//! Documents into ledger text. Pure: number, revision and time are given; nothing is looked up.
//!
//! Which words are written and what they mean stands in the table of the vocabulary module.

mod facts;
mod lines;

use std::fmt::Write;

use chrono::{DateTime, NaiveDate, Utc};

use crate::host::clock;
use crate::model::document::{Posting, PostingState, Purpose};
use crate::model::export_item::ExportItem;
use crate::model::ids::CompanyId;
use crate::model::money::{Amount, Currency, Money};
use crate::model::references::{AccountPurpose, NewAccount};

pub(super) use lines::{Entry, is_writable};

use lines::{Lines, line};

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

/// The mirror of a transaction, to write.
#[derive(Debug)]
pub(super) struct MirrorText<'a> {
    pub(super) date: NaiveDate,
    /// Draft or final, as the transaction is.
    pub(super) flag: &'a str,
    /// Who was paid.
    pub(super) payee: Option<&'a str>,
    /// What it is.
    pub(super) narration: &'a str,
    /// The links of the transaction.
    pub(super) links: &'a [&'a str],
    /// The number of the transaction.
    pub(super) reverses: Number,
    /// Its own number.
    pub(super) number: Number,
    /// The postings the other way round.
    pub(super) postings: Vec<MirrorPosting<'a>>,
}

/// One posting of a mirror.
#[derive(Debug)]
pub(super) struct MirrorPosting<'a> {
    pub(super) account: &'a str,
    pub(super) money: Money,
    /// Its metadata as written.
    pub(super) metadata: Vec<(&'a str, String)>,
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
    pub(super) account: Box<str>,
    /// Which of the entry's receipts it is, counted from 1.
    pub(super) position: usize,
    /// Hash of its content.
    pub(super) sha256: &'a str,
    /// The name it came with.
    pub(super) file_name: &'a str,
    /// Where it lies, as seen from the file that is written.
    pub(super) path: String,
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

/// Writes when the file was written and whose it is, which numbers it takes, and which were given before and are not
/// there.
pub(super) fn head(
    out: &mut String,
    written: DateTime<Utc>,
    company: &CompanyId,
    taken: &[(Number, Number)],
    gaps: &[(Number, Number)],
    roots: &Roots,
) {
    let moment = clock::exact_text(written);
    comment(out, &format!("written: {moment} by {VERSION}"));
    options(out, roots);
    self::company(out, company);
    for (first, last) in taken {
        comment(out, &format!("numbers: {first} to {last}"));
    }
    for (first, last) in gaps {
        comment(out, &format!("given before and not there: {first} to {last}"));
    }
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
    let (payee, description) = (quoted(&item.payee), quoted(&item.description));
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
        format_args!("\n{date} {flag} {payee} {description} ^{link}{bill}"),
    );
    let mut lines = Lines { out, indent: "  " };
    facts::identity(&mut lines, entry);
    facts::invoice(&mut lines, entry);
    for posting in &document.postings {
        write_posting(out, posting, &item.item);
    }
}

/// Writes the mirror of a transaction, with an empty line before it.
pub(super) fn mirror(out: &mut String, mirror: &MirrorText<'_>) {
    let payee = mirror
        .payee
        .map(|payee| format!("{} ", quoted(payee)))
        .unwrap_or_default();
    let (date, flag, narration) = (mirror.date, mirror.flag, quoted(mirror.narration));
    let _ = write!(out, "\n{date} {flag} {payee}{narration}");
    for link in mirror.links {
        // Writing to a string cannot fail.
        let _ = write!(out, " ^{link}");
    }
    out.push('\n');
    let mut lines = Lines { out, indent: "  " };
    lines.text(key::REVERSES, Some(&mirror.reverses.to_string()));
    lines.text(key::NUMBER, Some(&mirror.number.to_string()));
    for posting in &mirror.postings {
        line(out, format_args!("  {}  {}", posting.account, posting.money));
        let mut lines = Lines { out, indent: "    " };
        for (key, value) in &posting.metadata {
            lines.raw(key, value);
        }
    }
}

/// Writes a posting; a cost in two where tax that may not be deducted is a part of it, so that base and tax of a code
/// can be summed up from the books.
fn write_posting(out: &mut String, posting: &Posting, item: &ExportItem) {
    let money = |amount| Money {
        amount,
        ..item.amount
    };
    let mut part = |amount: Amount, purpose: Option<&str>, account_code: Option<&str>| {
        let account = &posting.account.reference;
        line(out, format_args!("  {account}  {}", money(amount)));
        let mut lines = Lines { out, indent: "    " };
        lines.text(key::PURPOSE, purpose);
        lines.text(key::ACCOUNT_CODE, account_code);
        let tax_code = posting.tax.as_ref().and_then(|tax| tax.code.as_deref());
        lines.text(key::TAX_CODE, tax_code);
        let tags: Vec<String> = posting
            .tags
            .iter()
            .map(|tag| format!("{}={}", tag.tag.group, tag.tag.code))
            .collect();
        // People find entries by their tags.
        if !tags.is_empty() {
            lines.raw(key::TAGS, quoted_whole(&tags.join("; ")));
        }
        if posting.purpose == Purpose::Employee {
            employee(&mut lines, posting, item);
        }
    };
    if posting.purpose == Purpose::Cost {
        let code = account_code(posting, item);
        match tax_in_cost(posting) {
            Some((base, tax)) => {
                part(base, None, code);
                part(tax, Some(purpose::NON_DEDUCTIBLE_TAX), None);
            }
            None => part(posting.amount, None, code),
        }
    } else {
        part(posting.amount, purpose::stated(posting.purpose), None);
    }
}

/// The code, else the name, of an employee who owes or is owed.
fn employee(lines: &mut Lines<'_>, posting: &Posting, item: &ExportItem) {
    match &posting.employee_code {
        Some(code) => lines.text(key::EMPLOYEE_CODE, Some(code)),
        None => lines.text("employee", item.user.as_ref().map(|user| user.name.as_str())),
    }
}

/// Base and tax of a cost that holds tax.
fn tax_in_cost(posting: &Posting) -> Option<(Amount, Amount)> {
    let base = posting.tax.as_ref()?.base;
    let tax = posting.amount - base;
    (!tax.is_zero()).then_some((base, tax))
}

/// What Pleo calls the account that a cost comes from. `[accounts.map]` may have led it to another one.
fn account_code<'a>(posting: &Posting, item: &'a ExportItem) -> Option<&'a str> {
    let number = posting.line.as_ref()?.number;
    let account = item.lines.get(number.checked_sub(1)?)?.account.as_ref()?;
    account.code.as_deref().or(account.identifier.as_deref())
}

/// Writes where the evidence of the entries lies that follow, and by what it is known.
pub(super) fn evidence(out: &mut String, file: &str, sha256: &str) {
    let name = directive::EVIDENCE;
    let (file, sha256) = (quoted(file), quoted(sha256));
    line(
        out,
        format_args!("{OPENING_DAY} custom \"{name}\" {file} {sha256}"),
    );
}

/// Writes that evidence was removed on this day.
pub(super) fn evidence_removed(out: &mut String, day: NaiveDate, file: &str) {
    let name = directive::EVIDENCE_REMOVED;
    line(out, format_args!("{day} custom \"{name}\" {}", quoted(file)));
}

/// Writes the directive that puts a receipt beside an entry.
pub(super) fn receipt(out: &mut String, receipt: &NewReceipt<'_>) {
    let (date, account, path) = (receipt.date, &receipt.account, quoted(&receipt.path));
    let link = text::entry_link(receipt.entry_id);
    line(out, format_args!("\n{date} document {account} {path} ^{link}"));
    let mut lines = Lines { out, indent: "  " };
    lines.text(key::RECEIPT_OF, Some(receipt.entry_id));
    lines.text("receipt-of-number", Some(&receipt.number.to_string()));
    lines.raw("receipt", receipt.position);
    lines.text(key::SHA256, Some(receipt.sha256));
    lines.text("file-name", Some(receipt.file_name));
}
