//! Reading one export item into the model.
//!
//! What the books depend on (amounts, dates, accounts, taxes, ids) must be there and exact; otherwise the item is
//! malformed and fails alone. What only informs (notes, names, teams, attendees, supplier amounts, the service period,
//! sizes of files) is repaired or left out when it cannot be read, with a remark for the entry's notes where a person
//! might miss it.

use super::malformed::Malformed;
use super::reader::{Field, Object};
use crate::model::export_item::{
    AccountReference, ExportItem, InvoiceInformation, ItemType, Line, Method, Party, ReceiptFile, SubType,
    Supplier, Tag, Tax, TaxType, Vendor,
};
use crate::model::ids::{AccountingEntryId, CompanyId};
use crate::model::money::{Amount, Currency, Money};
use crate::model::payload::Payload;

/// Reads the payload of one export item, also one in which something is odd.
pub(super) fn export_item(payload: &str) -> Result<ExportItem, Malformed> {
    let item = Field::root(payload).object()?;
    let information = item.required("additionalInformation")?.object()?;
    let amounts = item.required("amount")?.object()?;
    let wallet = money(&amounts.required("inWalletCurrency")?)?;
    let mut remarks = Vec::new();
    Ok(ExportItem {
        entry_id: AccountingEntryId::new(item.short_identifier("accountingEntryId")?),
        company_id: CompanyId::new(item.short_identifier("companyId")?),
        item_type: ItemType::from_wire(&item.identifier("type")?),
        sub_type: item.optional_text("subType")?.as_deref().map(SubType::from_wire),
        date: item.required("date")?.moment()?,
        amount: wallet,
        supplier_amount: supplier_amount(&amounts, &mut remarks),
        lines: lines(&item, wallet.currency, &mut remarks)?,
        method: method(&item)?,
        contra_account: item.optional("contraAccount", |field| account(field, &mut remarks))?,
        supplier: supplier(&item, &mut remarks)?,
        vendor: item.optional("vendor", |field| vendor(field, &mut remarks))?,
        user: item.optional("user", |field| party(field, &mut remarks))?,
        team: team(&item, &mut remarks)?,
        note: item.decoration("note", &mut remarks),
        files: item.list("files", receipt_file)?,
        book_id: information.required("reconciliationId")?.code()?,
        reconciled_entries: information.list("reconciledEntries", Field::code)?,
        attendees: attendees(&information, &mut remarks),
        invoice: information.optional("invoiceInformation", invoice)?,
        service_period: or_remark(item.optional("servicePeriod", service_period), &mut remarks),
        web_link: web_link(&item),
        remarks,
        payload: Payload::new(payload),
    })
}

fn lines(item: &Object<'_>, wallet: Currency, remarks: &mut Vec<String>) -> Result<Vec<Line>, Malformed> {
    let lines = item.required("accountingEntryLines")?.array()?;
    lines.iter().map(|field| line(field, wallet, remarks)).collect()
}

fn line(field: &Field<'_>, wallet: Currency, remarks: &mut Vec<String>) -> Result<Line, Malformed> {
    let line = field.object()?;
    let amounts = line.required("lineAmount")?.object()?;
    Ok(Line {
        line_id: line.short_identifier("accountingEntryLineId")?,
        amount: amount_in(wallet, &amounts)?,
        net_amount: amount_in(wallet, &line.required("netAmount")?.object()?)?,
        supplier_amount: supplier_amount(&amounts, remarks),
        account: line.optional("account", |field| account(field, remarks))?,
        tags: line.list("tags", tag)?,
        tax: line.optional("tax", |field| tax(field, wallet))?,
    })
}

fn tax(field: &Field<'_>, wallet: Currency) -> Result<Tax, Malformed> {
    let tax = field.object()?;
    let rate = tax.required("rate")?.text_or_number()?;
    Ok(Tax {
        code: tax.optional_code("code")?,
        rate_millionths: millionths(&rate),
        rate,
        tax_type: TaxType::from_wire(&tax.required("type")?.text()?),
        amount: amount_in(wallet, &tax.required("amount")?.object()?)?,
        ingoing_account: tax.optional_code("ingoingTaxAccount")?,
        outgoing_account: tax.optional_code("outgoingTaxAccount")?,
    })
}

/// A decimal fraction without exponent, exactly; `None` where it has more than six decimals.
pub(super) fn millionths(rate: &str) -> Option<i64> {
    // An amount is a decimal number read without loss, so shifting the point does it.
    let shifted = Amount::from_json_number(&format!("{rate}e6")).ok()?;
    Some(shifted.in_hundredths())
}

fn money(field: &Field<'_>) -> Result<Money, Malformed> {
    let money = field.object()?;
    Ok(Money {
        amount: money.required("value")?.amount()?,
        currency: money.required("currency")?.currency()?,
    })
}

/// The books are kept in one currency for each item, so a line in another one cannot be booked.
fn amount_in(wallet: Currency, amounts: &Object<'_>) -> Result<Amount, Malformed> {
    let amount = amounts.required("inWalletCurrency")?.object()?;
    let currency = amount.required("currency")?;
    if currency.currency()? != wallet {
        return Err(currency.is_not(format_args!("{wallet} as the item's wallet amount")));
    }
    amount.required("value")?.amount()
}

fn supplier_amount(amounts: &Object<'_>, remarks: &mut Vec<String>) -> Option<Money> {
    or_remark(amounts.optional("inSupplierCurrency", money), remarks)
}

/// For what only informs: it is left out when it cannot be read, but not silently.
fn or_remark<T>(read: Result<Option<T>, Malformed>, remarks: &mut Vec<String>) -> Option<T> {
    read.unwrap_or_else(|problem| {
        remarks.push(format!("{}, so it is left out", problem.in_words()));
        None
    })
}

fn method(item: &Object<'_>) -> Result<Method, Malformed> {
    let Some(bookkeeping) = item.field("bookkeeping") else {
        return Ok(Method::Absent);
    };
    let method = bookkeeping.object()?.optional("method", Field::text)?;
    Ok(Method::from_wire(method.as_deref()))
}

fn account(field: &Field<'_>, remarks: &mut Vec<String>) -> Result<AccountReference, Malformed> {
    let account = field.object()?;
    Ok(AccountReference {
        code: account.optional_code("code")?,
        identifier: account.optional_code("identifier")?,
        name: account.decoration("name", remarks).unwrap_or_default(),
    })
}

fn tag(field: &Field<'_>) -> Result<Tag, Malformed> {
    let tag = field.object()?;
    Ok(Tag {
        group: tag.required("groupCode")?.code()?,
        code: tag.required("code")?.code()?,
    })
}

/// A tagged vendor stands in the supplier's place, so then nothing about the supplier fails the item.
fn supplier(item: &Object<'_>, remarks: &mut Vec<String>) -> Result<Option<Supplier>, Malformed> {
    let read = item.optional("supplier", |field| named_supplier(field, remarks));
    if item.field("vendor").is_some() {
        return Ok(or_remark(read, remarks));
    }
    read
}

fn named_supplier(field: &Field<'_>, remarks: &mut Vec<String>) -> Result<Supplier, Malformed> {
    let supplier = field.object()?;
    Ok(Supplier {
        name: supplier.decoration("name", remarks),
        code: supplier.optional_code("code")?,
        account: supplier.optional_code("account")?,
        tax_number: supplier.optional_code("taxIdentifier")?,
    })
}

/// A vendor whose name cannot be read goes by its code.
fn vendor(field: &Field<'_>, remarks: &mut Vec<String>) -> Result<Vendor, Malformed> {
    let vendor = field.object()?;
    let code = vendor.optional_code("code")?;
    let external_id = vendor.optional_code("externalId")?;
    let name = vendor
        .field("name")
        .and_then(|name| name.decoration(remarks).or(code.clone()).or(external_id.clone()));
    let name = name.filter(|name| !name.trim().is_empty());
    let name = name.map_or_else(|| vendor.identifier("name"), Ok)?;
    if code.is_none() && external_id.is_none() {
        // It may be found by its name.
        vendor.required("name")?.refuse_long(&name)?;
    }
    Ok(Vendor {
        name,
        code,
        external_id,
        tax_number: vendor.optional_code("taxRegistrationNumber")?,
    })
}

fn party(field: &Field<'_>, remarks: &mut Vec<String>) -> Result<Party, Malformed> {
    let party = field.object()?;
    Ok(Party {
        name: party.decoration("name", remarks).unwrap_or_default(),
        code: party.optional_code("code")?,
    })
}

/// The team decides nothing, so all of it may be missing. A code that is too long is one all the same: it is never cut.
fn team(item: &Object<'_>, remarks: &mut Vec<String>) -> Result<Option<Party>, Malformed> {
    match item.optional("team", |field| party(field, remarks)) {
        Err(problem) if problem.is_too_long() => Err(problem),
        read => Ok(or_remark(read, remarks)),
    }
}

fn attendees(information: &Object<'_>, remarks: &mut Vec<String>) -> Vec<String> {
    let attendees = or_remark(information.optional("attendees", Field::array), remarks).unwrap_or_default();
    attendees
        .iter()
        .filter(|attendee| !attendee.is_null())
        .filter_map(|attendee| attendee.decoration(remarks))
        .collect()
}

/// Pleo's samples hold files with nothing but an address.
fn receipt_file(field: &Field<'_>) -> Result<ReceiptFile, Malformed> {
    let file = field.object()?;
    Ok(ReceiptFile {
        url: file.identifier("url")?,
        media_type: file.optional_text("type").unwrap_or_default(),
        size: file.optional("size", Field::count).unwrap_or_default(),
    })
}

fn invoice(field: &Field<'_>) -> Result<InvoiceInformation, Malformed> {
    let invoice = field.object()?;
    Ok(InvoiceInformation {
        number: invoice.required("invoiceNumber")?.code()?,
        invoice_date: invoice.optional("invoiceDate", Field::date)?,
        due_date: invoice.optional("dueDate", Field::date)?,
    })
}

fn service_period(field: &Field<'_>) -> Result<(chrono::NaiveDate, chrono::NaiveDate), Malformed> {
    let period = field.object()?;
    let day = |name| Ok(period.required(name)?.moment()?.date_naive());
    Ok((day("from")?, day("to")?))
}

/// The link to the item, else any other link to Pleo's web pages.
fn web_link(item: &Object<'_>) -> Option<String> {
    let links = item.field("_links")?.object().ok()?;
    let web = links.field("web")?.object().ok()?;
    let own = web.field("exportItem").and_then(|link| link.text().ok());
    own.or_else(|| web.fields().find_map(|link| link.text().ok()))
}
